"""Moves between mounts that break while their process lives: told as a failure, taken back, or ended later."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from gateway.contents.journal import Move, NoJournal, Record, Spot, Stage
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Precondition, Written
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.service import Contents
from gateway.state.journal import StateJournal
from gateway.state.store import StateStore
from tests.contents.fickle import DOWN, TEXTS, Stand
from tests.contents.stand import ADA, BareBackend, folder, names, parse, write_all
from tests.contract.steps import refused

ROOT = ContentPath.ROOT

# -- moves that nothing hinders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("moved", "writes"), [("file.txt", 2), ("top", 3 + len(TEXTS))])
async def test_a_move_costs_few_transactions_and_leaves_no_trace(
    stand: Stand, store: StateStore, moved: str, writes: int
) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in (*TEXTS, "file.txt")])
    mounts = Mounts([Mount("source", stand.source), Mount("target", stand.target)])
    contents = Contents(mounts, ProcessLocks(), journal=StateJournal(store))
    commits: list[object] = []
    event.listen(store.engine.sync_engine, "commit", commits.append)
    await contents.move(ADA, parse(f"source/{moved}"), parse(f"target/{moved}"))
    assert len(commits) == writes
    assert await stand.both(moved) == (False, True)
    assert await stand.is_over()


# -- what breaks while the process lives -------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", ["top", "file.txt"])
@pytest.mark.parametrize("moment", ["before delete", "after delete"])
async def test_a_source_that_could_not_be_deleted_is_deleted_later(stand: Stand, moved: str, moment: str) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in (*TEXTS, "file.txt")])
    stand.source.failing[moment] = DOWN
    await refused(stand.contents.move(ADA, parse(f"source/{moved}"), parse(f"target/{moved}")), Code.UNAVAILABLE)
    stand.source.failing.clear()
    await stand.resume()
    assert await stand.both(moved) == (False, True)
    assert await stand.is_over()


@pytest.mark.parametrize("moved", ["top", "file.txt"])
async def test_a_move_told_as_a_failure_is_taken_back_however_late_its_copy_comes(stand: Stand, moved: str) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in (*TEXTS, "file.txt")])
    stand.target.failing["after write"] = Problem(Code.TIMEOUT, "No answer.")
    await refused(stand.contents.move(ADA, parse(f"source/{moved}"), parse(f"target/{moved}")), Code.TIMEOUT)
    stand.target.failing.clear()
    assert await stand.both(moved) == (True, True)
    await stand.resume()
    assert await stand.both(moved) == (True, False)
    assert await stand.is_over()


async def test_copies_that_could_not_be_taken_back_are_taken_back_later(stand: Stand) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in TEXTS])
    stand.target.failing["before delete"] = DOWN
    stop = asyncio.Event()
    reads: list[ContentPath] = []

    async def read_until_stopped(path: ContentPath) -> object:
        reads.append(path)
        if len(reads) == 2:
            stop.set()
            await asyncio.sleep(60)
        return await BareBackend.read(stand.source, path)

    stand.source.read = read_until_stopped  # type: ignore[method-assign,assignment]  # one store's only
    moving = asyncio.create_task(stand.contents.move(ADA, parse("source/top"), parse("target/top")))
    await stop.wait()
    moving.cancel()
    await asyncio.wait({moving})
    assert await names(stand.contents, "target") == ["top"]
    stand.target.failing.clear()
    await stand.resume()
    assert await stand.both("top") == (True, False)


async def test_who_was_taken_over_takes_back_what_it_has_copied(stand: Stand, store: StateStore) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in TEXTS])
    other = StateJournal(store)

    async def write(path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        await other.abandoned()
        return await BareBackend.write(stand.target, path, body, precondition=precondition)

    stand.target.write = write  # type: ignore[method-assign]  # one store's only
    await refused(stand.contents.move(ADA, parse("source/top"), parse("target/top")), Code.CONFLICT)
    assert await stand.both("top") == (True, False)


@pytest.mark.parametrize("moved", ["top", "file.txt"])
async def test_a_state_store_that_is_lost_on_the_way_loses_nothing(stand: Stand, store: StateStore, moved: str) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in (*TEXTS, "file.txt")])
    last = "c.txt" if moved == "top" else "file.txt"

    async def read(inner: ContentPath) -> object:
        if inner.name == last:
            store.transaction = _lost  # type: ignore[method-assign,assignment]  # until the end of the test
        return await BareBackend.read(stand.target, inner)

    stand.target.read = read  # type: ignore[method-assign,assignment]  # one store's only
    attempt = stand.contents.move(ADA, parse(f"source/{moved}"), parse(f"target/{moved}"))
    if moved == "top":
        await refused(attempt, Code.UNAVAILABLE)
        assert await stand.both(moved) == (True, False)
    else:
        await attempt
        assert await stand.both(moved) == (False, True)


def _lost() -> object:
    raise DOWN


async def test_without_a_journal_nothing_is_kept_of_a_move(tmp_path: Path) -> None:
    journal = NoJournal()
    contents = Contents(Mounts([Mount("m", folder(tmp_path / "m"))]), ProcessLocks(), journal=journal)
    await contents.resume_moves()
    move = Move("1", Spot("m", "", ROOT), Spot("m", "", ROOT), None, Stage.FILE)
    assert await journal.touch(move)
    assert await journal.progress(move) is None


async def test_nothing_is_begun_that_cannot_be_noted(stand: Stand, store: StateStore) -> None:
    await write_all(stand.contents, ["source/a.txt"])
    store.transaction = _lost  # type: ignore[method-assign,assignment]  # until the end of the test
    await refused(stand.contents.move(ADA, parse("source/a.txt"), parse("target/a.txt")), Code.UNAVAILABLE)
    assert await stand.both("a.txt") == (True, False)


async def test_a_lease_that_cannot_be_renewed_is_told(store: StateStore, tmp_path: Path) -> None:
    move = Move("1", Spot("a", "", ROOT), Spot("b", "", ROOT), None, Stage.FILE)
    journal = StateJournal(store, lease_seconds=0.03)
    with capture_logs() as logs:
        async with Record(journal, move):
            async with asyncio.timeout(10):
                while not logs:  # noqa: ASYNC110  a log line is no event
                    await asyncio.sleep(0.01)
        assert [log["log_level"] for log in logs] == ["error"]
        store.transaction = _lost  # type: ignore[method-assign,assignment]  # until the end of the test
        async with Record(journal, move):
            async with asyncio.timeout(10):
                while len(logs) < 3:  # noqa: ASYNC110  a log line is no event
                    await asyncio.sleep(0.01)
    assert {log["log_level"] for log in logs[1:]} == {"warning"}
