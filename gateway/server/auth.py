"""From a request to a Caller: each dialect names the credentials it takes, and the first one present decides."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import hdrs, web

from gateway.contents.model import Caller, Credential
from gateway.contents.problem import Code, Problem
from gateway.contents.upstream import Destination
from gateway.dialects.dialect import Dialect

_DIGEST_OF_NOTHING = hashlib.sha256(b"").hexdigest()
_ASKED_FOR = {
    Credential.TOKEN: "a Jupyter token",
    Credential.PSK: "Authorization-PSK",
    Credential.JWT: "a bearer token",
    Credential.SIGNATURE: "a request signature",
    Credential.COOKIE: "a sign-in with a browser",
    Credential.UPSTREAM: "whatever the Jupyter server accepts",
}


class Authenticator(Protocol):
    """Knows one kind of credential."""

    async def authenticate(self, request: web.Request) -> Caller | None:
        """None when the request carries no credential of this kind; UNAUTHENTICATED when it carries a bad one."""
        ...


class Gatekeeper:
    """Lets in who can prove an identity. A bad credential is never papered over by a second one.

    So there is an authenticator for each kind that a dialect takes, also where none of that kind is good.
    """

    def __init__(self, authenticators: Mapping[Credential, Authenticator]) -> None:
        self._authenticators = authenticators

    async def caller(self, request: web.Request, dialect: Dialect) -> Caller:
        for credential in dialect.credentials:
            if (caller := await self._authenticators[credential].authenticate(request)) is not None:
                return caller
        taken = " or ".join(_ASKED_FOR[credential] for credential in dialect.credentials)
        raise Problem(Code.UNAUTHENTICATED, f"A credential is needed: {taken}.")

    async def enter(self, request: web.Request, dialect: Dialect, *, is_rest: bool) -> Caller | web.StreamResponse:
        """As a gate without pages for people: who asks, whatever they ask for."""
        return await self.caller(request, dialect)

    def onward(self, _request: web.Request, destination: Destination) -> Destination:
        """The gateway proves itself to the servers behind it."""
        return destination


def authorization(request: web.Request) -> tuple[str, str]:
    """The scheme (lower-case) and value of the Authorization header, both empty without one."""
    scheme, value, *_ = [*single_header(request, hdrs.AUTHORIZATION).split(maxsplit=1), "", ""]
    return scheme.lower(), value.strip()


def single_header(request: web.Request, name: str) -> str:
    """A header that may come once; UNAUTHENTICATED when it comes twice, for then nobody knows which one counts."""
    values = request.headers.getall(name, [])
    if len(values) > 1:
        raise Problem(Code.UNAUTHENTICATED, f"The header {name} must not be given more than once.")
    return values[0] if values else ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A secret by its sha256 (lower-case hex), and whose it is; ``username`` None is the platform itself."""

    sha256: str
    username: str | None
    roles: frozenset[str]


class Secrets:
    """The known secrets of one kind, compared in constant time."""

    def __init__(self, grants: Iterable[Grant], credential: Credential) -> None:
        self._grants = tuple(grants)
        if any(grant.sha256 == _DIGEST_OF_NOTHING for grant in self._grants):
            raise ValueError(f"an empty {credential.value} is no secret")
        self._credential = credential

    @property
    def grants(self) -> tuple[Grant, ...]:
        return self._grants

    def caller(self, secret: str) -> Caller:
        """Whose secret it is; UNAUTHENTICATED for nobody's."""
        if (grant := self.find(secret)) is None:
            raise Problem(Code.UNAUTHENTICATED, "The credential is not accepted.")
        return Caller(grant.username, self._credential, grant.roles)

    def find(self, secret: str) -> Grant | None:
        """The grant that it is the secret of. Every grant is looked at, whichever fits."""
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
        fitting = [grant for grant in self._grants if hmac.compare_digest(grant.sha256, digest)]
        return fitting[0] if fitting else None
