"""The profile of the OCI config file names the key that signs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from adapters.oci import signer
from adapters.oci.backend import create
from adapters.oci.profile import load_credential
from gateway.contents.backend import Backend
from gateway.contents.problem import Code, Problem
from gateway.wire.client import UpstreamClient, open_session
from tests.adapters.oci_steps import NOTEBOOK, PATH
from tests.fakes.workspace import PLATFORM_ID, WORKSPACE_KEY, WorkspaceEmulator, running_workspace

FIELDS = "[TEAM]\nuser=u\ntenancy=t\nfingerprint=f\n"


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
    key = load_credential(str(tmp_path / "config"), "TEAM").key
    assert key.key_id == "t/u/f"
    assert key.private_key.private_numbers() == private.private_numbers()


@pytest.mark.parametrize(
    ("config", "profile", "expected"),
    [
        (None, "TEAM", "config: No such file or directory"),
        ("pass_phrase=hidden", "TEAM", "config: not a configuration file"),
        ("[TEAM]\nuser=u", "OTHER", "config: no section [OTHER]"),
        ("[TEAM]\nuser=u\ntenancy=t", "TEAM", "config: no fingerprint, key_file in [TEAM]"),
        ("", "DEFAULT", "config: no user, fingerprint, tenancy, key_file in [DEFAULT]"),
        (f"{FIELDS}key_file=none.pem", "TEAM", "none.pem: No such file or directory"),
        (f"{FIELDS}key_file=config", "TEAM", "config: not a private key in PEM"),
        (f"{FIELDS}key_file=key.pem\npass_phrase=hidden", "TEAM", "key.pem: not a private key in PEM"),
        (f"{FIELDS}key_file=key.pem", "TEAM", "key.pem: not an RSA key"),
    ],
)
def test_an_unusable_profile_is_refused_with_the_file_and_what_is_wrong_with_it(
    tmp_path: Path, config: str | None, profile: str, expected: str
) -> None:
    write_key(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    if config is not None:
        (tmp_path / "config").write_text(config)
    with pytest.raises(Problem) as caught:
        load_credential(str(tmp_path / "config"), profile)
    assert caught.value.code is Code.INTERNAL
    assert f"The OCI profile {profile!r} cannot be used: {tmp_path}/{expected}" in caught.value.detail
    assert "hidden" not in caught.value.detail


@pytest.mark.parametrize(
    ("token", "fault"),
    [(None, "No such file or directory"), ("", "not a session token"), ("a b", "not a session token")],
)
def test_an_unusable_session_token_is_refused_with_its_file(tmp_path: Path, token: str | None, fault: str) -> None:
    write_key(tmp_path, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    (tmp_path / "config").write_text("[TEAM]\nkey_file=key.pem\nsecurity_token_file=token")
    if token is not None:
        (tmp_path / "token").write_text(token)
    with pytest.raises(Problem) as caught:
        load_credential(str(tmp_path / "config"), "TEAM")
    assert f"{tmp_path}/token: {fault}" in caught.value.detail


async def test_a_session_token_signs_and_is_taken_anew_when_it_is_renewed(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer, "LOOK_SECONDS", 0.0)
    profile = workspace.write_session_profile(tmp_path)
    assert "user=" not in profile.read_text()
    backend = backend_at(workspace, session, profile)
    assert (await backend.write(PATH, NOTEBOOK)).created
    workspace.habits.clock = lambda: datetime.now(UTC) + timedelta(hours=1, minutes=1)
    with pytest.raises(Problem):
        await backend.read(PATH)
    workspace.habits.clock = lambda: datetime.now(UTC)
    expired = set(workspace.keys)
    workspace.write_session_profile(tmp_path)
    for key_id in expired:
        del workspace.keys[key_id]
    assert (await backend.read(PATH)).body


async def test_a_token_that_is_just_being_written_is_not_taken(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signer, "LOOK_SECONDS", 0.0)
    backend = backend_at(workspace, session, workspace.write_session_profile(tmp_path))
    for is_there in (True, False):
        await backend.write(PATH, NOTEBOOK)
        (tmp_path / "oci_token").write_text("")
        if not is_there:
            (tmp_path / "oci_token").unlink()
        assert (await backend.read(PATH)).body
        workspace.write_session_profile(tmp_path)


async def test_a_token_is_looked_at_once_a_second(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    backend = backend_at(workspace, session, workspace.write_session_profile(tmp_path))
    await backend.write(PATH, NOTEBOOK)
    (tmp_path / "oci_token").unlink()
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await backend.read(PATH)
    assert len(logs) <= 1


async def test_a_long_key_signs_as_well(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    write_key(tmp_path, private)
    write_profile(tmp_path)
    workspace.keys["t/u/f"] = private.public_key()
    backend = backend_at(workspace, session, tmp_path / "config", profile="TEAM")
    assert (await backend.write(PATH, NOTEBOOK)).created


def backend_at(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, config_file: Path, profile: str = "DEFAULT"
) -> Backend:
    client = UpstreamClient(session, max_body_bytes=1 << 20)
    named = {"platform_id": PLATFORM_ID, "workspace_key": WORKSPACE_KEY, "endpoint": workspace.url}
    return create(client, config_file=str(config_file), profile=profile, **named)


def write_key(
    folder: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, pass_phrase: bytes | None = None
) -> None:
    protection = serialization.BestAvailableEncryption(pass_phrase) if pass_phrase else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, protection))


def write_profile(folder: Path, *lines: str) -> None:
    values = ["[TEAM]", "user=u", "tenancy=t", "fingerprint=f", "key_file=key.pem", *lines]
    (folder / "config").write_text("\n".join(values))
