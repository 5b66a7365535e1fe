"""A Keycloak-like issuer on loopback: publishes keys, mints tokens, rotates, fails, and counts who asks."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

CERTS = "/realms/test/protocol/openid-connect/certs"


@cache
def rsa_key(name: str, bits: int = 2048) -> RSAPrivateKey:
    """One key for each name and size, made once in a test run."""
    assert name
    return generate_private_key(65537, bits)


@dataclass
class Issuer:
    """``keys`` are published by kid; ``items`` are published as they are, to be odd."""

    url: str = ""
    keys: dict[str, RSAPrivateKey] = field(default_factory=lambda: {"first": rsa_key("first")})
    items: list[Any] = field(default_factory=list)
    more_claims: dict[str, Any] = field(default_factory=dict)
    """What every token says besides."""
    is_out: bool = False
    body: bytes | None = None
    redirect: str | None = None
    held: asyncio.Event | None = None
    """While it is there and not set, nobody gets an answer; ``asked`` tells that somebody waits."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    fetches: int = 0

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good access token says; a change to None takes the claim out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "exp": now + 600,
            "iat": now,
            "typ": "Bearer",
            "azp": "notebooks",
            "aud": ["account"],
            "preferred_username": "ada",
            "realm_access": {"roles": ["nx1_app_manager"]},
            **self.more_claims,
        }
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    @property
    def certs_url(self) -> str:
        return self.url.removesuffix("/realms/test") + CERTS

    def token(self, kid: str = "first", **changes: Any) -> str:
        return sign(self.keys[kid], {"alg": "RS256", "typ": "JWT", "kid": kid}, json.dumps(self.claims(**changes)))

    async def certs(self, _request: web.Request) -> web.Response:
        self.fetches += 1
        if self.redirect is not None:
            return web.Response(status=302, headers={"Location": self.redirect})
        if self.held is not None:
            self.asked.set()
            await self.held.wait()
        if self.is_out:
            return web.Response(status=503)
        items = [published(kid, key) for kid, key in self.keys.items()]
        return web.Response(body=self.body or json.dumps({"keys": [*self.items, *items]}).encode())


@asynccontextmanager
async def running_issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    app = web.Application()
    app.router.add_get(CERTS, issuer.certs)
    async with TestServer(app, host="127.0.0.1") as server:
        issuer.url = str(server.make_url("/realms/test"))
        yield issuer


def published(kid: str, key: RSAPrivateKey, **changes: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    size = (key.key_size + 7) // 8
    modulus, exponent = encoded(numbers.n.to_bytes(size)), encoded(numbers.e.to_bytes(3))
    return {"kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": modulus, "e": exponent, **changes}


def sign(key: RSAPrivateKey, header: Mapping[str, Any], payload: str) -> str:
    """A token made by hand: no JWT library stands between a test and the bytes."""
    text = f"{encoded(json.dumps(header).encode())}.{encoded(payload.encode())}"
    return f"{text}.{encoded(key.sign(text.encode(), PKCS1v15(), hashes.SHA256()))}"


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
