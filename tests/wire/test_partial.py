"""Bytes of a file from an upstream that keeps to ranges, does not, lies, breaks off or falls silent."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from yarl import URL

from gateway.contents.model import Span
from gateway.contents.problem import Code, Problem
from gateway.wire import client
from gateway.wire.client import OpenAnswer, UpstreamClient, nonsense
from gateway.wire.partial import received
from tests.wire.test_client import upstream

BODY = b"0123456789"
PART, WHOLE = Span(2, 5), Span(0, 10)

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def accept(answer: OpenAnswer) -> None:
    if not answer.is_success:
        raise nonsense()


async def taken(sender: UpstreamClient, url: URL, span: Span) -> bytes:
    return b"".join([piece async for piece in received(sender, url, {"X-Own": "kept"}, span, len(BODY), accept)])


def canned(status: int, body: bytes, **headers: str) -> Respond:
    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={n.replace("_", "-"): v for n, v in headers.items()})

    return respond


def begun(length: int | None, body: bytes, then: Callable[[web.Request], Awaitable[None]]) -> Respond:
    """An answer of ``length`` bytes, chunked where it is None, that has begun before ``then``."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(length)} if length is not None else {})
        await response.prepare(request)
        await response.write(body)
        await then(request)
        return response

    return respond


async def cut(request: web.Request) -> None:
    await asyncio.sleep(0)
    assert request.transport is not None
    request.transport.close()


async def end(_: web.Request) -> None:
    return None


async def hang(_: web.Request) -> None:
    await asyncio.Event().wait()


async def test_only_the_part_is_asked_for_and_nothing_compressed() -> None:
    asked: list[tuple[str | None, str | None, str | None]] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        asked.append(tuple(request.headers.get(name) for name in ("Range", "Accept-Encoding", "X-Own")))  # type: ignore[arg-type]  # three
        return web.Response(status=206, body=BODY[2:5], headers={"Content-Range": "bytes 2-4/10"})

    async with upstream(respond) as (sender, url, _):
        assert await taken(sender, url, PART) == BODY[2:5]
        assert asked == [("bytes=2-4", "identity", "kept")]


async def test_of_a_whole_file_the_part_is_taken() -> None:
    async with upstream(canned(200, BODY)) as (sender, url, _):
        for span in (PART, WHOLE, Span(9, 10), Span(0, 1)):
            assert await taken(sender, url, span) == BODY[span.start : span.stop]


async def test_what_follows_the_part_is_not_waited_for() -> None:
    async with upstream(begun(10, BODY[:6], hang)) as (sender, url, _):
        assert await taken(sender, url, PART) == BODY[2:5]


async def test_nothing_is_asked_for_where_nothing_is_wanted() -> None:
    async with upstream(canned(200, BODY)) as (sender, url, methods):
        assert await taken(sender, url, Span(3, 3)) == b""
        assert methods == []


@pytest.mark.parametrize(
    ("respond", "span", "code"),
    [
        (canned(200, BODY + b"x"), WHOLE, Code.PRECONDITION),
        (canned(200, BODY[:-1]), PART, Code.PRECONDITION),
        (canned(206, BODY[2:5], Content_Range="bytes 2-4/11"), PART, Code.PRECONDITION),
        (canned(416, b""), PART, Code.PRECONDITION),
        (canned(206, BODY[2:5], Content_Range="bytes 3-5/10"), PART, Code.UPSTREAM),
        (canned(206, BODY[2:5]), PART, Code.UPSTREAM),
        (canned(206, BODY[2:4], Content_Range="bytes 2-4/10"), PART, Code.UPSTREAM),
        (canned(206, BODY[2:6], Content_Range="bytes 2-4/10"), PART, Code.UPSTREAM),
        (canned(200, gzip.compress(BODY), Content_Encoding="gzip"), WHOLE, Code.UPSTREAM),
        (canned(302, b"", Location="http://127.0.0.1:1/"), WHOLE, Code.UPSTREAM),
        (begun(None, BODY[:9], end), WHOLE, Code.UPSTREAM),
        (begun(None, BODY + b"x", end), WHOLE, Code.UPSTREAM),
        (begun(10, BODY[:9], cut), WHOLE, Code.UNAVAILABLE),
        (begun(None, BODY[:9], cut), WHOLE, Code.UNAVAILABLE),
    ],
)
async def test_other_bytes_than_those_wanted_are_never_complete(respond: Respond, span: Span, code: Code) -> None:
    async with upstream(respond) as (sender, url, _):
        with pytest.raises(Problem) as caught:
            await taken(sender, url, span)
        assert caught.value.code is code


async def test_silence_in_the_middle_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "STALL_SECONDS", 0.1)
    async with upstream(begun(10, BODY[:6], hang)) as (sender, url, _):
        with pytest.raises(Problem) as caught:
            await taken(sender, url, WHOLE)
        assert caught.value.code is Code.TIMEOUT


async def test_a_begin_that_fails_is_tried_once_more_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def abort(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with upstream(abort) as (sender, url, methods):
        with pytest.raises(Problem) as caught:
            await taken(sender, url, WHOLE)
        assert (caught.value.code, methods) == (Code.UNAVAILABLE, ["GET", "GET"])
    monkeypatch.setattr(client, "READ_SECONDS", 0.1)

    async def silent(request: web.Request) -> web.StreamResponse:
        await hang(request)
        return web.Response()

    async with upstream(silent) as (sender, url, _):
        with pytest.raises(Problem) as caught:
            await taken(sender, url, WHOLE)
        assert caught.value.code is Code.TIMEOUT
