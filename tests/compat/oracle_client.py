"""Oracle's Python clients, unmodified and with their own signer, as the tests drive them."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.gateways import NOTEBOOK, PLATFORM_ID, WORKSPACE_KEY, Clients, running_gateway, signing_key
from tests.matrix.stores import STORES, Servers

dp = pytest.importorskip("aidp_python_client.aidataplatform_dp", reason="Oracle's client is not installed")
oci_sdk = pytest.importorskip("oci", reason="Oracle's client is not installed")

GONE = (404, "NotAuthorizedOrNotFound")


def config_of(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """What stands in ``~/.oci/config``, with the gateway's one registered user."""
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    tenancy, user, fingerprint = signing_key().key_id.split("/")
    named = {"tenancy": tenancy, "user": user, "fingerprint": fingerprint}
    return {**named, "region": "us-ashburn-1", "key_content": pem}


@dataclass(frozen=True)
class OracleClient:
    """``NotebookClient`` in a thread, as it blocks; ``folder`` is a fresh one for each test."""

    client: Any
    other: Any
    folder: str = "/Workspace"

    @classmethod
    def at(cls, url: str, *, strict: bool, key: rsa.RSAPrivateKey | None = None) -> OracleClient:
        config, no_retries = config_of(key or signing_key().private_key), oci_sdk.retry.NoneRetryStrategy()
        options = {"service_endpoint": url, "retry_strategy": no_retries, "enable_strict_url_encoding": strict}
        return cls(dp.NotebookClient(config, **options), dp.WorkspaceObjectClient(config, **options))

    def objects(self) -> OracleClient:
        """The same with the client of workspace objects."""
        return replace(self, client=self.other, other=self.client)

    async def call(self, name: str, *arguments: object, **options: object) -> Any:
        return await asyncio.to_thread(getattr(self.client, name), PLATFORM_ID, WORKSPACE_KEY, *arguments, **options)

    async def refused(self, name: str, *arguments: object, **options: object) -> tuple[int, str]:
        with pytest.raises(oci_sdk.exceptions.ServiceError) as refusal:
            await self.call(name, *arguments, **options)
        assert refusal.value.request_id
        assert refusal.value.message
        return refusal.value.status, refusal.value.code

    def close(self) -> None:
        """Hang up. The client's pool closes its connections only when it is collected; a server that stops would wait
        for their goodbye over TLS."""
        for client in (self.client, self.other):
            client.base_client.session.close()
        gc.collect()

    async def in_new_folder(self) -> OracleClient:
        """Two levels whose names need escaping in every way."""
        folder = f"/Workspace/{token_hex(6)} b"
        for path in (folder, f"{folder}/ñ~x+y&z"):
            made = await self.call("update_content", path, dp.models.UpdateContentDetails(type="directory"))
            assert (made.status, made.data.path, made.data.type) == (200, path, "directory")
        return replace(self, folder=f"{folder}/ñ~x+y&z")

    async def saved(self, path: str, text: str, **options: object) -> Any:
        return await self.call("update_content", path, save_of(text), **options)

    async def text_at(self, path: str) -> str:
        read = await self.call("get_content", path)
        return "".join(read.data.content["cells"][0]["source"])


def save_of(text: str) -> Any:
    content = json.loads(NOTEBOOK)
    content["cells"][0]["source"] = text
    return dp.models.UpdateContentDetails(type="notebook", format="json", content=content)


def creation(**fields: object) -> Any:
    return dp.models.CreateContentDetails(**fields)


def rename_to(path: str) -> Any:
    return dp.models.ModifyContentDetails(path=path)


@asynccontextmanager
async def gateway_over(store: str, servers: Servers, folder: Path) -> AsyncIterator[Clients]:
    """The whole gateway over a fresh place in a store of that kind."""
    async with STORES[store](servers, folder) as mount, running_gateway(folder, [{**mount, "name": "m"}]) as running:
        yield running
