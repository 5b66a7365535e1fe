"""What the S3 adapter makes of answers that S3 would not give."""

from __future__ import annotations

import socket
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Iterator

import pytest
import pytest_asyncio
from aiohttp import web

from adapters.nx1 import store
from adapters.nx1.backend import Nx1Backend
from gateway.contents.model import Matches
from gateway.contents.problem import Code
from gateway.demo.s3 import S3Server
from tests.adapters.nx1_bench import (
    HOME,
    NOTEBOOK,
    answering,
    foreign_put,
    keys,
    problem_of,
    through,
    xml,
)
from tests.fakes.s3 import new_bucket, opened
from tests.fakes.s3_faults import Wire, hang, is_copy, no_fault, refusal, wire_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "tell-nobody"
LISTING = "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>{}</IsTruncated>{}</ListBucketResult>"
DELETED = "<DeleteResult>{}</DeleteResult>"


@pytest_asyncio.fixture(loop_scope="module")
async def wire(s3_server: S3Server) -> AsyncIterator[Wire]:
    async with wire_to(s3_server.endpoint_url) as between:
        yield between


@pytest.fixture
def full_socket() -> Iterator[str]:
    """An address that never answers a connection, as its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for each in waiting:
            each.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_neither_by_reads_nor_by_writes(
    wire: Wire, s3_server: S3Server, status: int
) -> None:
    async with through(wire, s3_server) as backend, wire_to(s3_server.endpoint_url) as elsewhere:
        headers = {"Location": f"{elsewhere.url}/{backend._settings.bucket}/home/ada/a.ipynb"}

        async def redirect(request: web.Request) -> web.StreamResponse | None:
            return web.Response(status=status, headers=headers)

        await backend.write(NOTEBOOK, b"{}")
        etag = (await backend.stat(NOTEBOOK)).etag
        assert etag is not None
        wire.fault = redirect
        attempts: tuple[Awaitable[object], ...] = (
            backend.read(NOTEBOOK),
            backend.list(HOME),
            backend.write(NOTEBOOK, b"[]", precondition=Matches(etag)),
        )
        for attempt in attempts:
            assert (await problem_of(attempt)).code is Code.UPSTREAM
        assert not elsewhere.counts
        wire.fault = no_fault
        assert (await backend.read(NOTEBOOK)).body == b"{}"


async def test_a_store_of_another_region_is_the_upstreams_fault(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        wire.fault = answering("PUT", lambda: refusal(301, "PermanentRedirect"))
        assert (await problem_of(backend.write(NOTEBOOK, b"{}"))).code is Code.UPSTREAM
        assert await keys(backend) == []


@pytest.mark.parametrize("body", ["", "<html>Sign in</html>"])
async def test_a_write_that_is_answered_without_an_etag_is_not_taken_for_done(
    wire: Wire, s3_server: S3Server, body: str
) -> None:
    async with through(wire, s3_server) as backend:
        wire.fault = answering("PUT", lambda: web.Response(text=body, content_type="text/html"))
        assert (await problem_of(backend.write(NOTEBOOK, b"{}"))).code is Code.UPSTREAM


async def test_an_error_inside_a_successful_answer_is_an_error(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")

        async def fail_copies(request: web.Request) -> web.StreamResponse | None:
            text = "<Error><Code>InternalError</Code><Message>x</Message></Error>"
            return web.Response(text=text, content_type="application/xml") if is_copy(request) else None

        wire.fault = fail_copies
        assert (await problem_of(backend.create_checkpoint(NOTEBOOK))).code is Code.UPSTREAM
        assert await backend.list_checkpoints(NOTEBOOK) == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.UPSTREAM),
        (DELETED.format(""), Code.UPSTREAM),
        (DELETED.format("<Error><Key>home/ada/a</Key><Code>AccessDenied</Code></Error>"), Code.UPSTREAM),
        (DELETED.format("<Error><Key>home/ada/a</Key><Code>SlowDown</Code></Error>"), Code.UNAVAILABLE),
        (DELETED.format("<Error><Key>home/ada/a</Key><Code>Whatever</Code></Error>"), Code.UPSTREAM),
    ],
)
async def test_a_folder_is_not_taken_for_deleted_when_the_store_does_not_say_so(
    wire: Wire, s3_server: S3Server, text: str, code: Code
) -> None:
    async with through(wire, s3_server) as backend:
        await foreign_put(backend, "home/ada/a")
        wire.fault = answering("POST", xml(text))
        assert (await problem_of(backend.delete(HOME))).code is code
        assert "home/ada/a" in await keys(backend)


@pytest.mark.parametrize("code", ["NotImplemented", "MissingContentMD5", "InvalidRequest"])
async def test_a_store_that_cannot_delete_many_at_once_deletes_one_by_one(
    wire: Wire, s3_server: S3Server, code: str
) -> None:
    async with through(wire, s3_server) as backend:
        for name in ("a", "b", "c/d"):
            await foreign_put(backend, f"home/ada/{name}")
        wire.fault = answering("POST", lambda: refusal(400, code))
        await backend.delete(HOME)
        assert await keys(backend) == ["home/"]


@pytest.mark.parametrize(
    "text",
    [
        LISTING.format("true", ""),
        LISTING.format("true", "<NextContinuationToken>again</NextContinuationToken>"),
        "<ListBucketResult></ListBucketResult>",
        LISTING.format("false", "<Contents><Key>home/ada/x</Key><Size>1</Size></Contents>"),
        LISTING.format(
            "false", "<Contents><Key>home/ada/x</Key><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
        ),
        LISTING.format(
            "false",
            "<Contents><Key>home/ada/x</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size></Contents>",
        ),
    ],
    ids=["no token", "one token for ever", "no end", "no date", "no size", "no etag"],
)
async def test_a_listing_without_an_end_or_without_facts_is_refused(wire: Wire, s3_server: S3Server, text: str) -> None:
    async with through(wire, s3_server) as backend:
        wire.fault = answering("GET", xml(text))
        assert (await problem_of(backend.list(HOME))).code is Code.UPSTREAM


@pytest.mark.parametrize("etag", ['W/"abc"', "abc", '"abc"'])
async def test_an_etag_is_held_unquoted_however_it_came(wire: Wire, s3_server: S3Server, etag: str) -> None:
    async with through(wire, s3_server) as backend:
        headers = {"ETag": etag, "Last-Modified": "Sat, 21 Nov 2026 02:42:25 GMT", "Content-Length": "2"}
        wire.fault = answering("GET", lambda: web.Response(body=b"{}", headers=headers))
        assert (await backend.read(NOTEBOOK)).entry.etag == "abc"


@pytest.mark.parametrize("etag", ["", '""', "two words", "ä"])
async def test_a_file_without_an_etag_that_can_be_handed_on_is_not_served(
    wire: Wire, s3_server: S3Server, etag: str
) -> None:
    async with through(wire, s3_server) as backend:
        headers = {"ETag": etag, "Last-Modified": "Sat, 21 Nov 2026 02:42:25 GMT"}
        wire.fault = answering("GET", lambda: web.Response(body=b"{}", headers=headers))
        assert (await problem_of(backend.read(NOTEBOOK))).code is Code.UPSTREAM


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "Whatever", Code.UPSTREAM),
        (400, "InvalidArgument", Code.UNSUPPORTED),
        (401, "Whatever", Code.UPSTREAM),
        (403, "Whatever", Code.UPSTREAM),
        (403, "AccessDenied", Code.UPSTREAM),
        (404, "Whatever", Code.NOT_FOUND),
        (409, "InvalidBucketState", Code.CONFLICT),
        (412, "Whatever", Code.PRECONDITION),
        (413, "Whatever", Code.TOO_LARGE),
        (429, "Whatever", Code.UNAVAILABLE),
        (500, "Whatever", Code.UPSTREAM),
        (501, "Whatever", Code.UNSUPPORTED),
        (503, "Whatever", Code.UNAVAILABLE),
        (507, "StorageFull", Code.UPSTREAM),
    ],
)
async def test_a_refusal_in_unknown_words_is_told_by_its_status(
    wire: Wire, s3_server: S3Server, status: int, code: str, expected: Code
) -> None:
    async with through(wire, s3_server) as backend:
        wire.fault = answering("PUT", lambda: refusal(status, code))
        problem = await problem_of(backend.write(NOTEBOOK, b"{}"))
        assert problem.code is expected
        assert "secret-detail" not in problem.detail


async def test_a_silent_store_is_a_timeout(wire: Wire, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async with through(wire, s3_server) as backend:
        monkeypatch.setattr(store, "READ_SECONDS", 0.1)
        monkeypatch.setattr(store, "WRITE_SECONDS", 0.1)
        wire.fault = hang
        for attempt in (backend.read(NOTEBOOK), backend.stat(NOTEBOOK), backend._store.change("create_bucket")):
            assert (await problem_of(attempt)).code is Code.TIMEOUT
        wire.fault = no_fault


async def test_a_store_that_takes_no_connection_is_unavailable_in_time(s3_server: S3Server, full_socket: str) -> None:
    async with opened(new_bucket(s3_server, endpoint_url=full_socket), probed=False) as backend:
        started = time.monotonic()
        assert (await problem_of(backend.read(NOTEBOOK))).code is Code.UNAVAILABLE
        assert time.monotonic() - started < 8


async def test_a_stored_write_whose_answer_is_lost_is_sent_once_and_reported_as_failed(
    wire: Wire, s3_server: S3Server
) -> None:
    async with through(wire, s3_server) as backend:
        first = await backend.write(NOTEBOOK, b"{}")
        assert first.entry.etag is not None
        wire.loses = lambda request: request.method == "PUT"
        wire.counts.clear()
        problem = await problem_of(backend.write(NOTEBOOK, b"[]", precondition=Matches(first.entry.etag)))
        assert problem.code is Code.UNAVAILABLE
        assert wire.counts["PUT"] == 1
        assert (await backend.read(NOTEBOOK)).body == b"[]"


async def test_a_large_body_travels_whole(wire: Wire, s3_server: S3Server) -> None:
    body = bytes(range(256)) * 20_000
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, body)
        assert (await backend.read(NOTEBOOK)).body == body


async def test_a_stale_date_of_the_store_is_not_taken_for_the_writes_own(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        headers = {"ETag": '"other"', "Last-Modified": "Sat, 21 Nov 2020 02:42:25 GMT", "Content-Length": "9"}
        has_stored = False

        async def other_by_now(request: web.Request) -> web.StreamResponse | None:
            nonlocal has_stored
            has_stored |= request.method == "PUT"
            return web.Response(headers=headers) if has_stored and request.method == "HEAD" else None

        wire.fault = other_by_now
        entry = (await backend.write(NOTEBOOK, b"{}")).entry
        assert (entry.size, entry.modified.year) != (9, 2020)
        assert entry.etag != "other"


async def test_no_fault_tells_the_secret(wire: Wire, s3_server: S3Server) -> None:
    async with opened(new_bucket(s3_server, endpoint_url=wire.url, secret_access_key=SECRET)) as backend:
        assert isinstance(backend, Nx1Backend)
        for fault in (
            answering("PUT", lambda: refusal(403, "SignatureDoesNotMatch")),
            answering("PUT", lambda: web.Response(status=999)),
            answering("PUT", lambda: web.Response(text="<html>")),
        ):
            wire.fault = fault
            problem = await problem_of(backend.write(NOTEBOOK, b"{}"))
            assert SECRET not in "".join(traceback.format_exception(problem)) + repr(problem) + repr(problem.__cause__)
