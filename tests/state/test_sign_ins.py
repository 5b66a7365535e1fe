"""What replicas share about sign-ins: one secret, and who signed out."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from gateway.state.sign_ins import SECRET_BYTES, StateSignIns
from gateway.state.store import StateStore
from tests.state.conftest import Clock

ID = "0" * 32


async def test_replicas_that_ask_at_once_hear_one_secret(store: StateStore, replica: StateStore) -> None:
    asked = (StateSignIns(each).secret() for each in (store, replica) * 4)
    heard = set(await asyncio.gather(*asked))
    assert [len(secret) for secret in heard] == [SECRET_BYTES]


async def test_another_store_has_another_secret(store: StateStore) -> None:
    other = await StateStore.open("sqlite+aiosqlite://")
    assert await StateSignIns(other).secret() != await StateSignIns(store).secret()
    await other.aclose()


async def test_a_sign_out_is_known_to_every_replica(store: StateStore, replica: StateStore, clock: Clock) -> None:
    here, there = StateSignIns(store), StateSignIns(replica)
    assert not await there.is_signed_out(ID)
    for _ in range(2):
        await here.sign_out(ID, clock() + timedelta(days=30))
    assert await there.is_signed_out(ID)


async def test_a_sign_out_is_forgotten_once_the_sign_in_would_have_ended(store: StateStore, clock: Clock) -> None:
    sign_ins = StateSignIns(store)
    await sign_ins.sign_out(ID, clock() - timedelta(days=365))
    await store.sweep()
    assert not await sign_ins.is_signed_out(ID)
