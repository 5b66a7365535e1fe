"""Where a Jupyter server's own login is in charge: who a caller is, is asked of it, with the caller's own credentials.

A token decides alone, so that no page can switch off with a wrong one what is asked of who relies on a cookie.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import hdrs, web
from cachetools import TTLCache
from yarl import URL

from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Caller, Credential
from gateway.contents.problem import Code, Problem
from gateway.contents.upstream import Destination, Upstream
from gateway.dialects.dialect import ANONYMOUS, Dialect
from gateway.server.auth import Gatekeeper, single_header
from gateway.server.middleware import CALLER
from gateway.server.signing_in.browsers import refuse_forged
from gateway.server.signing_in.cookies import XSRF_COOKIE, cookie_values
from gateway.server.signing_in.origins import Origins
from gateway.server.tokens import query_token
from gateway.wire import json
from gateway.wire.client import Answer, UpstreamClient, nonsense

KNOWN_SECONDS = 5.0
"""For how long the server's word is taken: a sign-out there is noticed here no later."""
UNKNOWN_SECONDS = 1.0
ASK_SECONDS = 5.0
MAX_REMEMBERED = 4096

_NO_NAME = "The Jupyter server does not say who the caller is."
_XSRF_HEADER = "X-XSRFToken"
_UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of its caller: the whole Cookie header, and a token as an Authorization header."""

    authorization: str
    cookie: str

    @classmethod
    def of(cls, request: web.Request) -> Shown:
        """UNAUTHENTICATED where there are two tokens, or what cannot stand in a header."""
        token = query_token(request)
        authorization = f"token {token}" if token else single_header(request, hdrs.AUTHORIZATION)
        cookie = "; ".join(request.headers.getall(hdrs.COOKIE, []))
        if _UNFIT.search(authorization + cookie):
            raise _unknown()
        return cls(authorization, cookie)

    @property
    def relies_on_cookie(self) -> bool:
        return bool(self.cookie) and not self.authorization

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr((self.authorization, self.cookie)).encode("utf-8", "surrogatepass")).hexdigest()

    def headers(self) -> dict[str, str]:
        headers = {hdrs.AUTHORIZATION: self.authorization, hdrs.COOKIE: self.cookie}
        return {name: value for name, value in headers.items() if value}


class UpstreamUsers:
    """Asks the server at ``url`` who somebody is."""

    def __init__(self, client: UpstreamClient, url: str) -> None:
        self._client = client
        self._url = URL(f"{url.rstrip('/')}/api/me", encoded=True)
        self._known: TTLCache[str, str] = TTLCache(MAX_REMEMBERED, KNOWN_SECONDS)
        self._unknown: TTLCache[str, None] = TTLCache(MAX_REMEMBERED, UNKNOWN_SECONDS)
        self._asking = ProcessLocks()

    async def username(self, shown: Shown) -> str | None:
        """The name that the server has for who shows this; None when it knows nobody by it. UNAVAILABLE."""
        digest = shown.digest
        async with self._asking.hold(digest):
            if digest in self._known:
                return self._known[digest]
            if digest in self._unknown:
                return None
            if (name := await self._named(shown)) is None:
                self._unknown[digest] = None
            else:
                self._known[digest] = name
            return name

    async def _named(self, shown: Shown) -> str | None:
        """A token must be good by itself; whose browser it is, the cookie beside it may tell."""
        if shown.authorization and shown.cookie and await self._answered(replace(shown, cookie="")) is None:
            return None
        return await self._answered(shown)

    async def _answered(self, shown: Shown) -> str | None:
        answer = await self._client.send("GET", self._url, headers=shown.headers(), seconds=ASK_SECONDS)
        if answer.status in (401, 403):
            return None
        return _username(answer)


class UpstreamAuthenticator:
    """Knows whom the server knows."""

    def __init__(self, users: UpstreamUsers, origins: Origins) -> None:
        self._users = users
        self._origins = origins

    async def authenticate(self, request: web.Request) -> Caller | None:
        shown = Shown.of(request)
        if not shown.headers():
            return None
        if shown.relies_on_cookie:
            self._origins.refuse_foreign(request)
        name = await self._users.username(shown)
        if name is None:
            raise _unknown()
        return Caller(name, Credential.UPSTREAM)


class UpstreamLogin:
    """The gate of a gateway that shows the pages of the server at ``url``, whose own login is in charge.

    What goes through to it is let in for everybody, to be judged there; what it has put into a ``_xsrf`` cookie must
    come with a change here, too.
    """

    def __init__(self, gatekeeper: Gatekeeper, url: str) -> None:
        self._gatekeeper = gatekeeper
        self._url = url.rstrip("/")

    async def enter(self, request: web.Request, dialect: Dialect, *, is_rest: bool) -> Caller | web.StreamResponse:
        if Credential.UPSTREAM not in dialect.credentials:
            return await self._gatekeeper.enter(request, dialect, is_rest=is_rest)
        try:
            caller = await self._gatekeeper.caller(request, dialect)
        except Problem as problem:
            if problem.code is not Code.UNAUTHENTICATED or not is_rest:
                raise
            return ANONYMOUS
        if not is_rest and Shown.of(request).relies_on_cookie:
            refuse_forged(request, _xsrf_of(request))
        return caller

    def onward(self, request: web.Request, destination: Destination) -> Destination:
        """The caller's credentials in place of the gateway's; none beside a token that the server does not know."""
        if destination.upstream.url != self._url:
            return destination
        shown = Shown.of(request)
        if shown.authorization and request.get(CALLER) == ANONYMOUS:
            shown = replace(shown, cookie="")
        headers = {**destination.headers, **shown.headers(), **_xsrf_header(request)}
        return Destination(Upstream(self._url), destination.target, headers, signs_in=True)


def _xsrf_of(request: web.Request) -> str:
    """FORBIDDEN without the cookie, or with two of them."""
    values = list(cookie_values(request, XSRF_COOKIE))
    if len(values) != 1 or not values[0]:
        raise Problem(Code.FORBIDDEN, "'_xsrf' cookie missing, or given twice")
    return values[0]


def _xsrf_header(request: web.Request) -> Mapping[str, str]:
    values = request.headers.getall(_XSRF_HEADER, [])
    return {_XSRF_HEADER: values[0]} if len(values) == 1 and not _UNFIT.search(values[0]) else {}


def _username(answer: Answer) -> str:
    """UPSTREAM for anything but a name."""
    try:
        name = json.decode(answer.body, dict[str, Any])["identity"]["username"] if answer.status == 200 else None
    except (Problem, KeyError, TypeError) as error:
        raise nonsense(_NO_NAME) from error
    if not isinstance(name, str) or not name:
        raise nonsense(_NO_NAME)
    return name


def _unknown() -> Problem:
    return Problem(Code.UNAUTHENTICATED, "The Jupyter server does not know you.")
