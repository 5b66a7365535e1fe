"""Who vouched for what, as rows: each for its own user, on every replica, until long after."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from gateway.state.store import StateStore, now
from gateway.state.trust import KEPT, StateVouchers

DIGEST = "ab" * 32


async def test_each_user_vouches_for_oneself(store: StateStore) -> None:
    vouchers = StateVouchers(store)
    await vouchers.add("user:ada", DIGEST)
    asked = [("user:ada", DIGEST), ("user:al", DIGEST), ("user:ada", "cd" * 32)]
    assert [await StateVouchers(store).has(*each) for each in asked] == [True, False, False]


async def test_many_saves_of_the_same_at_once_are_one(store: StateStore) -> None:
    vouchers = StateVouchers(store)
    await asyncio.gather(*(vouchers.add("user:ada", DIGEST) for _ in range(5)))
    assert await vouchers.has("user:ada", DIGEST)


async def test_what_has_not_been_saved_for_long_is_forgotten(store: StateStore) -> None:
    past = StateVouchers(store, clock=lambda: now() - KEPT - timedelta(days=1))
    await past.add("user:ada", DIGEST)
    await StateVouchers(store).add("user:ada", "cd" * 32)
    await store.sweep()
    assert [await past.has("user:ada", each) for each in (DIGEST, "cd" * 32)] == [False, True]
