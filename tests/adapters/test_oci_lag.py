"""A workspace that shows changes late (quirk 2): what was changed here is waited for, and never taken for what was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from aiohttp import web

from adapters.oci.backend import OciBackend
from adapters.oci.changes import MEMORY_SECONDS, PATIENCE_SECONDS, Changes, Seen
from gateway.contents.model import Absent, ETag, Kind, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from tests.adapters.oci_steps import NOTEBOOK, OTHER, Stand, names_of, standing

parse = ContentPath.parse
FILE, PATH, FOLDER = parse("a.txt"), parse("a.ipynb"), parse("folder")
ONE, TWO, THREE = ETag("one"), ETag("two"), ETag("three")


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with standing(tmp_path) as stand:
        yield stand


@pytest.fixture
def backend(stand: Stand) -> OciBackend:
    return stand.backend()


@pytest.mark.parametrize("form", ["missing", "internal error", "previous"])
async def test_what_was_just_made_is_waited_for(
    stand: Stand, backend: OciBackend, form: Literal["missing", "internal error", "previous"]
) -> None:
    stand.workspace.habits.lag_reads, stand.workspace.habits.lag_form = 3, form
    makes: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: backend.write(PATH, NOTEBOOK),
        lambda: backend.write(FILE, b"a", precondition=Absent()),
        lambda: backend.make_directory(FOLDER),
        lambda: backend.make_directory(parse("Prüfung")),
        lambda: backend.move(FOLDER, parse("moved")),
        lambda: backend.move(FILE, parse("moved/b.txt")),
    )
    for make in makes:
        await make()
    assert (await backend.read(PATH)).body
    assert (await backend.stat(parse("moved"))).kind is Kind.DIRECTORY
    assert await names_of(backend) == ["Prüfung", "a.ipynb", "moved"]
    assert await names_of(backend, parse("moved")) == ["b.txt"]


async def test_a_read_after_a_write_is_of_what_was_written(stand: Stand, backend: OciBackend) -> None:
    for path, bodies in ((PATH, (NOTEBOOK, OTHER)), (FILE, (b"one", b"two"))):
        await backend.write(path, bodies[0])
        stand.workspace.habits.lag_reads = 3
        written = await backend.write(path, bodies[1])
        document = await backend.read(path)
        assert document.body == bodies[1]
        assert document.entry.etag == written.entry.etag
        (listed,) = [each for each in (await backend.list(ContentPath.ROOT)).entries if each.path == path]
        assert listed.modified == written.entry.modified
        stand.workspace.habits.lag_reads = 0


async def test_what_was_just_deleted_is_gone(stand: Stand, backend: OciBackend) -> None:
    for path in (PATH, FILE):
        etag = (await backend.write(path, NOTEBOOK)).entry.etag
        stand.workspace.habits.lag_reads = 3
        await backend.delete(path, precondition=Matches(etag) if etag else None)
        with pytest.raises(Problem) as caught:
            await backend.read(path)
        assert caught.value.code is Code.NOT_FOUND
        assert await names_of(backend) == []
        assert (await backend.write(path, NOTEBOOK, precondition=Absent())).created
        stand.workspace.habits.lag_reads = 0
        await backend.delete(path)


async def test_a_gateway_that_knows_nothing_of_the_change_sees_what_the_service_shows(
    stand: Stand, backend: OciBackend
) -> None:
    await backend.write(PATH, NOTEBOOK)
    stand.workspace.habits.lag_reads = 1
    await backend.write(PATH, OTHER)
    assert (await stand.backend().read(PATH)).body == NOTEBOOK
    assert (await stand.backend().read(PATH)).body == OTHER


async def test_somebody_elses_change_is_believed_at_once(stand: Stand, backend: OciBackend) -> None:
    await backend.write(FILE, b"ours")
    etag = stand.put("a.txt", b"theirs")
    started = time.monotonic()
    assert (await backend.read(FILE)).entry.etag == etag
    assert time.monotonic() - started < PATIENCE_SECONDS / 2


async def test_a_change_that_does_not_come_to_be_seen_is_told_as_such(stand: Stand, backend: OciBackend) -> None:
    await backend.write(FILE, b"old")
    stand.workspace.habits.lag_reads = 1_000
    started = time.monotonic()
    written = await backend.write(FILE, b"new")
    assert written.entry.etag == stand.etag("a.txt"), "that it is not seen yet is no reason to call it a failure"
    looks: tuple[Awaitable[object], ...] = (
        backend.stat(FILE),
        backend.read(FILE),
        backend.list(ContentPath.ROOT),
        backend.write(PATH, NOTEBOOK),
    )
    for result in (await asyncio.gather(*looks, return_exceptions=True))[:3]:
        assert isinstance(result, Problem)
        assert (result.code, result.retryable, result.retry_after_seconds) == (Code.UNAVAILABLE, True, 3)
    assert PATIENCE_SECONDS <= time.monotonic() - started < 2 * PATIENCE_SECONDS + 1
    assert len(stand.sent("GET")) < 40


async def test_a_mutation_that_does_not_see_what_was_made_is_tried_when_that_is_seen(
    stand: Stand, backend: OciBackend
) -> None:
    await backend.write(FILE, b"old")
    unseen = [1]

    def blind(request: web.Request) -> web.Response | None:
        if request.method != "DELETE" or not unseen[0]:
            return None
        unseen[0] -= 1
        return web.json_response({"code": "NotAuthorizedOrNotFound", "message": ""}, status=404)

    stand.workspace.habits.fault = blind
    await backend.delete(FILE)
    assert stand.stored() == {}


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def changes(clock: Clock) -> Changes:
    return Changes(clock)


def test_a_change_is_doubted_until_it_is_seen_and_then_for_three_seconds(clock: Clock, changes: Changes) -> None:
    changes.made(FILE, None, etags=[TWO], older=[ONE])
    assert changes.doubted(FILE, None)
    assert changes.doubted(FILE, Seen(ONE))
    assert not changes.doubted(FILE, Seen(THREE))
    assert changes.doubted(FILE, Seen(ONE)), "a service of many machines may go back once more"
    clock.now = PATIENCE_SECONDS
    assert not changes.doubted(FILE, Seen(ONE))


def test_a_change_that_was_never_seen_is_believed_in_for_thirty_seconds(clock: Clock, changes: Changes) -> None:
    changes.made(FILE, None, etags=[TWO], older=[ONE])
    clock.now = MEMORY_SECONDS - 0.1
    assert changes.doubted(FILE, None)
    clock.now = MEMORY_SECONDS
    assert not changes.doubted(FILE, None)


def test_what_stands_where_something_of_an_unknown_etag_was_deleted_is_soon_believed(
    clock: Clock, changes: Changes
) -> None:
    changes.removed(FILE, None)
    assert changes.doubted(FILE, Seen(ONE))
    clock.now = PATIENCE_SECONDS
    assert not changes.doubted(FILE, Seen(ONE))


def test_what_is_made_anew_where_a_known_revision_was_deleted_is_believed(changes: Changes) -> None:
    changes.made(FILE, None, etags=[ONE])
    changes.removed(FILE, changes.of(FILE))
    assert changes.doubted(FILE, Seen(ONE))
    assert not changes.doubted(FILE, Seen(TWO))
    assert not changes.doubted(FILE, None)


def test_of_two_changes_that_overlap_none_is_remembered(changes: Changes) -> None:
    changes.made(FILE, None, etags=[ONE])
    before = changes.of(FILE)
    changes.made(FILE, before, etags=[TWO])
    changes.made(FILE, before, etags=[THREE])
    for etag in (ONE, TWO, THREE):
        assert not changes.doubted(FILE, Seen(etag))


def test_a_listing_is_doubted_for_what_it_lacks_and_for_what_it_still_has(changes: Changes) -> None:
    date = datetime(2026, 1, 1, tzinfo=UTC)
    changes.made(FILE, None, etags=[TWO], modified=date)
    changes.made(PATH, None, etags=[ONE], modified=date)
    changes.removed(PATH, changes.of(PATH))
    old, same, new = (Seen(None, date + timedelta(seconds=seconds)) for seconds in (-1, 0, 1))
    assert changes.doubted_listing(ContentPath.ROOT, {})
    assert changes.doubted_listing(ContentPath.ROOT, {FILE: old})
    assert changes.doubted_listing(ContentPath.ROOT, {FILE: same, PATH: same})
    assert not changes.doubted_listing(ContentPath.ROOT, {FILE: same})
    assert not changes.doubted_listing(ContentPath.ROOT, {FILE: new, PATH: new})
    assert not changes.doubted_listing(FOLDER, {})


def test_what_is_below_a_folder_goes_where_the_folder_goes(changes: Changes) -> None:
    below = FOLDER.child("a.txt")
    changes.made(FOLDER, None)
    changes.made(below, None, etags=[ONE])
    target = parse("moved")
    changes.moved(FOLDER, target, (changes.of(FOLDER), changes.of(target)))
    assert changes.doubted(below, Seen(ONE))
    assert changes.doubted(FOLDER.child("unknown.txt"), Seen(TWO))
    assert not changes.doubted(below, None)
    assert changes.doubted(target.child("a.txt"), None)
    changes.removed(target, changes.of(target))
    assert not changes.doubted(target.child("a.txt"), None)


def test_what_nobody_knows_any_longer_is_forgotten_with_all_below(changes: Changes) -> None:
    changes.made(FOLDER, None)
    changes.made(FOLDER.child("a.txt"), None, etags=[ONE])
    changes.forget(FOLDER)
    assert not changes.doubted(FOLDER, None)
    assert not changes.doubted(FOLDER.child("a.txt"), None)


def test_a_memory_has_an_end(changes: Changes) -> None:
    for number in range(10_000):
        changes.made(parse(f"{number}.txt"), None, etags=[ONE])
    assert not changes.doubted(parse("0.txt"), None)
    assert changes.doubted(parse("9999.txt"), None)
