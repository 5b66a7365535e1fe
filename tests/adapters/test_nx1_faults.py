"""The S3 adapter when the store refuses, breaks off, lies or falls silent: nothing lost, short, or done twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from adapters.nx1.backend import Nx1Backend
from gateway.contents.model import Absent, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Source
from gateway.demo.s3 import S3Server
from tests.adapters.nx1_bench import HOME, NOTEBOOK, foreign_put, keys, problem_of, through
from tests.fakes.s3 import new_bucket, opened
from tests.fakes.s3_faults import Wire, cut, hang, no_fault, refusal, wire_to

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def wire(s3_server: S3Server) -> AsyncIterator[Wire]:
    async with wire_to(s3_server.endpoint_url) as between:
        yield between


async def test_a_folder_move_that_breaks_while_copying_leaves_all_as_it_was(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        before = await _folder_of_twenty(backend)
        copies = 0

        async def fail_tenth_copy(request: web.Request) -> web.StreamResponse | None:
            nonlocal copies
            is_copy = request.method == "PUT" and "/home/bo/" in request.path
            copies += is_copy
            return refusal(500, "InternalError") if is_copy and copies == 10 else None

        wire.fault = fail_tenth_copy
        problem = await problem_of(backend.move(HOME, ContentPath.parse("home/bo")))
        assert problem.code is Code.UPSTREAM
        assert await keys(backend, "home/ada/") == before
        assert await keys(backend, "home/bo/") == []


async def test_a_folder_move_that_breaks_while_deleting_loses_nothing(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        before = await _folder_of_twenty(backend)
        deletes = 0

        async def cut_from_fifth_delete(request: web.Request) -> web.StreamResponse | None:
            nonlocal deletes
            deletes += request.method == "DELETE"
            return cut(request) if request.method == "DELETE" and deletes >= 5 else None

        wire.fault = cut_from_fifth_delete
        problem = await problem_of(backend.move(HOME, ContentPath.parse("home/bo")))
        assert problem.code is Code.UNAVAILABLE
        after = await keys(backend)
        assert all(key in after or key.replace("home/ada/", "home/bo/") in after for key in before)


async def test_a_file_changed_during_a_folder_move_is_not_lost(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await _folder_of_twenty(backend)
        changing: list[asyncio.Task[None]] = []

        async def change_before_deleting(request: web.Request) -> web.StreamResponse | None:
            if request.method == "DELETE":
                if not changing:
                    changing.append(asyncio.ensure_future(foreign_put(backend, "home/ada/07.txt", b"newer")))
                await asyncio.shield(changing[0])
            return None

        wire.fault = change_before_deleting
        problem = await problem_of(backend.move(HOME, ContentPath.parse("home/bo")))
        assert problem.code is Code.CONFLICT
        assert (await backend.read(HOME.child("07.txt"))).body == b"newer"


async def test_a_connection_reset_during_a_write_sends_it_once(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        first = await backend.write(NOTEBOOK, b"{}")
        assert first.entry.etag is not None

        async def cut_puts(request: web.Request) -> web.StreamResponse | None:
            return cut(request) if request.method == "PUT" else None

        wire.fault = cut_puts
        wire.counts.clear()
        problem = await problem_of(backend.write(NOTEBOOK, b"[]", precondition=Matches(first.entry.etag)))
        assert problem.code is Code.UNAVAILABLE
        assert wire.counts == {"PUT": 1}


async def test_a_connection_reset_before_a_read_is_answered_sends_it_once_more(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        resets = 0

        async def cut_first(request: web.Request) -> web.StreamResponse | None:
            nonlocal resets
            resets += 1
            return cut(request) if resets == 1 else None

        wire.fault = cut_first
        wire.counts.clear()
        assert (await backend.read(NOTEBOOK)).body == b"{}"
        assert wire.counts == {"GET": 2}


@pytest.mark.parametrize("announces_all", [True, False])
async def test_a_truncated_body_is_never_a_short_document(wire: Wire, s3_server: S3Server, announces_all: bool) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"x" * 10_000)

        async def send_half(request: web.Request) -> web.StreamResponse | None:
            if request.method != "GET":
                return None
            headers = {"ETag": '"abc"', "Last-Modified": "Sat, 21 Nov 2026 02:42:25 GMT"}
            if announces_all:
                headers["Content-Length"] = "10000"
            answer = web.StreamResponse(headers=headers)
            await answer.prepare(request)
            await answer.write(b"x" * 5_000)
            return cut(request)

        wire.fault = send_half
        assert (await problem_of(backend.read(NOTEBOOK))).code in (Code.UPSTREAM, Code.UNAVAILABLE)


@pytest.mark.parametrize("body", ["<html><body>Sign in</body></html>", "", "{}"])
async def test_an_answer_that_is_not_s3_is_the_upstreams_fault(wire: Wire, s3_server: S3Server, body: str) -> None:
    async with through(wire, s3_server) as backend:

        async def say(request: web.Request) -> web.StreamResponse | None:
            return web.Response(text=body, content_type="text/html")

        wire.fault = say
        for attempt in (backend.list(HOME), backend.stat(NOTEBOOK), backend.read(NOTEBOOK)):
            assert (await problem_of(attempt)).code is Code.UPSTREAM


REFUSALS = [
    (403, "SignatureDoesNotMatch", Code.UPSTREAM),
    (403, "InvalidAccessKeyId", Code.UPSTREAM),
    (400, "ExpiredToken", Code.UPSTREAM),
    (503, "SlowDown", Code.UNAVAILABLE),
    (429, "TooManyRequests", Code.UNAVAILABLE),
    (500, "InternalError", Code.UPSTREAM),
    (400, "EntityTooLarge", Code.TOO_LARGE),
    (400, "KeyTooLongError", Code.INVALID),
    (404, "NoSuchBucket", Code.UPSTREAM),
]


@pytest.mark.parametrize(("status", "code", "expected"), REFUSALS)
async def test_each_refusal_of_the_store_has_its_problem(
    wire: Wire, s3_server: S3Server, status: int, code: str, expected: Code
) -> None:
    async with through(wire, s3_server) as backend:

        async def refuse(request: web.Request) -> web.StreamResponse | None:
            return refusal(status, code) if request.method in ("PUT", "POST") else None

        wire.fault = refuse
        problem = await problem_of(backend.write(NOTEBOOK, b"{}"))
        assert problem.code is expected
        assert "secret-detail" not in problem.detail
        assert (problem.retry_after_seconds is not None) == (expected is Code.UNAVAILABLE)


async def test_another_write_under_way_is_waited_for(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        conflicts = 2

        async def conflict(request: web.Request) -> web.StreamResponse | None:
            nonlocal conflicts
            if request.method != "PUT" or not conflicts:
                return None
            assert request.headers["If-None-Match"] == "*"
            conflicts -= 1
            return refusal(409, "ConditionalRequestConflict")

        wire.fault = conflict
        assert (await backend.write(NOTEBOOK, b"{}", precondition=Absent())).created


async def test_a_write_stands_when_the_look_at_it_fails(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        stored = False

        async def fail_heads_after_put(request: web.Request) -> web.StreamResponse | None:
            nonlocal stored
            stored |= request.method == "PUT"
            return web.Response(status=503) if stored and request.method == "HEAD" else None

        wire.fault = fail_heads_after_put
        written = await backend.write(NOTEBOOK, b"{}")
        assert (written.created, written.entry.size) == (True, 2)


async def test_a_dead_endpoint_is_unavailable_at_once(s3_server: S3Server) -> None:
    async with wire_to(s3_server.endpoint_url) as gone:
        url = gone.url
    async with opened(new_bucket(s3_server, endpoint_url=url), probed=False) as backend:
        start = time.monotonic()
        for attempt in (backend.probe(), backend.read(NOTEBOOK), backend.write(NOTEBOOK, b"{}")):
            problem = await problem_of(attempt)
            assert (problem.code, problem.source) == (Code.UNAVAILABLE, Source.UPSTREAM)
        assert time.monotonic() - start < 5


async def test_a_cancelled_write_leaves_the_old_bytes(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        wire.fault = hang
        task = asyncio.ensure_future(backend.write(NOTEBOOK, b"[]"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        wire.fault = no_fault
        assert (await backend.read(NOTEBOOK)).body == b"{}"


async def _folder_of_twenty(backend: Nx1Backend) -> list[str]:
    for number in range(20):
        await foreign_put(backend, f"home/ada/{number:02d}.txt", f"{number}".encode())
    await foreign_put(backend, "home/ada/empty/")
    return await keys(backend)
