"""From a login cookie to a Caller: while what it was issued for is good, and for the gateway's own pages only."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from aiohttp import hdrs, web
from cachetools import TTLCache

from gateway.contents.model import Caller, Credential
from gateway.contents.problem import Code, Problem
from gateway.server.auth import Secrets
from gateway.server.signing_in.cookies import XSRF_COOKIE, Login, LoginCookies, Proof, cookie_values, refused
from gateway.server.signing_in.origins import Origins
from gateway.server.tokens import is_jwt

SIGN_OUT_SECONDS = 5.0
"""For how long a sign-out may go unnoticed by the other replicas."""
MAX_REMEMBERED = 4096

_READS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_XSRF_HEADERS = ("X-XSRFToken", "X-CSRFToken")


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a browser that shows another ``_xsrf`` than its login's is to be given."""

    cookies: LoginCookies
    login: Login


RENEWAL = web.RequestKey("renewal", Renewal)


class SignIns(Protocol):
    """Who signed out, for all replicas."""

    async def sign_out(self, id_: str, expires: datetime) -> None: ...

    async def is_signed_out(self, id_: str) -> bool: ...


class Bearers(Protocol):
    """Knows the access tokens of an issuer."""

    async def proof(self, token: str) -> tuple[Caller, float]:
        """Whose a good token is, and when it expires (epoch); UNAUTHENTICATED for any other."""
        ...


class Grants:
    """Proves people by what they show at the sign-in, and knows which of these grants are still configured.

    ``issuer`` names whose tokens ``bearers`` knows.
    """

    def __init__(
        self, tokens: Secrets, cookies: LoginCookies, bearers: Bearers | None = None, issuer: str = ""
    ) -> None:
        self._tokens = tokens
        self._bearers = bearers
        self._cookies = cookies
        self._by_token = {cookies.grant_of(Credential.TOKEN, grant.sha256): grant for grant in tokens.grants}
        self._by_issuer = cookies.grant_of(Credential.JWT, issuer) if bearers else None

    async def prove(self, text: str) -> Proof:
        """Whose token it is. UNAUTHENTICATED for nobody's."""
        if (grant := self._tokens.find(text)) is not None:
            caller = Caller(grant.username, Credential.TOKEN, grant.roles)
            return Proof(caller, self._cookies.grant_of(Credential.TOKEN, grant.sha256))
        if self._bearers is None or self._by_issuer is None or not is_jwt(text):
            raise Problem(Code.UNAUTHENTICATED, "The credential is not accepted.")
        caller, expires = await self._bearers.proof(text)
        return Proof(caller, self._by_issuer, expires)

    def caller(self, login: Login) -> Caller:
        """Who that is by now: a token's roles are those it has today. UNAUTHENTICATED when the grant is gone."""
        if login.grant == self._by_issuer:
            return login.caller
        grant = self._by_token.get(login.grant)
        if grant is None or grant.username != login.caller.username:
            raise refused()
        return Caller(grant.username, Credential.COOKIE, grant.roles)


class CookieAuthenticator:
    """Knows who is signed in with a browser."""

    def __init__(self, cookies: LoginCookies, grants: Grants, origins: Origins, sign_ins: SignIns) -> None:
        self._cookies = cookies
        self._grants = grants
        self._origins = origins
        self._sign_ins = sign_ins
        self._seen: TTLCache[str, None] = TTLCache(MAX_REMEMBERED, SIGN_OUT_SECONDS)

    async def authenticate(self, request: web.Request) -> Caller | None:
        """FORBIDDEN when the cookie is good and a page of another origin makes use of it."""
        if (login := await self.login(request)) is None:
            return None
        self._origins.refuse_foreign(request)
        if list(cookie_values(request, XSRF_COOKIE)) != [login.xsrf]:
            request[RENEWAL] = Renewal(self._cookies, login)
        refuse_forged(request, login.xsrf)
        return self._grants.caller(login)

    async def login(self, request: web.Request) -> Login | None:
        """What the login cookie says, if it is good still; None without one. UNAUTHENTICATED when it is not."""
        if (login := self._cookies.read(request)) is None:
            return None
        self._grants.caller(login)
        if login.id not in self._seen:
            if await self._sign_ins.is_signed_out(login.id):
                raise refused()
            self._seen[login.id] = None
        return login

    async def sign_out(self, request: web.Request) -> None:
        """No longer accept the browser's login cookie, wherever it was copied to; a bad one is bad already."""
        try:
            login = await self.login(request)
        except Problem as problem:
            if problem.code is not Code.UNAUTHENTICATED:
                raise
            return
        if login is not None:
            await self._sign_ins.sign_out(login.id, datetime.fromtimestamp(login.expires, UTC))
            self._seen.pop(login.id, None)


def refuse_forged(request: web.Request, xsrf: str) -> None:
    """FORBIDDEN for a change that does not show ``xsrf``, in a header or in the query, as only own pages can."""
    if request.method in _READS:
        return
    values = [value for name in _XSRF_HEADERS for value in request.headers.getall(name, [])]
    shown = values or request.query.getall(XSRF_COOKIE, [])
    if not shown:
        raise Problem(Code.FORBIDDEN, f"'_xsrf' argument missing from {request.method}")
    if not all(hmac.compare_digest(value.encode("utf-8", "surrogatepass"), xsrf.encode()) for value in shown):
        raise Problem(Code.FORBIDDEN, f"XSRF cookie does not match {request.method} argument")


async def renew(request: web.Request, response: web.StreamResponse) -> None:
    """For every answer before it is sent: put the browser's ``_xsrf`` right where the request showed another."""
    if (renewal := request.get(RENEWAL)) is not None:
        renewal.cookies.renew_xsrf(request, response, renewal.login)
