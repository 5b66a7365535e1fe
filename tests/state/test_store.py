"""Opening, migrating and losing the state store."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from gateway.contents.apps import AppType
from gateway.contents.problem import Code, Problem
from gateway.state.apps import StateApps
from gateway.state.store import StateStore
from gateway.state.tables import metadata


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def _driver_threads_ended() -> None:
    """After a failed connect the driver's thread reports its end to the loop, which has to be there still."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 5)


async def test_migrated_schema_equals_the_tables(store: StateStore) -> None:
    async with store.transaction() as connection:
        assert await connection.run_sync(_differences) == []


async def test_sqlite_writes_ahead_and_waits_for_other_processes(store: StateStore) -> None:
    async with store.transaction() as connection:
        pragmas = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    assert pragmas == ["wal", 1, 5000, 1]


async def test_records_outlive_a_restart(url: str) -> None:
    first = await StateStore.open(url)
    made = await StateApps(first).create_app("churn", AppType.FULL_PIPELINE, "ada")
    await first.aclose()
    second = await StateStore.open(url)
    assert await StateApps(second).get_app(made.id) == made
    await second.aclose()


async def test_replicas_that_start_together_migrate_once(url: str) -> None:
    stores = await asyncio.gather(*(StateStore.open(url) for _ in range(4)))
    for store in stores:
        await store.ping()
        await store.aclose()


async def test_a_percent_sign_in_the_folder_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "100%s"
    folder.mkdir()
    store = await StateStore.open(f"sqlite+aiosqlite:///{folder / 'state.db'}")
    await store.ping()
    await store.aclose()


async def test_an_unreachable_database_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Problem) as raised:
        await StateStore.open(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'state.db'}")
    assert raised.value.code is Code.UNAVAILABLE
    assert str(tmp_path) not in raised.value.detail
    await _driver_threads_ended()


@pytest.mark.parametrize("seconds", [0, 0.002, 0.005, 0.01])
async def test_cancelled_callers_leave_the_store_usable(store: StateStore, seconds: float) -> None:
    apps = StateApps(store)
    tasks = [asyncio.create_task(apps.create_app(f"a{n}", AppType.HAND_AUTHORED, "ada")) for n in range(20)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert any(isinstance(result, asyncio.CancelledError) for result in results)
    await asyncio.wait_for(apps.create_app("after", AppType.HAND_AUTHORED, "ada"), 2)
    assert "after" in [app.name for app in await apps.list_apps()]


async def test_closing_waits_for_what_is_under_way(url: str) -> None:
    first = await StateStore.open(url)
    task = asyncio.create_task(StateApps(first).create_app("a", AppType.HAND_AUTHORED, "ada"))
    await asyncio.sleep(0)
    task.cancel()
    await first.aclose()
    second = await StateStore.open(url)
    assert [app.name for app in await StateApps(second).list_apps()] == ["a"]
    await second.aclose()
