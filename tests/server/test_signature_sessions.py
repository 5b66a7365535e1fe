"""Session tokens: the keyId is a token of an issuer that is accepted, and what it carries decides whose key signs."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from yarl import URL

from gateway.contents.model import Credential
from gateway.identity import gatekeeper
from gateway.sections import Identity
from gateway.state.store import StateStore
from gateway.wire.signature import SigningKey
from tests.fakes.issuer import Issuer, encoded, published, rsa_key, running_issuer, sign
from tests.server.doors import Client, kept_by
from tests.server.forgeries import FORGERIES, RS256, with_a_deep_header, with_another_key
from tests.server.signing import TARGET, Signed, write_key

SESSION = rsa_key("session")
JWK = published("session", SESSION)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """Every token of it is the session of ``ocid1.user.ada``."""
    async with running_issuer() as running:
        running.more_claims = {"sub": "ocid1.user.ada", "jwk": JWK}
        yield running


@asynccontextmanager
async def accepting(folder: Path, *issuers: dict[str, Any], **identity: Any) -> AsyncIterator[Client]:
    store = await StateStore.open(f"sqlite+aiosqlite:///{folder / 'state.db'}")
    settings = Identity.model_validate({"oci_token_issuers": issuers, **identity})
    try:
        async with (
            aiohttp.ClientSession() as session,
            kept_by(gatekeeper(settings, session, store), Credential.SIGNATURE) as client,
        ):
            yield client
    finally:
        await store.aclose()


def settings_of(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    return {"issuer": issuer.url, "jwks_url": issuer.certs_url, **changes}


@pytest.fixture
async def client(issuer: Issuer, tmp_path: Path) -> AsyncIterator[Client]:
    async with accepting(tmp_path, settings_of(issuer)) as running:
        yield running


def held_by(client: Client, token: str, key: RSAPrivateKey = SESSION) -> Signed:
    return Signed(client, SigningKey(f"ST${token}", key))


async def answer(client: Client, token: str, key: RSAPrivateKey = SESSION) -> tuple[int, dict[str, Any]]:
    signed = held_by(client, token, key)
    status, body = await signed.exchange(signed.raw(b"body"))
    return status, json.loads(body)


async def status(client: Client, token: str, key: RSAPrivateKey = SESSION) -> int:
    return (await answer(client, token, key))[0]


@pytest.mark.parametrize("jwk", [JWK, json.dumps(JWK), {"kty": "RSA", "n": JWK["n"], "e": JWK["e"]}])
async def test_who_holds_a_session_is_its_user(issuer: Issuer, client: Client, jwk: object) -> None:
    expected = {"user": "ocid1.user.ada", "by": "oci-signature", "roles": []}
    assert await answer(client, issuer.token(jwk=jwk)) == (200, expected)


async def test_what_oracles_session_signer_signs_is_accepted(issuer: Issuer, client: Client) -> None:
    from oci._vendor.requests import Request
    from oci.auth.signers import SecurityTokenSigner

    clear = serialization.NoEncryption()
    pem = SESSION.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, clear).decode()
    url = URL(f"http://{client.host}:{client.port}{TARGET}", encoded=True)
    for method, body in (("GET", b""), ("PUT", b"body"), ("DELETE", b"")):
        request = Request(method, str(url), data=body).prepare()
        SecurityTokenSigner(issuer.token(), serialization.load_pem_private_key(pem.encode(), None))(request)
        async with client.session.request(method, url, headers=dict(request.headers), data=body or None) as said:
            assert said.status == 200


async def test_user_key_and_roles_come_from_where_the_configuration_says(issuer: Issuer, tmp_path: Path) -> None:
    changes = {"user_claim": "preferred_username", "key_claim": "session_key", "roles": ["reader"]}
    async with accepting(tmp_path, settings_of(issuer, **changes)) as client:
        assert await answer(client, issuer.token(session_key=JWK, jwk=None)) == (
            200,
            {"user": "ada", "by": "oci-signature", "roles": ["reader"]},
        )
        assert await status(client, issuer.token()) == 401


async def test_without_issuers_no_session_token_is_good(issuer: Issuer, tmp_path: Path) -> None:
    async with accepting(tmp_path) as client:
        refused, said = await answer(client, issuer.token())
    assert (refused, "session tokens are not accepted here" in said["detail"], issuer.fetches) == (401, True, 0)


NOW = int(time.time())
DAY = 86_400
"""What is made for a test when the run of all begins is still in the future when its turn comes."""

WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": NOW - 60},
    "no_expiry": {"exp": None},
    "expiry_as_text": {"exp": str(NOW + 600)},
    "not_yet": {"nbf": NOW + DAY},
    "from_the_future": {"iat": NOW + DAY},
    "another_issuer": {"iss": "https://evil.example"},
    "no_issuer": {"iss": None},
    "issuer_as_a_list": {"iss": ["x"]},
    "refresh_token": {"typ": "Refresh"},
    "no_user": {"sub": None},
    "nobody": {"sub": ""},
    "user_as_a_number": {"sub": 7},
    "user_as_a_path": {"sub": "a/b"},
    "user_above": {"sub": ".."},
    "user_without_end": {"sub": "a" * 256},
    "no_key": {"jwk": None},
    "key_of_another": {"jwk": published("session", rsa_key("other"))},
    "key_as_nonsense": {"jwk": "nonsense"},
    "key_as_a_number": {"jwk": 7},
    "key_as_a_list": {"jwk": [JWK]},
    "key_as_text_of_a_list": {"jwk": "[]"},
    "key_as_deep_text": {"jwk": "[" * 1500},
    "key_as_text_with_a_name_twice": {"jwk": json.dumps(JWK)[:-1] + ', "kty": "RSA"}'},
    "key_of_another_kind": {"jwk": {"kty": "oct", "k": encoded(b"secret")}},
    "key_of_no_kind": {"jwk": {"n": JWK["n"], "e": JWK["e"]}},
    "key_without_modulus": {"jwk": {"kty": "RSA", "e": "AQAB"}},
    "key_with_exponent_one": {"jwk": {**JWK, "e": "AQ"}},
    "key_for_encryption": {"jwk": {**JWK, "use": "enc"}},
    "key_of_another_algorithm": {"jwk": {**JWK, "alg": "PS256"}},
    "key_as_address": {"jwk": "https://evil.example/key"},
}


@pytest.mark.parametrize("changes", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
async def test_a_token_that_lacks_something_is_refused(issuer: Issuer, client: Client, changes: dict[str, Any]) -> None:
    token = issuer.token(**changes)
    refused, said = await answer(client, token)
    assert (refused, token in said["detail"]) == (401, False)
    assert await status(client, issuer.token()) == 200


async def test_the_private_key_of_a_session_is_no_public_one(issuer: Issuer, client: Client) -> None:
    numbers = SESSION.private_numbers()
    secrets = {name: getattr(numbers, attribute) for name, attribute in (("d", "d"), ("p", "p"), ("q", "q"))}
    secrets |= {"dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp}
    private = {name: encoded(number.to_bytes((number.bit_length() + 7) // 8)) for name, number in secrets.items()}
    assert await status(client, issuer.token(jwk={**JWK, **private})) == 401


async def test_a_session_key_that_is_too_short_is_refused(issuer: Issuer, tmp_path: Path) -> None:
    short = rsa_key("short", 1024)
    token = issuer.token(jwk=published("session", short))
    async with accepting(tmp_path, settings_of(issuer)) as client:
        assert await status(client, token, short) == 401
    async with accepting(tmp_path, settings_of(issuer), oci_min_key_bits=1024) as client:
        assert await status(client, token, short) == 200


async def test_who_has_the_token_but_not_the_key_is_refused(issuer: Issuer, client: Client) -> None:
    for key in (rsa_key("thief"), issuer.keys["first"]):
        assert await status(client, issuer.token(), key) == 401


@pytest.mark.parametrize("forge", [forge for forge in FORGERIES if forge is not with_a_deep_header])
async def test_forged_tokens_are_refused(issuer: Issuer, client: Client, forge: Callable[[Issuer], str]) -> None:
    assert await status(client, forge(issuer)) == 401


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
async def test_a_token_that_brings_the_key_to_prove_it_with_is_refused(
    issuer: Issuer, client: Client, name: str
) -> None:
    """Even when the issuer signed it: nothing good speaks so."""
    header = {**RS256, name: published("first", issuer.keys["first"]) if name == "jwk" else issuer.certs_url}
    assert await status(client, sign(issuer.keys["first"], header, json.dumps(issuer.claims()))) == 401
    assert issuer.fetches == 0


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "..",
        "é.é.é",
        "\udcff.\udcff.\udcff",
        f"{encoded(b'[' * 1500)}.{encoded(b'[' * 1500)}.x",
        "null",
    ],
)
async def test_rubbish_is_refused_without_asking_the_issuer(issuer: Issuer, client: Client, token: str) -> None:
    signed = held_by(client, "token")
    raw = signed.raw(b"body")
    raw.parameter("keyId", f"ST${token}")
    assert ((await signed.exchange(raw))[0], issuer.fetches) == (401, 0)


@pytest.mark.parametrize("prefix", ["st$", "ST", "ST$ST$", "ST$ ", " ST$", ""])
async def test_a_token_behind_anything_else_is_an_unknown_key(issuer: Issuer, client: Client, prefix: str) -> None:
    signed = Signed(client, SigningKey(f"{prefix}{issuer.token()}", SESSION))
    assert (await signed.exchange(signed.raw()))[0] == 401


@pytest.mark.parametrize(
    ("claims", "expected"), [({"aud": "gw"}, 200), ({"aud": ["a", "gw"]}, 200), ({}, 401), ({"aud": "g"}, 401)]
)
async def test_a_configured_audience_is_demanded(
    issuer: Issuer, tmp_path: Path, claims: dict[str, Any], expected: int
) -> None:
    async with accepting(tmp_path, settings_of(issuer, audience="gw")) as client:
        assert await status(client, issuer.token(**claims)) == expected


async def test_issuers_do_not_vouch_for_each_other(issuer: Issuer, tmp_path: Path) -> None:
    async with running_issuer() as other:
        other.keys = {"first": rsa_key("of the other")}
        other.more_claims = {**issuer.more_claims, "sub": "eve"}
        async with accepting(tmp_path, settings_of(issuer), settings_of(other)) as client:
            assert (await answer(client, issuer.token()))[1]["user"] == "ocid1.user.ada"
            assert (await answer(client, other.token()))[1]["user"] == "eve"
            assert await status(client, issuer.token(iss=other.url)) == 401
            assert await status(client, other.token(iss=issuer.url)) == 401


async def test_an_issuer_whose_keys_cannot_be_had_is_unavailable(issuer: Issuer, client: Client) -> None:
    issuer.is_out = True
    assert await status(client, issuer.token()) == 503


async def test_an_issuer_may_have_one_key_in_a_file(issuer: Issuer, tmp_path: Path) -> None:
    file = tmp_path / "issuer.pem"
    write_key(file, issuer.keys["first"])
    async with accepting(tmp_path, {"issuer": "sessions.example", "public_key": str(file)}) as client:
        claims = json.dumps(issuer.claims(iss="sessions.example"))
        token = sign(issuer.keys["first"], {"alg": "RS256"}, claims)
        assert await status(client, token) == 200
        assert await status(client, sign(rsa_key("attacker"), {"alg": "RS256"}, claims)) == 401
        write_key(file, rsa_key("rotated"))
        assert await status(client, token) == 401
        assert await status(client, sign(rsa_key("rotated"), {"alg": "RS256"}, claims)) == 200
        file.unlink()
        assert await status(client, token) == 401
    assert issuer.fetches == 0


async def test_registered_keys_are_good_beside_session_tokens(issuer: Issuer, tmp_path: Path) -> None:
    write_key(tmp_path / "grace.pem", rsa_key("grace"))
    key = {"key_id": "t/grace/f", "public_key": str(tmp_path / "grace.pem"), "user": "grace"}
    async with accepting(tmp_path, settings_of(issuer), oci_keys=[key]) as client:
        signed = Signed(client, SigningKey("t/grace/f", rsa_key("grace")))
        assert b'"user": "grace"' in (await signed.exchange(signed.raw()))[1]
        assert await status(client, issuer.token()) == 200


async def test_a_change_is_not_repeated_under_another_name_of_its_session(issuer: Issuer, tmp_path: Path) -> None:
    """Nobody signs the keyId, and a token may be spelt with its padding or without."""
    async with accepting(tmp_path, settings_of(issuer), oci_replay_defence=True) as client:
        token = issuer.token()
        signed = held_by(client, token)
        raw = signed.raw(b"body")
        assert (await signed.exchange(raw))[0] == 200
        for name in (f"{token}==", issuer.token(exp=int(time.time()) + 900)):
            raw.parameter("keyId", f"ST${name}")
            refused, said = await signed.exchange(raw)
            assert (refused, b"it was used before" in said) == (401, True)
            other = held_by(client, name)
            assert (await other.exchange(other.raw(name.encode())))[0] == 200


async def test_a_session_ends_with_its_token(issuer: Issuer, client: Client) -> None:
    skew = 30
    assert await status(client, issuer.token(exp=int(time.time()) - skew + 5)) == 200
    assert await status(client, issuer.token(exp=int(time.time()) - skew - 5)) == 401


async def test_a_stranger_to_the_issuer_costs_one_fetch(issuer: Issuer, client: Client) -> None:
    for _ in range(5):
        assert await status(client, with_another_key(issuer).replace("first", "other")) == 401
    assert issuer.fetches == 1
