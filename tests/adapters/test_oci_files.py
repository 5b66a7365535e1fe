"""Plain files in an OCI workspace: raw bytes through the objects API, under the etag of contents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from adapters.oci.backend import OciBackend
from gateway.contents.model import Absent, ETag, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from tests.adapters.oci_steps import Stand, failing, names_of, standing

PATH = ContentPath.parse("a.bin")
BODY = bytes(range(256))
SEGMENT = "%2FWorkspace%2Fa.bin"


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with standing(tmp_path) as stand:
        yield stand


@pytest.fixture
def backend(stand: Stand) -> OciBackend:
    return stand.backend()


async def code_of(attempt: object) -> Code:
    with pytest.raises(Problem) as caught:
        await attempt  # type: ignore[misc]  # every attempt of a test is a coroutine
    return caught.value.code


async def test_a_new_file_is_made_in_one_step_and_looked_at(stand: Stand, backend: OciBackend) -> None:
    written = await backend.write(PATH, BODY, precondition=Absent())
    assert stand.sent() == ["POST objects", f"GET {SEGMENT}"]
    assert (written.created, written.entry.etag) == (True, stand.etag("a.bin"))
    assert written.entry == await backend.stat(PATH)


async def test_a_file_is_replaced_and_read_as_raw_bytes(stand: Stand, backend: OciBackend) -> None:
    seen: list[tuple[str, str | None, int | None]] = []

    def watch(request: web.Request) -> None:
        if "/objects" in request.raw_path:
            seen.append((request.method, request.headers.get("Content-Type"), request.content_length))

    stand.put("a.bin", b"old")
    stand.workspace.habits.fault = watch
    assert not (await backend.write(PATH, BODY)).created
    assert (await backend.read(PATH)).body == BODY
    assert seen == [("PUT", "application/octet-stream", 256), ("GET", "application/octet-stream", None)]
    assert stand.sent("POST", "PATCH", "DELETE") == []


async def test_the_etag_of_contents_is_the_condition_of_a_file(stand: Stand, backend: OciBackend) -> None:
    etag = ETag(stand.put("a.bin", b"old"))
    await backend.stat(PATH)
    stand.workspace.requests.clear()
    written = await backend.write(PATH, BODY, precondition=Matches(etag))
    assert stand.sent() == [f"PUT {SEGMENT}", f"GET {SEGMENT}"]
    assert written.entry.etag == stand.etag("a.bin") != etag
    assert await code_of(backend.write(PATH, b"x", precondition=Matches(etag))) is Code.PRECONDITION
    assert stand.sent("PUT") == [f"PUT {SEGMENT}"] * 2
    assert stand.stored() == {"a.bin": BODY}


async def test_a_refused_condition_downloads_nothing_that_cannot_be_the_same(stand: Stand, backend: OciBackend) -> None:
    etag = ETag(stand.put("a.bin", b"old"))
    stand.put("a.bin", b"x" * 5_000_000)
    assert await code_of(backend.write(PATH, BODY, precondition=Matches(etag))) is Code.PRECONDITION
    assert stand.stored() == {"a.bin": b"x" * 5_000_000}


async def test_where_objects_have_other_etags_the_condition_is_still_kept_by_the_service(
    stand: Stand, backend: OciBackend
) -> None:
    stand.workspace.habits.object_etags_apart = True
    etag = ETag(stand.put("a.bin", b"old"))
    assert (await backend.read(PATH)).entry.etag == etag
    written = await backend.write(PATH, BODY, precondition=Matches(etag))
    assert written.entry.etag == stand.etag("a.bin") != etag
    assert len(stand.sent("PUT")) == 2
    stale, etag = etag, written.entry.etag
    assert etag is not None
    await backend.write(PATH, b"next", precondition=Matches(etag))
    assert len(stand.sent("PUT")) == 3, "once it is known, a conditional write goes once"
    for old in (stale, etag):
        assert await code_of(backend.write(PATH, b"x", precondition=Matches(old))) is Code.PRECONDITION
    assert len(stand.sent("PUT")) == 3
    assert stand.stored() == {"a.bin": b"next"}


async def test_where_objects_have_other_etags_a_write_between_the_looks_is_not_lost(
    stand: Stand, backend: OciBackend
) -> None:
    """Whoever comes before the look at contents changes that etag, whoever comes after it that of the object."""
    stand.workspace.habits.object_etags_apart = True
    stand.workspace.habits.if_match_on_absent = 412
    for moment in ("before the object is looked at", "before contents are looked at", "before the write"):
        etag = ETag(stand.put("a.bin", b"old"))
        await backend.stat(PATH)
        looks = [0]

        def between(request: web.Request, moment: str = moment, looks: list[int] = looks) -> None:
            is_object = "/objects/" in request.raw_path
            looks[0] += request.method == "PUT"
            if (moment, request.method, is_object, looks[0]) in (
                ("before the object is looked at", "GET", True, 1),
                ("before contents are looked at", "GET", False, 1),
                ("before the write", "PUT", True, 2),
            ):
                stand.put("a.bin", b"theirs")

        stand.workspace.habits.fault = between
        fresh = stand.backend()
        assert await code_of(fresh.write(PATH, BODY, precondition=Matches(etag))) is Code.PRECONDITION, moment
        assert stand.stored() == {"a.bin": b"theirs"}


async def test_where_objects_have_other_etags_dates_tell_contents_that_are_shown_late(
    stand: Stand, backend: OciBackend
) -> None:
    """Contents that still show the expected revision would let a newer one be replaced."""
    stand.workspace.habits.object_etags_apart = True
    etag = ETag(stand.put("a.bin", b"old"))
    model = {"name": "a.bin", "type": "file", "last_modified": stand.node("a.bin").modified.isoformat()}
    stand.put("a.bin", b"theirs")
    stand.node("a.bin").modified += timedelta(seconds=5)

    def late(request: web.Request) -> web.Response | None:
        if request.method != "GET" or "/contents/" not in request.raw_path:
            return None
        return web.json_response(model, headers={"etag": etag})

    stand.workspace.habits.fault = late
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, BODY, precondition=Matches(etag))
    assert caught.value.reason is Reason.BUSY
    assert stand.stored() == {"a.bin": b"theirs"}


async def test_where_objects_have_other_etags_dates_tell_bytes_that_are_shown_late(
    stand: Stand, backend: OciBackend
) -> None:
    """Old bytes under the new etag would be written back over the new ones."""
    stand.put("a.bin", b"old")
    date = stand.node("a.bin").modified.isoformat()
    stand.put("a.bin", b"new")
    stand.node("a.bin").modified += timedelta(seconds=5)

    def late(request: web.Request) -> web.Response | None:
        if "/objects/" not in request.raw_path:
            return None
        return web.Response(body=b"old", headers={"etag": "of-the-object", "time-updated": date})

    stand.workspace.habits.fault = late
    assert await code_of(backend.read(PATH)) is Code.CONFLICT


async def test_an_answer_about_someone_elses_revision_does_not_lend_its_etag(stand: Stand, backend: OciBackend) -> None:
    def overtaking(request: web.Request) -> None:
        if request.method == "GET" and stand.stored().get("a.bin") == BODY:
            stand.put("a.bin", b"theirs")

    for apart in (False, True):
        stand.workspace.habits.object_etags_apart = apart
        stand.workspace.habits.fault = overtaking
        written = await backend.write(PATH, BODY)
        stand.workspace.habits.fault = lambda _: None
        assert written.entry.etag != stand.etag("a.bin")
        assert written.entry.etag is not None
        attempt = backend.write(PATH, b"x", precondition=Matches(written.entry.etag))
        assert await code_of(attempt) is Code.PRECONDITION
        assert stand.stored() == {"a.bin": b"theirs"}


async def test_the_bytes_of_a_read_are_those_of_its_etag(stand: Stand, backend: OciBackend) -> None:
    for apart in (False, True):
        stand.workspace.habits.object_etags_apart = apart
        bodies = {stand.put("a.bin", b"old"): b"old"}

        def between(request: web.Request, bodies: dict[str, bytes] = bodies) -> None:
            if len(bodies) == 1 and "/objects/" in request.raw_path:
                bodies[stand.put("a.bin", b"newer")] = b"newer"

        stand.workspace.habits.fault = between
        document = await backend.read(PATH)
        assert bodies[str(document.entry.etag)] == document.body
        assert len(bodies) == 2


async def test_a_file_that_changes_all_the_while_is_busy(stand: Stand, backend: OciBackend) -> None:
    stand.workspace.habits.object_etags_apart = True
    stand.put("a.bin", b"old")

    def changing(_request: web.Request) -> None:
        stand.put("a.bin", b"other")

    stand.workspace.habits.fault = changing
    with pytest.raises(Problem) as caught:
        await backend.read(PATH)
    assert caught.value.reason is Reason.BUSY


@pytest.mark.parametrize("name", ["prüfung.bin", "n" * 250 + ".bin"])
async def test_a_path_that_fits_no_header_is_made_under_a_spare_name(
    stand: Stand, backend: OciBackend, name: str
) -> None:
    path = ContentPath.parse(name)
    for precondition in (Absent(), None):
        assert (await backend.write(path, BODY, precondition=precondition)).created
        assert stand.stored() == {name: BODY}
        assert await code_of(backend.write(path, b"x", precondition=Absent())) is Code.PRECONDITION
        await backend.write(path, b"next")
        await backend.delete(path)
    assert stand.stored() == {}


async def test_an_absent_file_below_a_file_is_no_failed_precondition(stand: Stand, backend: OciBackend) -> None:
    stand.put("a.bin", BODY)
    below = ContentPath.parse("a.bin/b.bin")
    assert await code_of(backend.write(below, BODY, precondition=Absent())) is Code.CONFLICT
    missing = ContentPath.parse("no/b.bin")
    assert await code_of(backend.write(missing, BODY, precondition=Absent())) is Code.NOT_FOUND


async def test_a_file_that_goes_while_it_is_replaced_is_made_anew(stand: Stand, backend: OciBackend) -> None:
    stand.put("a.bin", b"old")

    def going(request: web.Request) -> None:
        if request.method == "PUT":
            stand.workspace.tree.remove(("Workspace", "a.bin"), recursive=True)

    stand.workspace.habits.fault = going
    await backend.write(PATH, BODY)
    assert stand.stored() == {"a.bin": BODY}


async def test_of_many_creators_of_the_same_bytes_one_is_told_so(stand: Stand, backend: OciBackend) -> None:
    """Bytes that are ours do not prove that it was we who made the file."""
    attempts = (backend.write(PATH, BODY, precondition=Absent()) for _ in range(8))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert [result.code for result in results if isinstance(result, Problem)] == [Code.PRECONDITION] * 7


async def test_a_write_that_cannot_be_looked_at_has_the_etag_of_its_answer(stand: Stand, backend: OciBackend) -> None:
    stand.put("a.bin", b"old")

    def mute(request: web.Request) -> web.Response | None:
        is_stored = stand.stored() == {"a.bin": BODY}
        return web.Response(status=503) if request.method == "GET" and is_stored else None

    stand.workspace.habits.fault = mute
    entry = (await backend.write(PATH, BODY)).entry
    stand.workspace.habits.fault = lambda _: None
    assert entry.etag == stand.etag("a.bin")
    assert entry.modified == (await backend.stat(PATH)).modified


async def test_a_file_is_larger_than_the_gateway_carries(stand: Stand) -> None:
    stand.put("a.bin", b"x" * 300_000)
    small = stand.backend(max_body_bytes=1000)
    assert await code_of(small.read(PATH)) is Code.TOO_LARGE
    stand.workspace.habits.fault = failing(413, '{"code": "PayloadTooLarge", "message": ""}', method="POST")
    assert await code_of(small.write(ContentPath.parse("b.bin"), b"b")) is Code.TOO_LARGE
    assert await names_of(small) == ["a.bin"]
