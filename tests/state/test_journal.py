"""The journal of moves: leases, taking over, and what is remembered of a move."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, func, select

from gateway.contents.journal import Move, Progress, Record, Spot, Stage, Step
from gateway.contents.model import ETag
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.state.journal import StateJournal
from gateway.state.store import StateStore
from gateway.state.tables import move_steps

parse = ContentPath.parse
ROOT = ContentPath.ROOT
DATE = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
MOVE = Move("1", Spot("a", "store of a", parse("x/top")), Spot("b", "", parse("new")), None, Stage.COPYING)
FIRST = Step(parse("a.txt"), ETag("e1"), DATE, "0" * 64)
SECOND = Step(parse("inner/b.txt"), None, DATE, "1" * 64)
DIRECTORIES = (ROOT, parse("inner"))


async def test_what_was_noted_is_known(store: StateStore) -> None:
    journal = StateJournal(store)
    await journal.begin(MOVE, DIRECTORIES, ())
    await journal.note(MOVE, None, FIRST)
    made = replace(FIRST, copy_etag=ETag("c1"))
    await journal.note(MOVE, made, SECOND)
    assert await journal.progress(MOVE) == Progress(MOVE, DIRECTORIES, (made, SECOND))
    deleting = replace(MOVE, stage=Stage.DELETING, user="ada")
    await journal.note(deleting, None, None)
    assert (progress := await journal.progress(MOVE))
    assert (progress.move.stage, progress.move.user) == (Stage.DELETING, None)


async def test_a_finished_move_leaves_nothing(store: StateStore) -> None:
    journal = StateJournal(store, lease_seconds=0)
    await journal.begin(MOVE, DIRECTORIES, (FIRST,))
    await journal.finish(MOVE)
    assert await journal.progress(MOVE) is None
    assert await journal.abandoned() == []
    async with store.transaction() as connection:
        assert (await connection.execute(select(func.count()).select_from(move_steps))).scalar_one() == 0


async def test_only_a_move_whose_lease_has_run_out_is_taken_over_and_by_one(
    store: StateStore, replica: StateStore
) -> None:
    living, dead = StateJournal(store), StateJournal(store, lease_seconds=0)
    others = [StateJournal(replica), StateJournal(store), StateJournal(replica)]
    await living.begin(MOVE, (), (FIRST,))
    await dead.begin(replace(MOVE, id="2", user="ada"), (), (FIRST,))
    taken = await asyncio.gather(*(other.abandoned() for other in others))
    assert [move for each in taken for move in each] == [replace(MOVE, id="2", user="ada")]


async def test_who_was_taken_over_may_note_nothing_more(store: StateStore, replica: StateStore) -> None:
    slow, other = StateJournal(store, lease_seconds=0), StateJournal(replica)
    await slow.begin(MOVE, DIRECTORIES, ())
    assert await other.abandoned() == [MOVE]
    with pytest.raises(Problem) as raised:
        await slow.note(MOVE, None, FIRST)
    assert raised.value.code is Code.CONFLICT
    assert not await slow.touch(MOVE)
    assert await slow.progress(MOVE) is None
    await slow.finish(MOVE)
    assert await other.progress(MOVE) == Progress(MOVE, DIRECTORIES, ())


async def test_a_move_under_way_is_kept_alive(store: StateStore, replica: StateStore) -> None:
    journal = StateJournal(store, lease_seconds=0.6)
    async with Record(journal, MOVE) as record:
        await record.begin_tree(DIRECTORIES)
        await asyncio.sleep(1)
        assert await StateJournal(replica).abandoned() == []
    await asyncio.sleep(0.7)
    assert await StateJournal(replica).abandoned() == [MOVE]


async def test_a_file_costs_two_transactions(store: StateStore) -> None:
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(store.engine.sync_engine, "commit", count)
    async with Record(StateJournal(store), replace(MOVE, stage=Stage.FILE)) as record:
        await record.begin_file(FIRST)
        await record.finish()
    assert commits == 2
