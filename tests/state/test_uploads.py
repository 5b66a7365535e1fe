"""Upload sessions: one for each caller and path, advanced by one request at a time."""

from __future__ import annotations

import asyncio

import pytest

from gateway.contents.model import Caller, Credential
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.uploads import UploadSession, UploadSessions
from gateway.state.store import StateStore
from gateway.state.uploads import LIFETIME, StateUploadSessions
from tests.state.conftest import Clock

ADA = Caller("ada", Credential.TOKEN)
BO = Caller("bo", Credential.TOKEN)
PATH = ContentPath.parse("files/big.bin")


@pytest.fixture
def sessions(store: StateStore, clock: Clock) -> UploadSessions:
    return StateUploadSessions(store, clock)


async def test_a_started_upload_is_found_by_its_caller_and_path_only(sessions: UploadSessions) -> None:
    started, earlier = await sessions.start(ADA, PATH)
    assert earlier is None
    assert await sessions.find(ADA, PATH) == started
    assert await sessions.find(BO, PATH) is None
    assert await sessions.find(ADA, ContentPath.parse("files/other.bin")) is None


async def test_starting_anew_returns_the_earlier_upload(sessions: UploadSessions) -> None:
    first, _ = await sessions.start(ADA, PATH)
    first = await sessions.advance(first, 5)
    second, earlier = await sessions.start(ADA, PATH)
    assert earlier == first
    assert await sessions.find(ADA, PATH) == second
    assert (second.received, second.size_bytes) == (0, 0)


async def test_pieces_and_bytes_are_counted_across_replicas(
    sessions: UploadSessions, replica: StateStore, clock: Clock
) -> None:
    session, _ = await sessions.start(ADA, PATH)
    session = await sessions.advance(session, 5)
    session = await StateUploadSessions(replica, clock).advance(session, 7)
    assert await sessions.find(ADA, PATH) == UploadSession(session.id, 2, 12)


async def test_of_racing_pieces_one_advances(sessions: UploadSessions, replica: StateStore, clock: Clock) -> None:
    session, _ = await sessions.start(ADA, PATH)
    replicas = (sessions, StateUploadSessions(replica, clock))
    results = await asyncio.gather(*(replicas[n % 2].advance(session, 1) for n in range(8)), return_exceptions=True)
    assert [type(result) for result in results].count(UploadSession) == 1
    problems = [result for result in results if isinstance(result, Problem)]
    assert [problem.code for problem in problems] == [Code.CONFLICT] * 7


async def test_racing_starts_leave_one_and_return_all_others(
    sessions: UploadSessions, replica: StateStore, clock: Clock
) -> None:
    replicas = (sessions, StateUploadSessions(replica, clock))
    results = await asyncio.gather(*(replicas[n % 2].start(ADA, PATH) for n in range(8)))
    left = await sessions.find(ADA, PATH)
    started = {session.id for session, _ in results}
    cleaned = {earlier.id for _, earlier in results if earlier is not None}
    assert left is not None
    assert cleaned == started - {left.id}


async def test_a_finished_upload_is_gone_and_cannot_be_advanced(sessions: UploadSessions) -> None:
    session, _ = await sessions.start(ADA, PATH)
    await sessions.finish(session)
    assert await sessions.find(ADA, PATH) is None
    with pytest.raises(Problem) as raised:
        await sessions.advance(session, 1)
    assert raised.value.code is Code.CONFLICT


async def test_an_abandoned_upload_is_forgotten_and_returned_once(sessions: UploadSessions, clock: Clock) -> None:
    old, _ = await sessions.start(ADA, PATH)
    clock.advance(LIFETIME.total_seconds() - 1)
    young, _ = await sessions.start(BO, PATH)
    assert await sessions.expired() == []
    clock.advance(1)
    assert await sessions.find(ADA, PATH) is None
    assert await sessions.expired() == [old]
    assert await sessions.expired() == []
    assert await sessions.find(BO, PATH) == young
