"""A whole gateway over one mount of homes, and users who each hold every kind of credential."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from gateway.app import create_app
from gateway.server.listening import listening
from gateway.settings import load_settings
from gateway.wire.signature import SigningKey, fingerprint, sign
from tests.fakes.issuer import Issuer
from tests.gateways import NOTEBOOK, PLATFORM_ID, WORKSPACE_KEY, Answer, Clients

USERS = ("ada", "al", "alice")
"""Each of these names begins as another does."""
PLATFORM_PSK = "test-psk-of-the-platform"
OCI_CONTENTS = f"/20260430/aiDataPlatforms/{PLATFORM_ID}/workspaces/{WORKSPACE_KEY}/notebook/api/contents/"


@dataclass(frozen=True, slots=True)
class Member:
    """One user of the household, in all dialects."""

    name: str
    clients: Clients
    issuer: Issuer | None = None

    async def jupyter(self, method: str, path: str, value: object = None) -> Answer:
        return await self.clients.jupyter(method, path, value, token=token_of(self.name))

    async def nx1(self, method: str, path: str, value: object = None) -> Answer:
        return await self.clients.nx1(method, path, value, psk=psk_of(self.name))

    async def upload(self, name: str, content: bytes = NOTEBOOK) -> Answer:
        """The name goes out as it is, whatever is in it."""
        disposition = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        headers = {"Authorization-PSK": psk_of(self.name), "Content-Type": "multipart/form-data; boundary=b"}
        return await self.clients.send("POST", "/api/notebooks", headers, disposition.encode() + content + b"\r\n--b--")

    async def oci(self, method: str, spelled: str, value: object = None) -> Answer:
        """``spelled`` is what follows ``contents/`` in the URL, already encoded."""
        url = URL(f"{self.clients.url}{OCI_CONTENTS}{spelled}", encoded=True)
        body = b"" if value is None else json.dumps(value).encode()
        headers = {"content-type": "application/json"}
        headers |= sign(key_of(self.name), method, url, headers, body)
        return await self.clients.send(method, url, headers, body)

    def credentials(self) -> dict[str, dict[str, str]]:
        """Headers that prove the user, by what they are; the signed request of OCI is not among them."""
        secret = base64.b64encode(f"anybody:{token_of(self.name)}".encode()).decode()
        headers = {
            "psk": {"Authorization-PSK": psk_of(self.name)},
            "token": {"Authorization": f"token {token_of(self.name)}"},
            "basic": {"Authorization": f"Basic {secret}"},
        }
        if self.issuer is not None:
            headers["jwt"] = {"Authorization": f"Bearer {self.issuer.token(preferred_username=self.name)}"}
        return headers


@asynccontextmanager
async def running_household(
    folder: Path, mount: Mapping[str, Any], *, issuer: Issuer | None = None
) -> AsyncIterator[dict[str, Member]]:
    """The members by name; the homes are in the mount ``m``, which OCI's workspace and the Nx1 API lead to."""
    identity: dict[str, Any] = {
        "tokens": [{**_grant(name), "token": token_of(name)} for name in USERS],
        "psks": [
            *({**_grant(name), "sha256": hashlib.sha256(psk_of(name).encode()).hexdigest()} for name in USERS),
            {"sha256": hashlib.sha256(PLATFORM_PSK.encode()).hexdigest()},
        ],
        "oci_keys": [
            {**_grant(name), "key_id": key_of(name).key_id, "public_key": _public_key(folder, name)} for name in USERS
        ],
    }
    if issuer is not None:
        identity["keycloak"] = {"issuer": issuer.url}
    settings = load_settings(
        None,
        {
            "state": {"url": f"sqlite+aiosqlite:///{folder / 'state.db'}", "uploads_folder": str(folder / "uploads")},
            "mounts": [{**mount, "name": "m", "homes": True}],
            "identity": identity,
            "workspaces": [{"platform_id": PLATFORM_ID, "workspace_key": WORKSPACE_KEY, "folder": "m"}],
            "nx1": {"mount": "m"},
        },
    )
    async with listening(create_app(settings), "127.0.0.1", 0) as url, aiohttp.ClientSession() as session:
        yield {name: Member(name, Clients(url, session), issuer) for name in USERS}


def token_of(name: str) -> str:
    return f"household-token-of-{name}"


def psk_of(name: str) -> str:
    return f"household-psk-of-{name}"


@cache
def key_of(name: str) -> SigningKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key_id = f"ocid1.tenancy.oc1..test/ocid1.user.oc1..{name}/{fingerprint(private.public_key())}"
    return SigningKey(key_id, private)


def _grant(name: str) -> dict[str, Any]:
    return {"user": name, "roles": ["nx1_app_manager"]}


def _public_key(folder: Path, name: str) -> str:
    file = folder / f"{name}.pem"
    public = key_of(name).private_key.public_key()
    file.write_bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return str(file)
