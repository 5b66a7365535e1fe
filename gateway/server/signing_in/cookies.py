"""The cookies of who is signed in with a browser: the login cookie, and ``_xsrf``, which pages show with changes.

The login cookie is a signed statement of who signed in, by which grant, and until when. ``_xsrf`` follows from its id,
so that a pair from elsewhere does not fit (spec jupyter A1).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jwt
from aiohttp import hdrs, web

from gateway.contents.model import Caller, Credential
from gateway.contents.problem import Code, Problem
from gateway.server.signing_in.origins import is_secure, own_host

XSRF_COOKIE = "_xsrf"
LIFETIME_SECONDS = 30 * 24 * 3600
MAX_VALUE_LENGTH = 3800
"""Browsers drop cookies of more than 4096 bytes in all."""

_ALGORITHM = "HS256"
_AUDIENCE = "nbgateway login cookie"
_CLAIMS = ("aud", "exp", "iat", "jti", "sub", "roles", "grant")
_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True)
class Proof:
    """Who has just proven who they are, by which ``grant``, and, where the proof ends by itself, when (epoch)."""

    caller: Caller
    grant: str
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """What a login cookie says; ``xsrf`` belongs to it."""

    id: str
    caller: Caller
    grant: str
    expires: float
    xsrf: str


class LoginCookies:
    """Issues, reads and takes back cookies of the gateway at ``base_path``; its replicas share the ``secret``."""

    def __init__(self, secret: bytes, base_path: str = "", *, clock: Callable[[], float] = time.time) -> None:
        self._signing_key = _derived(secret, "login cookie")
        self._xsrf_key = _derived(secret, "xsrf")
        self._base_path = base_path
        self._clock = clock

    def issue(self, request: web.Request, response: web.StreamResponse, proof: Proof) -> None:
        """Have the answer sign the browser in. FORBIDDEN where what must be said does not fit into a cookie."""
        moment, id_ = self._clock(), uuid4().hex
        lifetime = LIFETIME_SECONDS if proof.expires is None else min(LIFETIME_SECONDS, int(proof.expires - moment))
        claims = {
            "aud": _AUDIENCE,
            "exp": int(moment) + lifetime,
            "iat": int(moment),
            "jti": id_,
            "sub": proof.caller.username,
            "roles": sorted(proof.caller.roles),
            "grant": proof.grant,
        }
        value = jwt.encode(claims, self._signing_key, _ALGORITHM)
        if len(value) > MAX_VALUE_LENGTH:
            raise Problem(Code.FORBIDDEN, "This user has more roles than fit into a cookie.")
        self._set(request, response, self.name(request), value, lifetime, is_readable=False)
        self._set(request, response, XSRF_COOKIE, self._xsrf(id_), lifetime, is_readable=True)

    def renew_xsrf(self, request: web.Request, response: web.StreamResponse, login: Login) -> None:
        """Put ``_xsrf`` right: another server on this host may have put its own in its place."""
        lifetime = int(login.expires - self._clock())
        self._set(request, response, XSRF_COOKIE, login.xsrf, lifetime, is_readable=True)

    def withdraw(self, request: web.Request, response: web.StreamResponse) -> None:
        """Have the answer sign the browser out."""
        self._set(request, response, self.name(request), "", 0, is_readable=False)
        self._set(request, response, XSRF_COOKIE, "", 0, is_readable=True)

    def read(self, request: web.Request) -> Login | None:
        """What the browser's login cookie says. None without one, UNAUTHENTICATED for one that is not good."""
        values = list(cookie_values(request, self.name(request)))
        if not values:
            return None
        if len(values) > 1 or len(values[0]) > MAX_VALUE_LENGTH:
            raise refused()
        try:
            options: Any = {"require": list(_CLAIMS), "strict_aud": True}
            claims = jwt.decode(values[0], self._signing_key, [_ALGORITHM], audience=_AUDIENCE, options=options)
        except (jwt.PyJWTError, ValueError) as error:
            raise refused() from error
        caller = Caller(claims["sub"], Credential.COOKIE, frozenset(claims["roles"]))
        return Login(claims["jti"], caller, claims["grant"], claims["exp"], self._xsrf(claims["jti"]))

    def name(self, request: web.Request) -> str:
        """Cookies ignore ports, so the name tells gateways on one host apart.

        With ``__Host-`` no other host, no path and no plain connection can put one of that name in a browser.
        """
        origin = f"{own_host(request) or ''}{self._base_path}"
        prefix = "__Host-" if is_secure(request) and not self._base_path else ""
        return f"{prefix}nbgw-login-{_NOT_ALPHANUMERIC.sub('-', origin)}"

    def grant_of(self, kind: Credential, secret: str) -> str:
        """How cookies name what they were issued for, which tells nothing of it."""
        return f"{kind.value}:{_digest(self._signing_key, f'grant {secret}')[:32]}"

    def _xsrf(self, id_: str) -> str:
        return _digest(self._xsrf_key, id_)

    def _set(
        self,
        request: web.Request,
        response: web.StreamResponse,
        name: str,
        value: str,
        lifetime: int,
        *,
        is_readable: bool,
    ) -> None:
        """As a header, which can still be added when aiohttp has made headers of the cookies that it knows."""
        attributes = [f"{name}={value}", f"Max-Age={lifetime}", f"Path={self._base_path or '/'}", "SameSite=Lax"]
        attributes += ["Secure"] * is_secure(request) + ["HttpOnly"] * (not is_readable)
        response.headers.add(hdrs.SET_COOKIE, "; ".join(attributes))


def cookie_values(request: web.Request, name: str) -> Iterator[str]:
    """Every value that a browser sends under a name: from several paths or domains there may be several."""
    for line in request.headers.getall(hdrs.COOKIE, []):
        for pair in line.split(";"):
            given, _, value = pair.strip().partition("=")
            if given == name:
                yield value.strip('"')


def refused() -> Problem:
    """A login cookie is not good (any more)."""
    return Problem(Code.UNAUTHENTICATED, "The login cookie is not accepted.")


def _derived(secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, purpose.encode(), hashlib.sha256)


def _digest(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
