"""The profile of the OCI config file names the key that signs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from adapters.oci.backend import create
from adapters.oci.profile import load_signing_key
from gateway.contents.problem import Code, Problem
from gateway.wire.client import UpstreamClient, open_session
from tests.adapters.oci_steps import NOTEBOOK, PATH
from tests.fakes.workspace import PLATFORM_ID, WORKSPACE_KEY, WorkspaceEmulator, running_workspace


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    session = open_session()
    yield session
    await session.close()


def test_a_profile_names_the_key_and_may_protect_it_with_a_pass_phrase(tmp_path: Path) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_key(tmp_path, private, b"100%")
    write_profile(tmp_path, "pass_phrase=100%")
    key = load_signing_key(str(tmp_path / "config"), "TEAM")
    assert key.key_id == "t/u/f"
    assert key.private_key.private_numbers() == private.private_numbers()


@pytest.mark.parametrize("profile", ["TEAM", "OTHER"])
def test_an_unusable_profile_is_refused_without_details(tmp_path: Path, profile: str) -> None:
    write_key(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    write_profile(tmp_path)
    with pytest.raises(Problem) as caught:
        load_signing_key(str(tmp_path / "config"), profile)
    assert caught.value.code is Code.INTERNAL
    assert str(tmp_path) not in caught.value.detail


def test_a_missing_config_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        load_signing_key(str(tmp_path / "none"), "DEFAULT")
    assert caught.value.code is Code.INTERNAL


async def test_a_long_key_signs_as_well(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    write_key(tmp_path, private)
    write_profile(tmp_path)
    workspace.keys["t/u/f"] = private.public_key()
    client = UpstreamClient(session, max_body_bytes=1 << 20)
    named = {"platform_id": PLATFORM_ID, "workspace_key": WORKSPACE_KEY, "endpoint": workspace.url}
    backend = create(client, config_file=str(tmp_path / "config"), profile="TEAM", **named)
    assert (await backend.write(PATH, NOTEBOOK)).created


def write_key(
    folder: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, pass_phrase: bytes | None = None
) -> None:
    protection = serialization.BestAvailableEncryption(pass_phrase) if pass_phrase else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, protection))


def write_profile(folder: Path, *lines: str) -> None:
    values = ["[TEAM]", "user=u", "tenancy=t", "fingerprint=f", "key_file=key.pem", *lines]
    (folder / "config").write_text("\n".join(values))
