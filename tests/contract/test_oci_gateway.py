"""The OCI adapter keeps the contract against the gateway's own OCI dialect: one gateway as a mount of another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from cryptography.hazmat.primitives import serialization

from adapters.oci.backend import create
from gateway.contents.backend import Backend
from gateway.wire.client import UpstreamClient, open_session
from tests.contract.conditions import ConditionsContract
from tests.contract.moving import MoveContract
from tests.contract.reading import ReadingContract
from tests.contract.writing import WritingContract
from tests.gateways import PLATFORM_ID, WORKSPACE_KEY, running_gateway, signing_key


class TestOciOverGateway(ReadingContract, WritingContract, ConditionsContract, MoveContract):
    """What of the contract a workspace takes part in, but for sessions: the folder behind that gateway has none."""

    @pytest_asyncio.fixture
    async def backend(self, tmp_path: Path) -> AsyncIterator[Backend]:
        (tmp_path / "files").mkdir()
        mount = {"name": "m", "kind": "local", "folder": str(tmp_path / "files")}
        async with running_gateway(tmp_path, [mount]) as gateway, open_session() as session:
            fresh = create(
                UpstreamClient(session, max_body_bytes=64 << 20),
                endpoint=gateway.url,
                platform_id=PLATFORM_ID,
                workspace_key=WORKSPACE_KEY,
                config_file=str(_profile(tmp_path)),
            )
            await fresh.probe()
            yield fresh
            await fresh.aclose()


def _profile(folder: Path) -> Path:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(signing_key().private_key.private_bytes(*form))
    tenancy, user, fingerprint = signing_key().key_id.split("/")
    profile = folder / "profile"
    profile.write_text(
        f"[DEFAULT]\ntenancy={tenancy}\nuser={user}\nfingerprint={fingerprint}\nkey_file={folder / 'key.pem'}\n"
    )
    return profile
