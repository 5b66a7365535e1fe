"""Signed requests: whose key it is decides who calls; the verifier's own rules are tested with the verifier."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from yarl import URL

from gateway.contents.model import Credential
from gateway.server.signatures import RegisteredKey, RegisteredKeys, SignatureAuthenticator
from gateway.wire.signature import SigningKey, sign
from tests.fakes.issuer import rsa_key
from tests.server.doors import Client, door

KEY_ID = "ocid1.tenancy.oc1..t/ocid1.user.oc1..ada/aa:bb"


@dataclass
class Signed:
    client: Client
    file: Path
    key: SigningKey

    async def send(self, method: str, target: str, body: bytes = b"", **changes: str) -> int:
        url = URL(f"{self.client.make_url('/')}{target.lstrip('/')}", encoded=True)
        headers = {**sign(self.key, method, url, {}, body), **changes}
        async with self.client.session.request(method, url, headers=headers, data=body or None) as answer:
            return answer.status


def write_key(file: Path, key: RSAPrivateKey) -> None:
    file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.fixture
async def signed(tmp_path: Path) -> AsyncIterator[Signed]:
    file = tmp_path / "public.pem"
    write_key(file, rsa_key("ada"))
    keys = RegisteredKeys([RegisteredKey(KEY_ID, file, "ada", frozenset({"reader"}))])
    async with door({Credential.SIGNATURE: SignatureAuthenticator(keys)}) as client:
        yield Signed(client, file, SigningKey(KEY_ID, rsa_key("ada")))


@pytest.mark.parametrize("target", ["/at/x", "/at/%2FWorkspace%2Fa%20b.ipynb?type=notebook&content=1", "/at/%2f"])
async def test_a_signed_request_is_its_user(signed: Signed, target: str) -> None:
    assert await signed.send("GET", target) == 200
    assert await signed.send("PUT", target, b'{"a": 1}') == 200
    assert await signed.send("DELETE", target) == 200


async def test_another_body_is_refused(signed: Signed) -> None:
    url = signed.client.make_url("/at/x")
    headers = sign(signed.key, "PUT", url, {}, b"one")
    async with signed.client.session.put(url, headers=headers, data=b"two") as answer:
        assert answer.status == 401


async def test_an_unknown_key_is_refused(signed: Signed) -> None:
    signed.key = SigningKey("ocid1.tenancy.oc1..t/ocid1.user.oc1..eve/aa:bb", rsa_key("ada"))
    assert await signed.send("GET", "/at/x") == 401


async def test_a_replaced_key_file_counts_at_once(signed: Signed) -> None:
    assert await signed.send("GET", "/at/x") == 200
    write_key(signed.file, rsa_key("eve"))
    os.utime(signed.file, (1, 1))
    assert await signed.send("GET", "/at/x") == 401


@pytest.mark.parametrize("content", [None, b"", b"not a key"])
async def test_an_unreadable_key_file_is_an_unknown_key(signed: Signed, content: bytes | None) -> None:
    signed.file.unlink()
    if content is not None:
        signed.file.write_bytes(content)
    assert await signed.send("GET", "/at/x") == 401


async def test_another_scheme_is_no_signature(signed: Signed) -> None:
    assert await signed.send("GET", "/at/x", authorization="Bearer a.b.c") == 401
