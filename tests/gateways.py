"""A whole gateway on loopback for tests, and clients that speak to it in each dialect with good credentials."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from ssl import SSLContext
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from gateway.app import create_app
from gateway.server.listening import listening
from gateway.settings import load_settings
from gateway.wire.signature import SigningKey, fingerprint, sign

USER = "ada"
TOKEN = "testtokenofada0"  # fsspec reads no other letters from an address
PSK = "test-psk-of-ada"
OTHER_TOKEN = "test-token-of-al"
PLATFORM_ID = "ocid1.aidataplatform.oc1.iad.test"
WORKSPACE_KEY = "test-workspace"

NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# one"}],
    }
).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def etag(self) -> str:
        return self.headers.get("ETag", "").strip('"')

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Clients:
    """One user in all three dialects."""

    url: str
    session: aiohttp.ClientSession

    async def jupyter(
        self, method: str, path: str, value: object = None, *, token: str = TOKEN, **headers: str
    ) -> Answer:
        body = None if value is None else json.dumps(value).encode()
        sent = {"Authorization": f"token {token}"} | _header_names(headers)
        return await self.send(method, f"/api{path}", sent, body)

    async def nx1(self, method: str, path: str, value: object = None, *, psk: str = PSK) -> Answer:
        body = None if value is None else json.dumps(value).encode()
        return await self.send(method, f"/api{path}", {"Authorization-PSK": psk}, body)

    async def upload(self, name: str, content: bytes = NOTEBOOK, *, psk: str = PSK) -> Answer:
        form = aiohttp.FormData()
        form.add_field("file", content, filename=name, content_type="application/x-ipynb+json")
        url = URL(f"{self.url}/api/notebooks")
        async with self.session.post(url, headers={"Authorization-PSK": psk}, data=form) as response:
            return Answer(response.status, response.headers, await response.read())

    async def oci(self, method: str, path: str, value: object = None, query: str = "", **headers: str) -> Answer:
        """``path`` is the content path, spelled as one encoded segment; the request is signed."""
        prefix = f"/20260430/aiDataPlatforms/{PLATFORM_ID}/workspaces/{WORKSPACE_KEY}/notebook/api/contents/"
        encoded = path.replace("%", "%25").replace("/", "%2F").replace(" ", "%20")
        url = URL(f"{self.url}{prefix}{encoded}{query}", encoded=True)
        body = b"" if value is None else json.dumps(value).encode()
        sent = {"content-type": "application/json"} | _header_names(headers)
        sent |= sign(signing_key(), method, url, sent, body)
        return await self.send(method, url, sent, body)

    async def send(
        self, method: str, target: str | URL, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        url = target if isinstance(target, URL) else URL(f"{self.url}{target}", encoded=True)
        async with self.session.request(method, url, headers=headers, data=body) as response:
            return Answer(response.status, response.headers, await response.read())


@asynccontextmanager
async def running_gateway(
    folder: Path,
    mounts: list[dict[str, Any]],
    *,
    nx1_mount: str | None = None,
    workspace: str | None = None,
    tls: SSLContext | None = None,
    state: Mapping[str, Any] | None = None,
    port: int = 0,
) -> AsyncIterator[Clients]:
    """A gateway over ``mounts``, its state in ``folder``; OCI addresses lead to ``workspace``, a gateway folder.

    ``state`` changes settings of that section; ``port`` 0 is a free one. With ``tls`` it is for clients of the test's
    own, who know whom to trust.
    """
    key_file = folder / "public.pem"
    key_file.write_bytes(
        _private_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    grant = {"user": USER, "roles": ["nx1_app_manager"]}
    values: dict[str, Any] = {
        "state": {
            "url": f"sqlite+aiosqlite:///{folder / 'state.db'}",
            "uploads_folder": str(folder / "uploads"),
            **(state or {}),
        },
        "mounts": mounts,
        "identity": {
            "tokens": [{**grant, "token": TOKEN}, {"user": "al", "token": OTHER_TOKEN}],
            "psks": [{**grant, "sha256": hashlib.sha256(PSK.encode()).hexdigest()}],
            "oci_keys": [{**grant, "key_id": signing_key().key_id, "public_key": str(key_file)}],
        },
        "workspaces": [
            {"platform_id": PLATFORM_ID, "workspace_key": WORKSPACE_KEY, "folder": workspace or mounts[0]["name"]}
        ],
    }
    if nx1_mount:
        values["nx1"] = {"mount": nx1_mount}
    app = create_app(load_settings(None, values))
    async with listening(app, "127.0.0.1", port, tls=tls) as url, aiohttp.ClientSession() as session:
        yield Clients(url, session)


def signing_key() -> SigningKey:
    key_id = f"ocid1.tenancy.oc1..test/ocid1.user.oc1..{USER}/{fingerprint(_private_key().public_key())}"
    return SigningKey(key_id, _private_key())


@cache
def _private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _header_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
