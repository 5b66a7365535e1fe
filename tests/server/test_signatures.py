"""Signed requests: whose key it is decides who calls; the verifier's own rules are tested with the verifier."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import current_thread, main_thread

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.contents.model import Credential
from gateway.server import road
from gateway.server.registered_keys import RegisteredKey, RegisteredKeys
from gateway.server.signatures import SignatureAuthenticator
from gateway.wire import signature
from gateway.wire.dates import http_date
from gateway.wire.signature import SigningKey, digest, sign
from tests.fakes.issuer import rsa_key
from tests.server.doors import door
from tests.server.signing import TARGET, Raw, Signed, write_key

KEY_ID = "ocid1.tenancy.oc1..t/ocid1.user.oc1..ada/aa:bb"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "public.pem"
    write_key(file, rsa_key("ada"))
    return file


@pytest.fixture
async def signed(key_file: Path) -> AsyncIterator[Signed]:
    keys = RegisteredKeys([RegisteredKey(KEY_ID, key_file, "ada", frozenset({"reader"}))])
    async with door({Credential.SIGNATURE: SignatureAuthenticator(keys)}) as client:
        yield Signed(client, SigningKey(KEY_ID, rsa_key("ada")))


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


async def test_a_replaced_key_file_counts_at_once(signed: Signed, key_file: Path) -> None:
    assert await signed.send("GET", "/at/x") == 200
    write_key(key_file, rsa_key("eve"))
    os.utime(key_file, (1, 1))
    assert await signed.send("GET", "/at/x") == 401


@pytest.mark.parametrize("content", [None, b"", b"not a key"])
async def test_an_unreadable_key_file_is_an_unknown_key(signed: Signed, key_file: Path, content: bytes | None) -> None:
    key_file.unlink()
    if content is not None:
        key_file.write_bytes(content)
    assert await signed.send("GET", "/at/x") == 401


async def test_another_scheme_is_no_signature(signed: Signed) -> None:
    raw = signed.raw(method="GET")
    raw.set("authorization", "Bearer a.b.c")
    status, body = await signed.exchange(raw)
    assert (status, b"A credential is needed: a request signature" in body) == (401, True)


BODY = b'{"a": 1}'
ALL_NAMES = "date (request-target) host content-length content-type x-content-sha256"


def _without_signed(raw: Raw, name: str) -> None:
    raw.parameter("headers", ALL_NAMES.replace(name, "").strip().replace("  ", " "))


def _add(raw: Raw, name: str, value: str) -> None:
    raw.headers.append((name, value))


def _forward(raw: Raw) -> None:
    _add(raw, "x-forwarded-host", raw.value("host"))
    raw.set("host", "other.example")


def _moved_date(raw: Raw, seconds: int) -> None:
    raw.set("date", http_date(datetime.now(UTC) + timedelta(seconds=seconds)))


def _shortened(raw: Raw) -> None:
    raw.set("content-length", "7")
    raw.sent = BODY[:7]


ATTACKS: dict[str, Callable[[Raw], object]] = {
    "no_signature": lambda raw: raw.set("authorization", None),
    "empty_signature": lambda raw: raw.set("authorization", "Signature"),
    "tab_after_scheme": lambda raw: raw.set("authorization", raw.value("authorization").replace(" ", "\t", 1)),
    "two_signatures": lambda raw: _add(raw, "authorization", raw.value("authorization")),
    "two_different_schemes": lambda raw: _add(raw, "authorization", "Bearer a.b.c"),
    "parameter_twice": lambda raw: raw.set("authorization", raw.value("authorization") + f',keyId="{KEY_ID}"'),
    "no_key_id": lambda raw: raw.set("authorization", raw.value("authorization").replace("keyId=", "keyid=")),
    "key_id_of_nobody": lambda raw: raw.parameter("keyId", KEY_ID + "0"),
    "key_id_in_capitals": lambda raw: raw.parameter("keyId", KEY_ID.upper()),
    "key_id_not_utf8": lambda raw: raw.parameter("keyId", "\udcff"),
    "session_token": lambda raw: raw.parameter("keyId", "ST$eyJhbGciOiJub25lIn0.e30."),
    "version_2": lambda raw: raw.parameter("version", "2"),
    "hmac": lambda raw: raw.parameter("algorithm", "hmac-sha256"),
    "no_algorithm": lambda raw: raw.set("authorization", raw.value("authorization").replace("algorithm=", "a=")),
    "signature_of_nothing": lambda raw: raw.parameter("signature", ""),
    "signature_not_base64": lambda raw: raw.parameter("signature", "*"),
    "signature_not_ascii": lambda raw: raw.parameter("signature", "é"),
    "signature_not_utf8": lambda raw: raw.parameter("signature", "\udcff"),
    "no_names": lambda raw: raw.parameter("headers", ""),
    "name_twice": lambda raw: raw.parameter("headers", ALL_NAMES + " host"),
    "name_with_two_spaces": lambda raw: raw.parameter("headers", ALL_NAMES.replace(" ", "  ", 1)),
    "unknown_pseudo_header": lambda raw: raw.parameter("headers", ALL_NAMES + " (created)"),
    "named_but_absent": lambda raw: raw.parameter("headers", ALL_NAMES + " x-date"),
    "names_in_another_order": lambda raw: raw.parameter("headers", " ".join(reversed(ALL_NAMES.split(" ")))),
    "date_unsigned": lambda raw: _without_signed(raw, "date"),
    "target_unsigned": lambda raw: _without_signed(raw, "(request-target)"),
    "host_unsigned": lambda raw: _without_signed(raw, "host"),
    "length_unsigned": lambda raw: _without_signed(raw, "content-length"),
    "type_unsigned": lambda raw: _without_signed(raw, "content-type"),
    "digest_unsigned": lambda raw: _without_signed(raw, "x-content-sha256"),
    "host_twice": lambda raw: _add(raw, "host", raw.value("host")),
    "date_twice": lambda raw: _add(raw, "date", raw.value("date")),
    "digest_twice": lambda raw: _add(raw, "x-content-sha256", raw.value("x-content-sha256")),
    "other_method": lambda raw: setattr(raw, "method", "POST"),
    "other_path": lambda raw: setattr(raw, "target", TARGET.replace("a.ipynb", "b.ipynb")),
    "query_in_another_order": lambda raw: setattr(raw, "target", TARGET + "&"),
    "slash_doubled": lambda raw: setattr(raw, "target", TARGET.replace("/at/", "/at//")),
    "other_query": lambda raw: setattr(raw, "target", TARGET + "&y=1"),
    "lower_case_escape": lambda raw: setattr(raw, "target", TARGET.replace("%2F", "%2f")),
    "unescaped_path": lambda raw: setattr(raw, "target", TARGET.replace("%2F", "/")),
    "other_host": lambda raw: raw.set("host", "other.example"),
    "forwarded_host": _forward,
    "other_type": lambda raw: raw.set("content-type", "text/plain"),
    "date_half_a_minute_on": lambda raw: _moved_date(raw, 30),
    "date_nonsense": lambda raw: raw.set("date", "yesterday"),
    "date_year_without_end": lambda raw: raw.set("date", "Thu, 05 Jan 99999999999999999999 21:31:40 GMT"),
    "date_zone_without_end": lambda raw: raw.set("date", "Thu, 05 Jan 2014 21:31:40 +99999999999999999999"),
    "date_not_utf8": lambda raw: raw.set("date", "\udcff"),
    "length_of_less": _shortened,
    "length_with_a_zero_before_it": lambda raw: raw.set("content-length", "08"),
    "other_body": lambda raw: setattr(raw, "body", b'{"a": 2}'),
    "other_digest": lambda raw: raw.set("x-content-sha256", digest(b"other")),
    "digest_not_utf8": lambda raw: raw.set("x-content-sha256", "\udcff"),
    "packed_body": lambda raw: _add(raw, "content-encoding", "deflate"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_forged_request_is_refused_as_unauthenticated_or_unreadable(signed: Signed, attack: str) -> None:
    raw = signed.raw(BODY)
    ATTACKS[attack](raw)
    status, body = await signed.exchange(raw)
    assert status == (400 if attack in ("packed_body", "host_twice") else 401), body
    assert KEY_ID.encode() not in body
    assert (await signed.exchange(signed.raw(BODY)))[0] == 200


@pytest.mark.parametrize(("seconds", "status"), [(-290, 200), (290, 200), (-310, 401), (310, 401)])
async def test_a_request_is_good_for_five_minutes_either_way(signed: Signed, seconds: int, status: int) -> None:
    date = http_date(datetime.now(UTC) + timedelta(seconds=seconds))
    assert await signed.send("GET", "/at/x", date=date) == status


async def test_a_key_that_is_too_short_is_refused(signed: Signed, key_file: Path) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    write_key(key_file, short)
    signed.key = SigningKey(KEY_ID, short)
    assert await signed.send("GET", "/at/x") == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_chunked_body_is_refused_because_its_length_is_not_signed(signed: Signed, method: str) -> None:
    names = "date (request-target) host x-content-sha256" + " content-length content-type" * (method == "PUT")
    values = {"x-content-sha256": digest(BODY), "content-length": str(len(BODY)), "content-type": "application/json"}
    raw = signed.raw_over(names, values, method)
    raw.set("content-length", None)
    raw.headers.append(("transfer-encoding", "chunked"))
    raw.sent = b"8\r\n" + BODY + b"\r\n0\r\n\r\n"
    assert (await signed.exchange(raw))[0] == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_what_oracles_client_sends_unsigned_with_no_body_does_no_harm(signed: Signed, method: str) -> None:
    raw = signed.raw(method=method)
    raw.headers += [("content-length", "0"), ("content-type", "application/json")]
    assert (await signed.exchange(raw))[0] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_the_empty_body_may_be_signed_where_it_need_not_be(signed: Signed, method: str) -> None:
    names = "x-date (request-target) host content-length content-type x-content-sha256"
    empty = {"content-length": "0", "content-type": "application/json", "x-content-sha256": digest(b"")}
    values = {**empty, "x-date": http_date(datetime.now(UTC))}
    assert (await signed.exchange(signed.raw_over(names, values, method)))[0] == 200
    values["x-content-sha256"] = digest(b"other")
    assert (await signed.exchange(signed.raw_over(names, values, method)))[0] == 401


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/x-yaml", "text/plain; charset=utf-8", "*/*"])
async def test_raw_bytes_of_any_type_are_signed_like_any_body(signed: Signed, kind: str) -> None:
    content = bytes(range(256)) * 1024
    for method in ("POST", "PUT"):
        raw = signed.raw(content, method, content_type=kind)
        assert (await signed.exchange(raw))[0] == 200
        raw.body = content[:-1] + b"x"
        assert (await signed.exchange(raw))[0] == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_the_method_is_part_of_what_is_signed(signed: Signed, method: str) -> None:
    raw = signed.raw(method="GET")
    raw.method = method
    assert (await signed.exchange(raw))[0] == (200 if method == "GET" else 401)


async def test_a_body_nobody_signed_is_refused(signed: Signed) -> None:
    raw = signed.raw(b"", "DELETE")
    raw.headers.append(("content-length", "8"))
    raw.sent = BODY
    assert (await signed.exchange(raw))[0] == 401


async def test_a_large_body_is_hashed_beside_the_event_loop(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = {}

    def noted(body: bytes) -> str:
        threads[len(body)] = current_thread()
        return digest(body)

    monkeypatch.setattr(signature, "digest", noted)
    for size in (10, 1 << 19):
        raw = signed.raw(bytes(size))
        assert (await signed.exchange(raw))[0] == 200
    assert (threads[10] is main_thread(), threads[1 << 19] is main_thread()) == (True, False)


async def test_a_strangers_body_is_not_waited_for(signed: Signed) -> None:
    """The refusal comes though the body never does: nobody unknown can make the gateway hold a large one."""
    raw = signed.raw(bytes(100_000))
    raw.parameter("keyId", KEY_ID + "0")
    raw.sent = b""
    async with asyncio.timeout(5):
        assert (await signed.exchange(raw))[0] == 401


async def test_a_body_that_is_too_large_is_refused_before_it_comes(signed: Signed) -> None:
    raw = signed.raw(bytes((1 << 20) + 1))
    raw.sent = b""
    async with asyncio.timeout(5):
        assert (await signed.exchange(raw))[0] == 413


async def test_a_signed_body_that_does_not_come_is_not_waited_for_without_end(
    signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(road, "BODY_SECONDS", 0.2)
    raw = signed.raw(BODY)
    raw.sent = BODY[:3]
    assert (await signed.exchange(raw))[0] == 400
