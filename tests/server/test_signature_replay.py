"""The replay defence: a signature is good for one change, on any replica, and only its signer can use it up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from gateway.contents.model import Credential
from gateway.contents.problem import Code, Problem
from gateway.identity import gatekeeper
from gateway.sections import Identity
from gateway.server.registered_keys import RegisteredKey, RegisteredKeys
from gateway.server.signatures import SignatureAuthenticator
from gateway.state.signatures import StateSignatures
from gateway.state.store import StateStore
from gateway.wire.dates import http_date
from gateway.wire.signature import SigningKey
from tests.fakes.issuer import rsa_key
from tests.server.doors import Client, door, kept_by
from tests.server.signing import Raw, Signed, write_key

KEY_ID, OTHER_NAME = "tenancy/ada/aa:bb", "tenancy/al/aa:bb"
CHANGES = ["POST", "PUT", "PATCH", "DELETE"]


@dataclass
class House:
    """Replicas over one state store; the key is registered under two names."""

    stack: AsyncExitStack
    folder: Path

    async def store(self) -> StateStore:
        store = await StateStore.open(f"sqlite+aiosqlite:///{self.folder / 'state.db'}")
        self.stack.push_async_callback(store.aclose)
        return store

    async def replica(self, *, defended: bool = True) -> Signed:
        keys = [{"key_id": name, "public_key": str(self.key_file), "user": "ada"} for name in (KEY_ID, OTHER_NAME)]
        settings = Identity.model_validate({"oci_keys": keys} | ({"oci_replay_defence": True} if defended else {}))
        session = await self.stack.enter_async_context(aiohttp.ClientSession())
        keeper = gatekeeper(settings, session, await self.store())
        return signed(await self.stack.enter_async_context(kept_by(keeper, Credential.SIGNATURE)))

    @property
    def key_file(self) -> Path:
        return self.folder / "ada.pem"


def signed(client: Client) -> Signed:
    return Signed(client, SigningKey(KEY_ID, rsa_key("ada")))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        house = House(stack, tmp_path)
        write_key(house.key_file, rsa_key("ada"))
        yield house


@pytest.mark.parametrize("method", CHANGES)
async def test_a_change_is_good_once_and_one_signed_anew_is_another(house: House, method: str) -> None:
    ada = await house.replica()
    raw, later = (
        ada.raw(method=method),
        ada.raw(method=method, date=http_date(datetime.now(UTC) + timedelta(seconds=9))),
    )
    assert (await ada.exchange(raw))[0] == 200
    status, body = await ada.exchange(raw)
    assert (status, b"it was used before" in body) == (401, True)
    assert (await ada.exchange(later))[0] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_may_be_repeated(house: House, method: str) -> None:
    ada = await house.replica()
    raw = ada.raw(method=method)
    assert [(await ada.exchange(raw))[0] for _ in range(3)] == [200] * 3


async def test_without_the_setting_a_change_may_be_repeated(house: House) -> None:
    ada = await house.replica(defended=False)
    raw = ada.raw()
    assert [(await ada.exchange(raw))[0] for _ in range(3)] == [200] * 3


async def test_of_racing_copies_on_two_replicas_exactly_one_passes(house: House) -> None:
    one, other = await house.replica(), await house.replica()
    for round_number in range(4):
        raw = one.raw(str(round_number).encode())
        answers = await asyncio.gather(*((one, other)[n % 2].exchange(raw) for n in range(8)))
        assert sorted(status for status, _ in answers) == [200] + [401] * 7


async def test_a_change_is_known_on_another_replica_and_after_a_restart(house: House) -> None:
    raw = (await house.replica()).raw()
    assert [(await (await house.replica()).exchange(raw))[0] for _ in range(3)] == [200, 401, 401]


def _respelt(raw: Raw) -> None:
    scheme, _, rest = raw.value("authorization").partition(" ")
    raw.set("authorization", f"{scheme.lower()} {' , '.join(reversed(rest.split(',')))}")


RESPELT: dict[str, Callable[[Raw], object]] = {
    "as_it_was": lambda _: None,
    "authorization_respelt": _respelt,
    "under_another_name_of_the_key": lambda raw: raw.parameter("keyId", OTHER_NAME),
    "with_a_retry_token": lambda raw: raw.headers.append(("opc-retry-token", "t")),
    "with_a_condition": lambda raw: raw.headers.append(("if-match", "*")),
    "with_another_request_id": lambda raw: raw.headers.append(("opc-request-id", "r")),
}


@pytest.mark.parametrize("respell", RESPELT.values(), ids=RESPELT)
async def test_what_nobody_signed_makes_no_new_request(house: House, respell: Callable[[Raw], object]) -> None:
    ada = await house.replica()
    raw = ada.raw(b"body")
    assert (await ada.exchange(raw))[0] == 200
    respell(raw)
    assert (await ada.exchange(raw))[0] == 401


async def test_a_repetition_with_its_retry_token_is_refused_too(house: House) -> None:
    """The token is not signed: whoever has the request could put in any."""
    ada = await house.replica()
    raw = ada.raw(b"body", "POST", opc_retry_token="t")
    assert ("opc-retry-token", "t") in raw.headers
    assert [(await ada.exchange(raw))[0] for _ in range(2)] == [200, 401]


async def test_nobody_but_its_signer_uses_a_signature_up(house: House) -> None:
    ada = await house.replica()
    raw = ada.raw(b"body")
    for forged in (replace(raw, body=b"evil"), replace(raw, method="POST"), replace(raw, target="/at/elsewhere")):
        assert (await ada.exchange(forged))[0] == 401
    stalled = replace(raw, sent=b"bo")
    _, writer = await asyncio.open_connection(ada.client.host, ada.client.port)
    writer.write(stalled.wire())
    await writer.drain()
    writer.close()
    assert (await ada.exchange(raw))[0] == 200


async def test_a_change_is_remembered_as_long_as_anybody_accepts_it(house: House) -> None:
    """It was signed for five minutes later than it came, and comes again when it is almost five minutes old."""
    now = datetime.now(UTC)
    sent, dated = now - timedelta(seconds=595), now - timedelta(seconds=297)
    store = await house.store()
    keys = RegisteredKeys([RegisteredKey(KEY_ID, house.key_file, "ada", frozenset())])
    early = SignatureAuthenticator(keys, seen=StateSignatures(store, lambda: sent), now=lambda: sent)
    late, forgetful = SignatureAuthenticator(keys, seen=StateSignatures(store)), SignatureAuthenticator(keys)
    async with (
        door({Credential.SIGNATURE: early}) as then,
        door({Credential.SIGNATURE: late}) as today,
        door({Credential.SIGNATURE: forgetful}) as elsewhere,
    ):
        raw = signed(then).raw(date=http_date(dated))
        statuses = [(await signed(then).exchange(raw))[0]]
        await store.sweep()
        statuses += [(await signed(client).exchange(raw))[0] for client in (today, elsewhere)]
        assert statuses == [200, 401, 200]


async def test_what_cannot_be_remembered_is_not_let_in(house: House) -> None:
    class Down:
        async def claim(self, _fingerprint: str, _lifetime: timedelta) -> bool:
            raise Problem(Code.UNAVAILABLE, "The state store does not answer.")

    keys = RegisteredKeys([RegisteredKey(KEY_ID, house.key_file, "ada", frozenset())])
    async with door({Credential.SIGNATURE: SignatureAuthenticator(keys, seen=Down())}) as client:
        assert (await signed(client).exchange(signed(client).raw()))[0] == 503
        assert (await signed(client).exchange(signed(client).raw(method="GET")))[0] == 200
