"""Locks that replicas share."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert

from gateway.contents.problem import Code, Problem
from gateway.state.locks import StateLocks
from gateway.state.store import StateStore, now
from gateway.state.tables import locks


async def test_holders_on_two_replicas_never_overlap(store: StateStore, replica: StateStore) -> None:
    replicas = (StateLocks(store), StateLocks(replica))
    inside = 0
    most = 0

    async def work(shared: StateLocks) -> None:
        nonlocal inside, most
        async with shared.hold("m:a"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.005)
            inside -= 1

    await asyncio.gather(*(work(replicas[n % 2]) for n in range(10)))
    assert (inside, most) == (0, 1)


async def test_other_names_are_free(store: StateStore, replica: StateStore) -> None:
    async with StateLocks(store).hold("m:a"), StateLocks(replica, patience_seconds=1).hold("m:b"):
        pass


@pytest.mark.parametrize("is_same_process", [False, True])
async def test_a_busy_lock_is_unavailable_after_the_patience(
    store: StateStore, replica: StateStore, is_same_process: bool
) -> None:
    holder = StateLocks(store, patience_seconds=0.2)
    other = holder if is_same_process else StateLocks(replica, patience_seconds=0.2)
    async with holder.hold("m:a"):
        with pytest.raises(Problem) as raised:
            async with other.hold("m:a"):
                pytest.fail("two holders")
    assert (raised.value.code, raised.value.retry_after_seconds) == (Code.UNAVAILABLE, 1)
    async with other.hold("m:a"):
        pass


async def test_a_held_lock_is_renewed(store: StateStore, replica: StateStore) -> None:
    async with StateLocks(store, lease_seconds=0.3).hold("m:a"):
        await asyncio.sleep(0.6)
        with pytest.raises(Problem):
            async with StateLocks(replica, patience_seconds=0.1).hold("m:a"):
                pytest.fail("two holders")


async def test_a_dead_holders_lease_runs_out(store: StateStore) -> None:
    lease = insert(locks).values(name="m:a", holder="dead", expires=now() + timedelta(seconds=0.3))
    async with store.transaction() as connection:
        await connection.execute(lease)
    with pytest.raises(Problem):
        async with StateLocks(store, patience_seconds=0.1).hold("m:a"):
            pytest.fail("two holders")
    async with StateLocks(store, patience_seconds=3).hold("m:a"):
        pass


async def test_an_error_inside_releases_the_lock(store: StateStore, replica: StateStore) -> None:
    with pytest.raises(TimeoutError):
        async with StateLocks(store).hold("m:a"):
            raise TimeoutError
    async with StateLocks(replica, patience_seconds=0.2).hold("m:a"):
        pass


async def test_a_cancelled_holder_and_a_cancelled_waiter_release_the_lock(
    store: StateStore, replica: StateStore
) -> None:
    shared = StateLocks(store)
    held = asyncio.Event()

    async def work() -> None:
        async with shared.hold("m:a"):
            held.set()
            await asyncio.sleep(10)

    holder, waiter = asyncio.create_task(work()), asyncio.create_task(work())
    await held.wait()
    waiter.cancel()
    holder.cancel()
    results = await asyncio.gather(holder, waiter, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    async with StateLocks(replica, patience_seconds=1).hold("m:a"):
        pass
