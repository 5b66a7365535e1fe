"""The signer of Oracle's TypeScript SDK, which signs ``x-date`` in an order of its own (spec oci 9.2)."""

from __future__ import annotations

import json
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
from tests.compat.node import NodePrograms, installed
from tests.gateways import NOTEBOOK, PLATFORM_ID, WORKSPACE_KEY, Clients, running_gateway, signing_key

ROOT = f"/20260430/aiDataPlatforms/{PLATFORM_ID}/workspaces/{WORKSPACE_KEY}"
FOLDER = f"{ROOT}/notebook/api/contents/%2FWorkspace"
FILE = f"{FOLDER}%2F%C3%B1%20a%252f~b%26.ipynb"

SAVE = json.dumps({"type": "notebook", "format": "json", "content": json.loads(NOTEBOOK)})
CREATE = json.dumps({"type": "notebook"})


@dataclass(frozen=True)
class NpmSigner:
    """``send_signed.js`` with one key."""

    programs: NodePrograms
    key: SigningKey
    key_file: Path

    @classmethod
    def of(cls, programs: NodePrograms, key: SigningKey, folder: Path) -> NpmSigner:
        key_file = folder / "signer.pem"
        form, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        key_file.write_bytes(key.private_key.private_bytes(serialization.Encoding.PEM, form, clear))
        return cls(programs, key, key_file)

    async def send(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        """The answers, in order; see the script for what a request and an answer hold."""
        owner = self.key.key_id.split("/")
        stdout = await self.programs.run(
            "send_signed.js", *owner, str(self.key_file), stdin=json.dumps(requests).encode()
        )
        answers: list[dict[str, Any]] = json.loads(stdout)
        return answers


@pytest.fixture(scope="session")
def programs() -> NodePrograms:
    """The SDK's common part."""
    return installed(Path(__file__).parent / "npm", "npm")


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Clients]:
    (tmp_path / "files").mkdir()
    mount = {"name": "m", "kind": "local", "folder": str(tmp_path / "files")}
    async with running_gateway(tmp_path, [mount]) as running:
        yield running


def request(gateway: Clients, method: str, target: str, body: str | None = None) -> dict[str, Any]:
    return {"method": method, "url": f"{gateway.url}{target}", "body": body}


async def test_every_method_is_accepted(gateway: Clients, programs: NodePrograms, tmp_path: Path) -> None:
    answers = await NpmSigner.of(programs, signing_key(), tmp_path).send(
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


async def test_the_date_beside_the_signed_one_is_not_looked_at(
    gateway: Clients, programs: NodePrograms, tmp_path: Path
) -> None:
    """The SDK always sends both."""
    read = request(gateway, "GET", f"{FOLDER}?content=0")
    past = {"headers": {"date": "Thu, 01 Jan 2015 00:00:00 GMT"}}
    plain, changed = await NpmSigner.of(programs, signing_key(), tmp_path).send(read, {**read, "change": past})
    assert plain["signed"].keys() == changed["signed"].keys() >= {"date", "x-date"}
    assert (plain["status"], changed["status"]) == (200, 200)


async def test_what_is_changed_after_signing_is_not_authenticated(
    gateway: Clients, programs: NodePrograms, tmp_path: Path
) -> None:
    other, soon = f"{FOLDER}%2Fother.ipynb", http_date(datetime.now(UTC) + timedelta(minutes=1))
    read, save = request(gateway, "GET", f"{FOLDER}?content=0"), request(gateway, "PUT", FILE, SAVE)
    answers = await NpmSigner.of(programs, signing_key(), tmp_path).send(
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


async def test_a_key_that_nobody_registered_is_not_authenticated(
    gateway: Clients, programs: NodePrograms, tmp_path: Path
) -> None:
    stranger = SigningKey(signing_key().key_id, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    read, saved = await NpmSigner.of(programs, stranger, tmp_path).send(
        request(gateway, "GET", f"{FOLDER}?content=0"), request(gateway, "PUT", FILE, SAVE)
    )
    assert read["status"] == saved["status"] == 401
