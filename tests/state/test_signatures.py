"""A used signature is known to all replicas, to the next start, and until it is swept."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from gateway.state.signatures import StateSignatures
from gateway.state.store import StateStore
from tests.state.conftest import Clock

FINGERPRINT = "a" * 64
LIFETIME = timedelta(minutes=10)


async def test_a_signature_is_used_once(store: StateStore) -> None:
    signatures = StateSignatures(store)
    assert [await signatures.claim(FINGERPRINT, LIFETIME) for _ in range(3)] == [True, False, False]
    assert await signatures.claim("b" * 64, LIFETIME)


async def test_of_racing_uses_on_two_replicas_exactly_one_is_the_first(store: StateStore, replica: StateStore) -> None:
    replicas = (StateSignatures(store), StateSignatures(replica))
    claims = await asyncio.gather(*(replicas[n % 2].claim(FINGERPRINT, LIFETIME) for n in range(16)))
    assert sorted(claims) == [False] * 15 + [True]


async def test_a_use_is_known_after_a_restart(url: str) -> None:
    first = await StateStore.open(url)
    assert await StateSignatures(first).claim(FINGERPRINT, LIFETIME)
    await first.aclose()
    second = await StateStore.open(url)
    assert not await StateSignatures(second).claim(FINGERPRINT, LIFETIME)
    await second.aclose()


async def test_a_sweep_forgets_only_what_has_expired(store: StateStore, clock: Clock) -> None:
    past, present = StateSignatures(store, clock), StateSignatures(store)
    assert await past.claim(FINGERPRINT, LIFETIME)
    assert await present.claim("b" * 64, LIFETIME)
    clock.advance(LIFETIME.total_seconds() + 1)
    assert not await past.claim(FINGERPRINT, LIFETIME)
    await store.sweep()
    assert await past.claim(FINGERPRINT, LIFETIME)
    assert not await present.claim("b" * 64, LIFETIME)


async def test_a_use_that_was_cut_off_counts(store: StateStore) -> None:
    signatures = StateSignatures(store)
    task = asyncio.create_task(signatures.claim(FINGERPRINT, LIFETIME))
    await asyncio.sleep(0)
    task.cancel()
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)
    assert not await signatures.claim(FINGERPRINT, LIFETIME)
