"""The client towards upstreams: deadlines, the one repeat of reads, and faults as Problems that tell no secret."""

from __future__ import annotations

import asyncio
import socket
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from gateway.contents.problem import Code, Problem, Source
from gateway.server.listening import listening
from gateway.wire import client
from gateway.wire.client import Answer, UpstreamClient, open_session

TOKEN = "tell-nobody"
MAX_BODY_BYTES = 1 << 20

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def upstream(respond: Respond) -> AsyncIterator[tuple[UpstreamClient, URL, list[str]]]:
    """A client, the address of a server that answers with ``respond``, and the methods that reached it."""
    methods: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        methods.append(request.method)
        return await respond(request)

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{tail:.*}", handle)
    async with listening(app, "127.0.0.1", 0, shutdown_seconds=0.1) as url, open_session() as session:
        yield UpstreamClient(session, max_body_bytes=MAX_BODY_BYTES), URL(url), methods


@pytest.fixture
def full_socket() -> Iterator[URL]:
    """An address that never answers a connection, as its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield URL(f"http://127.0.0.1:{listener.getsockname()[1]}")
        for each in waiting:
            each.close()


async def problem_of(attempt: Awaitable[Answer]) -> Problem:
    with pytest.raises(Problem) as caught:
        await attempt
    assert caught.value.source is Source.UPSTREAM
    return caught.value


def cutting(times: int) -> Respond:
    left = [times]

    async def respond(request: web.Request) -> web.StreamResponse:
        if left[0]:
            left[0] -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.Response(text="whole")

    return respond


async def test_a_read_is_sent_once_more_and_a_write_never() -> None:
    async with upstream(cutting(1)) as (sender, url, methods):
        assert (await sender.send("GET", url)).body == b"whole"
        assert methods == ["GET", "GET"]
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        async with upstream(cutting(1)) as (sender, url, methods):
            assert (await problem_of(sender.send(method, url, body=b"x"))).code is Code.UNAVAILABLE
            assert methods == [method]


async def test_a_read_is_sent_at_most_twice() -> None:
    async with upstream(cutting(5)) as (sender, url, methods):
        problem = await problem_of(sender.send("GET", url))
        assert (problem.code, problem.retry_after_seconds) == (Code.UNAVAILABLE, 5)
        assert len(methods) == 2


async def test_a_read_that_its_caller_repeats_is_sent_once() -> None:
    async with upstream(cutting(1)) as (sender, url, methods):
        assert (await problem_of(sender.send("GET", url, repeats=False))).code is Code.UNAVAILABLE
        assert methods == ["GET"]


async def test_an_answer_may_be_wanted_for_its_headers_alone() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        if request.path != "/missing":
            response = web.StreamResponse(headers={"ETag": "e", "Content-Length": "1000000000"})
            await response.prepare(request)
            return response
        return web.Response(status=404, text="why")

    async with upstream(endless) as (sender, url, _):
        answer = await sender.send("GET", url, wants_body=False)
        assert (answer.status, answer.headers["ETag"], answer.body) == (200, "e", b"")
        assert (await sender.send("GET", url / "missing", wants_body=False)).body == b"why"


async def test_an_answer_that_breaks_off_is_neither_served_nor_asked_for_again() -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x" * 500)
        await asyncio.sleep(0.05)
        assert request.transport is not None
        request.transport.abort()
        return response

    async with upstream(half) as (sender, url, methods):
        assert (await problem_of(sender.send("GET", url))).code is Code.UNAVAILABLE
        assert methods == ["GET"]


async def test_a_redirect_is_an_answer() -> None:
    async def redirect(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with upstream(redirect) as (sender, url, methods):
        assert (await sender.send("GET", url)).status == 302
        assert methods == ["GET"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_an_upstream_that_takes_no_connection_is_unavailable_in_time(full_socket: URL, method: str) -> None:
    async with open_session() as session:
        started = time.monotonic()
        sender = UpstreamClient(session, max_body_bytes=MAX_BODY_BYTES)
        assert (await problem_of(sender.send(method, full_socket))).code is Code.UNAVAILABLE
        assert time.monotonic() - started < 2.5 * client.CONNECT_SECONDS


async def test_the_deadline_is_for_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(50):
            await response.write(b"x")
            await asyncio.sleep(0.05)
        return response

    monkeypatch.setattr(client, "READ_SECONDS", 0.3)
    async with upstream(drip) as (sender, url, _):
        assert (await problem_of(sender.send("GET", url))).code is Code.TIMEOUT


async def test_a_body_of_many_megabytes_is_sent_whole() -> None:
    async def size(request: web.Request) -> web.StreamResponse:
        return web.Response(text=f"{len(await request.read())} {request.content_length}")

    async with upstream(size) as (sender, url, _):
        assert (await sender.send("PUT", url, body=b"x" * 5_000_000)).body == b"5000000 5000000"


@pytest.mark.parametrize("announced", [True, False])
async def test_more_than_a_document_can_take_is_too_large(announced: bool) -> None:
    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if announced:
            response.content_length = 4 * MAX_BODY_BYTES
        await response.prepare(request)
        try:
            for _ in range(64):
                await response.write(b"x" * (MAX_BODY_BYTES // 16))
        except (ConnectionError, aiohttp.ClientConnectionError):
            pass
        return response

    async with upstream(flood) as (sender, url, _):
        assert (await problem_of(sender.send("GET", url))).code is Code.TOO_LARGE


async def test_a_document_of_the_allowed_size_may_be_longer_on_the_wire() -> None:
    async def quoted(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * (2 * MAX_BODY_BYTES))

    async with upstream(quoted) as (sender, url, _):
        assert len((await sender.send("GET", url)).body) == 2 * MAX_BODY_BYTES


async def test_an_answer_that_is_not_http_is_unavailability_and_tells_no_secret() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server, open_session() as session:
        url = URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        sender = UpstreamClient(session, max_body_bytes=MAX_BODY_BYTES)
        problem = await problem_of(sender.send("GET", url, headers={"Authorization": f"token {TOKEN}"}))
        assert problem.code is Code.UNAVAILABLE
        assert TOKEN not in "".join(traceback.format_exception(problem))


async def test_a_cancelled_request_is_cancelled_and_the_client_still_works() -> None:
    arrived = asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        arrived.set()
        if request.path == "/slow":
            await asyncio.sleep(5)
        return web.Response(text="whole")

    async with upstream(respond) as (sender, url, _):
        sending = asyncio.create_task(sender.send("GET", url / "slow"))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert (await sender.send("GET", url / "fast")).body == b"whole"
