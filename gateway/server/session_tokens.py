"""Session tokens: a keyId that is a JWT, which itself carries the public key of the session (spec oci 9.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.contents.model import Caller, Credential
from gateway.contents.paths import is_plain_name
from gateway.contents.problem import Code, Problem
from gateway.server.bearer import IssuerKeys, TokenVerifier, claimed_issuer, signature_key
from gateway.server.registered_keys import Signer
from gateway.server.watching import public_key_file
from gateway.wire.signature import refused

_BRINGS_A_KEY = frozenset({"jku", "jwk", "x5c", "x5u"})
"""Headers by which a token says itself with which key it is to be verified."""


class OneKey:
    """The only key of an issuer, in a PEM file, whatever a token's ``kid`` says."""

    def __init__(self, file: Path) -> None:
        self._file = public_key_file(file)

    async def key(self, _key_id: object) -> RSAPublicKey | None:
        return await asyncio.to_thread(self._file.current)


class SessionIssuer:
    """An issuer whose session tokens are accepted, and which of their claims hold the user and the session's key.

    What ``user_claim`` says is the username, and so the home, whatever other credential has the same name: an issuer
    that is accepted is trusted with every user. ``roles`` are those of all its users.
    """

    def __init__(
        self,
        issuer: str,
        keys: IssuerKeys,
        *,
        audience: str | None = None,
        user_claim: str = "sub",
        key_claim: str = "jwk",
        roles: frozenset[str] = frozenset(),
    ) -> None:
        self.issuer = issuer
        self._tokens = TokenVerifier(keys, issuer=issuer, audience=audience, refused_headers=_BRINGS_A_KEY)
        self._user_claim = user_claim
        self._key_claim = key_claim
        self._roles = roles

    async def signer(self, token: str) -> Signer:
        """UNAUTHENTICATED for a token that is not good, or lacks the key or the user; UNAVAILABLE as the issuer is."""
        claims = await self._claims(token)
        key, username = signature_key(claims.get(self._key_claim)), claims.get(self._user_claim)
        if key is None:
            raise refused("its session token carries no RSA key")
        if not isinstance(username, str) or "/" in username or not is_plain_name(username):
            raise refused("its session token names no user who could have a home folder")
        return Signer(key, Caller(username, Credential.SIGNATURE, self._roles))

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            return await self._tokens.claims(token)
        except Problem as problem:
            if problem.code is not Code.UNAUTHENTICATED:
                raise
            raise refused("its session token is not accepted") from problem


class SessionTokens:
    """Knows the session tokens of all issuers that are accepted."""

    def __init__(self, issuers: Iterable[SessionIssuer]) -> None:
        self._issuers = {each.issuer: each for each in issuers}

    async def signer(self, token: str) -> Signer:
        """Who holds the session; refused as by its issuer, and when that is none of the accepted ones."""
        issuer = self._issuers.get(claimed_issuer(token) or "")
        if issuer is None:
            raise refused("its session token is of no issuer that is accepted here")
        return await issuer.signer(token)
