"""Jupyter tokens and Nx1 pre-shared keys, known by their digests; and bearer tokens where there is no issuer."""

from __future__ import annotations

from base64 import b64decode

from aiohttp import web

from gateway.contents.model import Caller
from gateway.contents.problem import Code, Problem
from gateway.server.auth import Secrets, authorization, single_header

PSK_HEADER = "Authorization-PSK"


class TokenAuthenticator:
    """A Jupyter token: ``?token=`` first, then ``token X``, ``Bearer X`` or a Basic password (spec jupyter A1)."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def authenticate(self, request: web.Request) -> Caller | None:
        token = query_token(request) or _header_token(*authorization(request))
        return self._secrets.caller(token) if token else None


class NoBearer:
    """Stands where no issuer is configured: then every bearer token is a bad one, not an absent one."""

    async def authenticate(self, request: web.Request) -> Caller | None:
        if authorization(request)[0] == "bearer":
            raise Problem(Code.UNAUTHENTICATED, "Bearer tokens are not accepted here.")
        return None


class PskAuthenticator:
    """An Nx1 key: the raw value of its own header (spec nx1 2.1)."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def authenticate(self, request: web.Request) -> Caller | None:
        if PSK_HEADER not in request.headers:
            return None
        return self._secrets.caller(single_header(request, PSK_HEADER))


def is_jwt(value: str) -> bool:
    """Whether a bearer value has the form of a JWT, and is therefore never a Jupyter token."""
    return value.count(".") == 2


def query_token(request: web.Request) -> str:
    """The value of ``?token=``, empty without one.

    UNAUTHENTICATED when it is given twice, for then nobody knows which one counts.
    """
    values = request.query.getall("token", [])
    if len(values) > 1:
        raise Problem(Code.UNAUTHENTICATED, "The token must not be given more than once.")
    return values[0] if values else ""


def _header_token(scheme: str, value: str) -> str | None:
    match scheme:
        case "token":
            return value
        case "bearer":
            return None if is_jwt(value) else value
        case "basic":
            return _password(value)
    return None


def _password(value: str) -> str:
    try:
        return b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError as error:
        raise Problem(Code.UNAUTHENTICATED, "The Basic credential cannot be read.") from error
