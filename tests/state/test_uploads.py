"""Upload sessions: one for each caller and path, advanced by one request at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.uploads import UploadKey, UploadSession, UploadSessions
from gateway.state.store import StateStore
from gateway.state.uploads import LIFETIME, StateUploadSessions
from tests.state.conftest import Clock

PATH = ContentPath.parse("files/big.bin")
ADA = UploadKey("user:ada", PATH)


@pytest.fixture
def sessions(store: StateStore, clock: Clock) -> UploadSessions:
    return StateUploadSessions(store, clock)


async def test_a_started_upload_is_found_by_its_whole_key_only(sessions: UploadSessions) -> None:
    started, earlier = await sessions.start(ADA)
    assert earlier is None
    assert await sessions.find(ADA) == started
    others = (replace(ADA, owner="user:bo"), replace(ADA, path=PATH.child("other.bin")), replace(ADA, name="u-1"))
    assert [await sessions.find(other) for other in others] == [None, None, None]


async def test_starting_anew_returns_the_earlier_upload(sessions: UploadSessions) -> None:
    first, _ = await sessions.start(ADA)
    first = await sessions.advance(first, 5)
    second, earlier = await sessions.start(ADA)
    assert earlier == first
    assert await sessions.find(ADA) == second
    assert (second.received, second.size_bytes) == (0, 0)


async def test_pieces_and_bytes_are_counted_across_replicas(
    sessions: UploadSessions, replica: StateStore, clock: Clock
) -> None:
    session, _ = await sessions.start(ADA)
    session = await sessions.advance(session, 5)
    session = await StateUploadSessions(replica, clock).advance(session, 7)
    assert await sessions.find(ADA) == UploadSession(session.id, 2, 12)


async def test_of_racing_pieces_one_advances(sessions: UploadSessions, replica: StateStore, clock: Clock) -> None:
    session, _ = await sessions.start(ADA)
    replicas = (sessions, StateUploadSessions(replica, clock))
    results = await asyncio.gather(*(replicas[n % 2].advance(session, 1) for n in range(8)), return_exceptions=True)
    assert [type(result) for result in results].count(UploadSession) == 1
    problems = [result for result in results if isinstance(result, Problem)]
    assert [problem.code for problem in problems] == [Code.CONFLICT] * 7


async def test_racing_starts_leave_one_and_return_all_others(
    sessions: UploadSessions, replica: StateStore, clock: Clock
) -> None:
    replicas = (sessions, StateUploadSessions(replica, clock))
    results = await asyncio.gather(*(replicas[n % 2].start(ADA) for n in range(8)))
    left = await sessions.find(ADA)
    started = {session.id for session, _ in results}
    cleaned = {earlier.id for _, earlier in results if earlier is not None}
    assert left is not None
    assert cleaned == started - {left.id}


async def test_a_finished_upload_is_gone_and_cannot_be_advanced(sessions: UploadSessions) -> None:
    session, _ = await sessions.start(ADA)
    await sessions.finish(session)
    assert await sessions.find(ADA) is None
    with pytest.raises(Problem) as raised:
        await sessions.advance(session, 1)
    assert raised.value.code is Code.CONFLICT


async def test_an_abandoned_upload_is_found_no_more_and_told_until_it_is_finished(
    sessions: UploadSessions, clock: Clock
) -> None:
    old, _ = await sessions.start(ADA)
    clock.advance(LIFETIME.total_seconds() - 1)
    young, _ = await sessions.start(replace(ADA, owner="user:bo"))
    assert await sessions.expired() == []
    clock.advance(1)
    assert await sessions.find(ADA) is None
    assert await sessions.expired() == [old]
    await sessions.finish(old)
    assert await sessions.expired() == []
    assert await sessions.find(replace(ADA, owner="user:bo")) == young
