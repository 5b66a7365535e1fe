"""A client that signs, for tests to change what it sends; its requests go over a bare socket where that matters."""

from __future__ import annotations

import asyncio
import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from yarl import URL

from gateway.wire.dates import http_date
from gateway.wire.signature import SigningKey, sign
from tests.server.doors import Client

TARGET = "/at/%2FWorkspace%2Fa.ipynb?x=%2F1"


@dataclass
class Raw:
    """A signed PUT as it goes over the wire, for an attacker to change; ``sent`` defaults to the whole body."""

    target: str
    headers: list[tuple[str, str]]
    body: bytes
    method: str = "PUT"
    sent: bytes | None = None

    def value(self, name: str) -> str:
        return dict(self.headers)[name]

    def set(self, name: str, value: str | None) -> None:
        """Replace the header in its place; None removes it."""
        replaced = [(each, value if each == name else old) for each, old in self.headers]
        self.headers = [(each, text) for each, text in replaced if text is not None]

    def parameter(self, name: str, value: str) -> None:
        """Replace one parameter of the Authorization header."""
        self.set("authorization", re.sub(rf'{name}="[^"]*"', f'{name}="{value}"', self.value("authorization")))

    def wire(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {text}" for name, text in self.headers)]
        head = "\r\n".join([*lines, "connection: close", "", ""]).encode("utf-8", "surrogateescape")
        return head + (self.body if self.sent is None else self.sent)


@dataclass
class Signed:
    """Signs with a key that the tests may change at any time."""

    client: Client
    key: SigningKey

    async def send(self, method: str, target: str, body: bytes = b"", *, date: str | None = None) -> int:
        url = URL(f"{self.client.make_url('/')}{target.lstrip('/')}", encoded=True)
        headers = sign(self.key, method, url, {"date": date} if date else {}, body)
        async with self.client.session.request(method, url, headers=headers, data=body or None) as answer:
            return answer.status

    def raw(self, body: bytes = b"", method: str = "PUT", target: str = TARGET, **headers: str) -> Raw:
        """A good request, before anything is done to it; ``headers`` are signed where a signature covers such."""
        url = URL(f"http://{self.address}{target}", encoded=True)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return Raw(target, list({**given, **sign(self.key, method, url, given, body)}.items()), body, method)

    def raw_over(self, names: str, headers: dict[str, str], method: str, body: bytes = b"") -> Raw:
        """A request with ``headers`` whose signature covers ``names``, made without the code that is tested."""
        values = {"host": self.address, "date": http_date(datetime.now(UTC)), **headers}
        facts = values | {"(request-target)": f"{method.lower()} {TARGET}"}
        text = "\n".join(f"{name}: {facts[name]}" for name in names.split(" "))
        signature = base64.b64encode(self.key.private_key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
        said = f'version="1",keyId="{self.key.key_id}",algorithm="rsa-sha256",headers="{names}",signature="{signature}"'
        return Raw(TARGET, [*values.items(), ("authorization", f"Signature {said}")], body, method)

    @property
    def address(self) -> str:
        return f"{self.client.host}:{self.client.port}"

    async def exchange(self, raw: Raw) -> tuple[int, bytes]:
        """Send it over a bare socket, so that nothing is corrected on the way."""
        reader, writer = await asyncio.open_connection(self.client.host, self.client.port)
        writer.write(raw.wire())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        body = await reader.readexactly(int(length[1])) if length and raw.method != "HEAD" else b""
        writer.close()
        return int(head.split(b" ")[1]), body


def write_key(file: Path, key: RSAPrivateKey) -> None:
    file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
