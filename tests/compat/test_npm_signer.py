"""The signer of Oracle's TypeScript SDK, which signs ``x-date`` in an order of its own (spec oci 9.2)."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.wire.dates import http_date
from gateway.wire.signature import SigningKey, parse_authorization
from tests.gateways import NOTEBOOK, PLATFORM_ID, WORKSPACE_KEY, Clients, running_gateway, signing_key

HERE = Path(__file__).parent / "npm"
INSTALLED = Path(__file__).parents[2] / ".venvs" / "npm"
INSTALL_SECONDS = 90.0
SEND_SECONDS = 30.0

ROOT = f"/20260430/aiDataPlatforms/{PLATFORM_ID}/workspaces/{WORKSPACE_KEY}"
FOLDER = f"{ROOT}/notebook/api/contents/%2FWorkspace"
FILE = f"{FOLDER}%2F%C3%B1%20a%252f~b%26.ipynb"

SAVE = json.dumps({"type": "notebook", "format": "json", "content": json.loads(NOTEBOOK)})
CREATE = json.dumps({"type": "notebook"})


@dataclass(frozen=True)
class NpmSigner:
    """``send_signed.js`` with one key."""

    key: SigningKey
    key_file: Path

    @classmethod
    def of(cls, key: SigningKey, folder: Path) -> NpmSigner:
        key_file = folder / "signer.pem"
        form, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key_file.write_bytes(key.private_key.private_bytes(serialization.Encoding.PEM, form, clear))
        return cls(key, key_file)

    async def send(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        """The answers, in order; see the script for what a request and an answer hold."""
        command = ["node", str(HERE / "send_signed.js"), *self.key.key_id.split("/"), str(self.key_file)]
        environment = {**os.environ, "NODE_PATH": str(INSTALLED / "node_modules")}
        process = await create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=environment)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                stdout, _ = await process.communicate(json.dumps(requests).encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0
        answers: list[dict[str, Any]] = json.loads(stdout)
        return answers


@pytest.fixture(scope="session", autouse=True)
def oracles_signer() -> None:
    """Installs the SDK's common part once for all who share this folder; skips without node or network."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install()


def _install() -> None:
    wanted, done = (HERE / "package-lock.json").read_text(), INSTALLED / "done"
    if done.exists() and done.read_text() == wanted:
        return
    done.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, INSTALLED)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        subprocess.run(command, cwd=INSTALLED, capture_output=True, check=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode(errors="replace").partition("\n")[0]
        pytest.skip(f"npm did not install Oracle's signer: {said or error}")
    done.write_text(wanted)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Clients]:
    (tmp_path / "files").mkdir()
    mount = {"name": "m", "kind": "local", "folder": str(tmp_path / "files")}
    async with running_gateway(tmp_path, [mount]) as running:
        yield running


def request(gateway: Clients, method: str, target: str, body: str | None = None) -> dict[str, Any]:
    return {"method": method, "url": f"{gateway.url}{target}", "body": body}


async def test_every_method_is_accepted(gateway: Clients, tmp_path: Path) -> None:
    answers = await NpmSigner.of(signing_key(), tmp_path).send(
        request(gateway, "PUT", FILE, SAVE),
        request(gateway, "GET", f"{FILE}?content=1&hash=1&format=json"),
        request(gateway, "HEAD", f"{ROOT}/objects/%2FWorkspace"),
        request(gateway, "POST", FOLDER, CREATE),
        request(gateway, "PATCH", FILE, json.dumps({"path": "/Workspace/b.ipynb"})),
        request(gateway, "DELETE", f"{FOLDER}%2Fb.ipynb"),
        request(
            gateway, "PUT", f"{FOLDER}%2Fé.txt", json.dumps({"format": "text", "content": "ñ€"}, ensure_ascii=False)
        ),
    )
    assert [answer["status"] for answer in answers] == [200, 200, 200, 201, 200, 204, 200]
    assert json.loads(answers[1]["body"])["path"] == "/Workspace/ñ a%2f~b&.ipynb"
    without_body, with_body = [
        parse_authorization(answer["signed"]["authorization"]).headers for answer in (answers[1], answers[0])
    ]
    assert without_body == ("x-date", "(request-target)", "host")
    assert with_body == (*without_body, "content-type", "content-length", "x-content-sha256")


async def test_the_date_beside_the_signed_one_is_not_looked_at(gateway: Clients, tmp_path: Path) -> None:
    """The SDK always sends both."""
    read = request(gateway, "GET", f"{FOLDER}?content=0")
    past = {"headers": {"date": "Thu, 01 Jan 2015 00:00:00 GMT"}}
    plain, changed = await NpmSigner.of(signing_key(), tmp_path).send(read, {**read, "change": past})
    assert plain["signed"].keys() == changed["signed"].keys() >= {"date", "x-date"}
    assert (plain["status"], changed["status"]) == (200, 200)


async def test_what_is_changed_after_signing_is_not_authenticated(gateway: Clients, tmp_path: Path) -> None:
    other, soon = f"{FOLDER}%2Fother.ipynb", http_date(datetime.now(UTC) + timedelta(minutes=1))
    read, save = request(gateway, "GET", f"{FOLDER}?content=0"), request(gateway, "PUT", FILE, SAVE)
    answers = await NpmSigner.of(signing_key(), tmp_path).send(
        {**save, "change": {"method": "POST"}},
        {**save, "change": {"url": f"{gateway.url}{other}"}},
        {**save, "change": {"url": save["url"].replace("%2F", "%2f")}},
        {**save, "change": {"body": SAVE.replace("# one", "# two")}},
        {**save, "change": {"headers": {"content-type": "text/plain"}}},
        {**save, "change": {"headers": {"host": "localhost"}}},
        {**read, "change": {"headers": {"x-date": soon}}},
        {**read, "change": {"url": f"{read['url']}&hash=1"}},
    )
    refusals = [(answer["status"], json.loads(answer["body"])["code"]) for answer in answers]
    assert refusals == [(401, "NotAuthenticated")] * len(answers)


async def test_a_key_that_nobody_registered_is_not_authenticated(gateway: Clients, tmp_path: Path) -> None:
    stranger = SigningKey(signing_key().key_id, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    read, saved = await NpmSigner.of(stranger, tmp_path).send(
        request(gateway, "GET", f"{FOLDER}?content=0"), request(gateway, "PUT", FILE, SAVE)
    )
    assert read["status"] == saved["status"] == 401
