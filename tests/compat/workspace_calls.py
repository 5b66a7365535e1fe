"""What the tests of the emulated workspace share: Oracle's clients in a thread, and plain calls signed by hand."""

from __future__ import annotations

import asyncio
import base64
import configparser
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from multidict import CIMultiDict
from yarl import URL

from tests.fakes.workspace import PLATFORM_ID, WORKSPACE_KEY, Identity, WorkspaceEmulator
from tests.fakes.workspace.identities import owner

WHERE = (PLATFORM_ID, WORKSPACE_KEY)
CELL: dict[str, Any] = {
    "cell_type": "code",
    "source": ["a = 1\n", "a"],
    "metadata": {},
    "outputs": [],
    "execution_count": None,
}
NOTEBOOK: dict[str, Any] = {"cells": [CELL], "metadata": {"of": "test"}, "nbformat": 4, "nbformat_minor": 4}


def config_of(config_file: Path) -> dict[str, str]:
    parser = configparser.ConfigParser()
    parser.read(config_file)
    return dict(parser["DEFAULT"])


@contextmanager
def oracle_client(name: str, workspace: WorkspaceEmulator, folder: Path, *, strict: bool) -> Iterator[Any]:
    """One of Oracle's clients without retries of its own."""
    from aidp_python_client import aidataplatform_dp
    from oci.retry import NoneRetryStrategy

    client = getattr(aidataplatform_dp, name)(
        config_of(workspace.write_profile(folder)),
        service_endpoint=workspace.url,
        retry_strategy=NoneRetryStrategy(),
        enable_strict_url_encoding=strict,
    )
    yield client
    client.base_client.session.close()


async def call(operation: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Oracle's client blocks, so it runs beside the loop that serves it."""
    return await asyncio.to_thread(operation, *WHERE, *arguments, **named)


async def refused(operation: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[int, str]:
    from oci.exceptions import ServiceError

    with pytest.raises(ServiceError) as caught:
        await call(operation, *arguments, **named)
    assert caught.value.request_id
    return caught.value.status, caught.value.code


@dataclass(frozen=True)
class Reply:
    """One whole answer."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> tuple[int, str]:
        return self.status, self.json()["code"]


@dataclass(frozen=True)
class Caller:
    """Signs and sends over connections of its own; ``send`` takes what follows the workspace's address."""

    workspace: WorkspaceEmulator
    session: aiohttp.ClientSession
    identity: Identity = field(default_factory=owner)

    async def send(
        self, method: str, tail: str, body: Any = None, *, prefix: str | None = None, **headers: str
    ) -> Reply:
        """A dict travels as JSON; ``_`` in the name of a header stands for ``-``."""
        sent = json.dumps(body).encode() if isinstance(body, dict | list) else (body or b"")
        target = (self.workspace.prefix if prefix is None else prefix) + tail
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        signed = self.signed(method, target, sent)
        return await self.exchange(method, target, sent, {**signed, **named})

    async def exchange(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Reply:
        url = URL(self.workspace.url + target, encoded=True)
        has_body = method in ("POST", "PUT", "PATCH")
        async with self.session.request(method, url, data=body if has_body else None, headers=headers) as response:
            return Reply(response.status, CIMultiDict(response.headers), await response.read())

    def signed(self, method: str, target: str, body: bytes, when: datetime | None = None) -> dict[str, str]:
        host = self.workspace.url.partition("//")[2]
        date = format_datetime(when or datetime.now(UTC), usegmt=True)
        values = {"date": date, "(request-target)": f"{method.lower()} {target}", "host": host}
        if method in ("POST", "PUT", "PATCH"):
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            values |= {"content-length": str(len(body)), "content-type": "application/json"}
            values["x-content-sha256"] = digest
        text = "\n".join(f"{name}: {value}" for name, value in values.items()).encode()
        signature = base64.b64encode(self.identity.private_key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
        named = f'keyId="{self.identity.key_id}",algorithm="rsa-sha256",headers="{" ".join(values)}"'
        del values["(request-target)"], values["host"]
        return {**values, "authorization": f'Signature version="1",{named},signature="{signature}"'}

    def write(self, path: str, content: Any = NOTEBOOK, **headers: str) -> Any:
        return self.send("PUT", at(path), {"type": "notebook", "format": "json", "content": content}, **headers)


def at(path: str, query: str = "") -> str:
    """The address of contents below ``/Workspace``."""
    return f"/notebook/api/contents/{quote(f'/Workspace/{path}' if path else '/Workspace', safe='')}{query}"


@asynccontextmanager
async def calling(workspace: WorkspaceEmulator, identity: Identity | None = None) -> AsyncIterator[Caller]:
    """A connection for each call, so that a lost one harms no other call."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        session._retry_connection = False  # else a lost PUT is sent once more without a word
        yield Caller(workspace, session, identity or owner())


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that is its own authority, and its key."""
    key, now = rsa.generate_private_key(public_exponent=65537, key_size=2048), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "emulated workspace")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(encoding))
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return folder / "certificate.pem", folder / "key.pem"
