"""Keycloak access tokens, and the rules for the tokens of any issuer but the gateway itself (spec nx1 2.2, 2.5).

Keys come from the issuer's JWKS, fetched with the gateway's own session. A token's ``jku`` and ``x5u`` are never
followed, and ``kid`` only selects among the keys that the configured issuer published.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import aiohttp
import jwt
import structlog
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from gateway.contents.model import Caller, Credential
from gateway.contents.paths import is_plain_name
from gateway.contents.problem import Code, Problem
from gateway.server.auth import authorization
from gateway.server.tokens import is_jwt

ALGORITHM = "RS256"
ACCESS_TYPE = "Bearer"
"""Keycloak's ``typ`` of an access token; its refresh, offline, identity and logout tokens say otherwise."""

LEEWAY_SECONDS = 30
MIN_KEY_BITS = 2048
KEYS_FRESH_SECONDS = 3600.0
KEYS_USABLE_SECONDS = 7200.0
REFETCH_COOLDOWN_SECONDS = 30.0
FETCH_SECONDS = 5.0

_log = structlog.get_logger()


class IssuerKeys(Protocol):
    """The signing keys of one issuer."""

    async def key(self, key_id: object) -> RSAPublicKey | None:
        """The key that a token's ``kid`` names, whatever that is; UNAVAILABLE when it cannot be told now."""
        ...


class KeySet:
    """The issuer's signing keys: cached for an hour, usable for one more when the issuer is out of reach."""

    def __init__(self, session: aiohttp.ClientSession, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._url = url
        self._clock = clock
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._fetching = asyncio.Lock()

    async def key(self, key_id: object) -> RSAPublicKey | None:
        """The key, refetching once when it is unknown or the set has aged. UNAVAILABLE when there is no usable set.

        While an aged set is fetched anew, nobody whose key is known waits but the one who fetches.
        """
        if not isinstance(key_id, str):
            return None
        if self._must_be_fetched(key_id) and not (self._is_usable(key_id) and self._fetching.locked()):
            async with self._fetching:
                if self._must_be_fetched(key_id):
                    await self._refetch()
        if not self._younger_than(KEYS_USABLE_SECONDS):
            raise Problem(Code.UNAVAILABLE, "The token issuer cannot be reached.", retry_after_seconds=30)
        return self._keys.get(key_id)

    def _must_be_fetched(self, key_id: str) -> bool:
        return key_id not in self._keys or not self._younger_than(KEYS_FRESH_SECONDS)

    def _is_usable(self, key_id: str) -> bool:
        return key_id in self._keys and self._younger_than(KEYS_USABLE_SECONDS)

    def _younger_than(self, seconds: float) -> bool:
        return self._fetched is not None and self._clock() - self._fetched < seconds

    async def _refetch(self) -> None:
        if self._tried is not None and self._clock() - self._tried < REFETCH_COOLDOWN_SECONDS:
            return
        self._tried = self._clock()
        try:
            async with asyncio.timeout(FETCH_SECONDS), self._session.get(self._url, allow_redirects=False) as answer:
                answer.raise_for_status()
                self._keys = _signing_keys(json.loads(await answer.read()))
                self._fetched = self._clock()
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            _log.warning("signing keys could not be fetched", error=type(error).__name__)


class TokenVerifier:
    """Proves the tokens of one issuer. A token whose header has one of ``refused_headers`` is none of them."""

    def __init__(
        self,
        keys: IssuerKeys,
        *,
        issuer: str,
        audience: str | None = None,
        refused_headers: frozenset[str] = frozenset(),
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._refused_headers = refused_headers

    async def claims(self, token: str) -> Mapping[str, Any]:
        """What a good token says. UNAUTHENTICATED for any other, UNAVAILABLE as the issuer's keys are."""
        try:
            decoded = jwt.decode_complete(
                token,
                await self._key(token),
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss"], "verify_aud": False},
            )
        except jwt.PyJWTError as error:
            raise _refused() from error
        claims: dict[str, Any] = decoded["payload"]
        _refuse_repetitions(token)
        _refuse_odd_claims(claims)
        self._check_audience(claims)
        return claims

    async def _key(self, token: str) -> RSAPublicKey:
        """The key that the token names; no key is asked for on behalf of a token that could not be good anyway."""
        header = jwt.get_unverified_header(token) if is_jwt(token) and token.isascii() else {}
        if header.get("alg") != ALGORITHM or not self._refused_headers.isdisjoint(header):
            raise _refused()
        key = await self._keys.key(header.get("kid"))
        if key is None:
            raise _refused()
        return key

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        audience = claims.get("aud")
        meant = audience if isinstance(audience, list) else [audience]
        if self._audience is not None and self._audience not in [*meant, claims.get("azp")]:
            raise _refused()


class BearerAuthenticator:
    """Knows the access tokens of one issuer."""

    def __init__(self, keys: IssuerKeys, *, issuer: str, audience: str | None = None) -> None:
        self._tokens = TokenVerifier(keys, issuer=issuer, audience=audience)

    async def authenticate(self, request: web.Request) -> Caller | None:
        scheme, token = authorization(request)
        return _caller(await self._tokens.claims(token)) if scheme == "bearer" else None

    async def proof(self, token: str) -> tuple[Caller, float]:
        """Whose a good token is, and when it expires (epoch). UNAUTHENTICATED, FORBIDDEN, UNAVAILABLE as above."""
        claims = await self._tokens.claims(token)
        return _caller(claims), float(claims["exp"])


def claimed_issuer(token: str) -> str | None:
    """Whose a token says it is, before anything is proven: good for finding the verifier, and for nothing else."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False}) if is_jwt(token) and token.isascii() else {}
    except jwt.PyJWTError:
        return None
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) else None


def signature_key(jwk: object) -> RSAPublicKey | None:
    """The public key of a JWK for RS256, an object or the JSON text of one; None when it is anything else."""
    try:
        item = json.loads(jwk, object_pairs_hook=_without_duplicates) if isinstance(jwk, str) else jwk
        if not isinstance(item, dict) or item.get("use", "sig") != "sig" or item.get("alg", ALGORITHM) != ALGORITHM:
            return None
        key = RSAAlgorithm.from_jwk(item)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return key if isinstance(key, RSAPublicKey) else None


def _signing_keys(document: object) -> dict[str, RSAPublicKey]:
    """The RSA signature keys of a JWKS that are long enough; the others are left out. ValueError when none remains."""
    items = document.get("keys") if isinstance(document, dict) else None
    named = [item for item in (items if isinstance(items, list) else ()) if isinstance(item, dict)]
    found = ((item["kid"], signature_key(item)) for item in named if isinstance(item.get("kid"), str))
    keys = {key_id: key for key_id, key in found if key is not None and key.key_size >= MIN_KEY_BITS}
    if not keys:
        raise ValueError("no usable signing key")
    return keys


def _refuse_repetitions(token: str) -> None:
    """PyJWT lets the last of two equal names win, in the header and in the claims."""
    try:
        for segment in token.split(".")[:2]:
            json.loads(jwt.utils.base64url_decode(segment), object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise _refused() from error


def _refuse_odd_claims(claims: Mapping[str, Any]) -> None:
    """What else PyJWT lets pass: dates that are text, and Keycloak's tokens that are not for access."""
    dates = [claims[name] for name in ("exp", "nbf", "iat") if name in claims]
    if any(isinstance(date, bool) or not isinstance(date, int | float) for date in dates):
        raise _refused()
    if claims.get("typ", ACCESS_TYPE) != ACCESS_TYPE:
        raise _refused()


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name comes twice")
    return dict(pairs)


def _caller(claims: Mapping[str, Any]) -> Caller:
    username = claims.get("preferred_username")
    if not isinstance(username, str) or not username:
        raise Problem(Code.FORBIDDEN, "The token names no user; ask for it with the 'profile' scope.")
    if "/" in username or not is_plain_name(username):
        raise Problem(Code.FORBIDDEN, "This username cannot be the name of a home folder.")
    access = claims.get("realm_access")
    roles = access.get("roles", []) if isinstance(access, dict) else []
    return Caller(username, Credential.JWT, frozenset(role for role in roles if isinstance(role, str)))


def _refused() -> Problem:
    return Problem(Code.UNAUTHENTICATED, "The bearer token is not accepted.")
