"""Bodies on their way through: as they come, no faster than they are taken, and never longer than allowed."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.contents.upstream import Upstream
from gateway.server.carrying.carrier import Deadlines
from tests.server.carriage import (
    AUTHORIZED,
    BROWSER,
    UPSTREAM_TOKEN,
    Feigned,
    Gateway,
    feigned_server,
    gateway_before,
    only_carrying,
)

MEBIBYTE = 1 << 20


@pytest.fixture
async def upstream() -> AsyncIterator[Feigned]:
    async with feigned_server() as feigned:
        yield feigned


@pytest.fixture
async def gateway(upstream: Feigned, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_before(tmp_path, upstream.url, max_body_bytes=4 * MEBIBYTE) as running:
        yield running


async def many(pieces: int) -> AsyncIterator[bytes]:
    for _ in range(pieces):
        yield b"x" * 1000


async def test_a_body_arrives_with_its_length_or_in_chunks_as_it_was_sent(gateway: Gateway, upstream: Feigned) -> None:
    body = os.urandom(MEBIBYTE)
    for data in (body, b"", many(3)):
        assert (await gateway.send("POST", "/x", AUTHORIZED | {"Content-Type": "a/b"}, data)).status == 200
    assert upstream.bodies == [body, b"", b"x" * 3000]
    assert [each.get("Content-Length") for each in upstream.headers] == [str(MEBIBYTE), "0", None]
    assert upstream.headers[2]["Transfer-Encoding"] == "chunked"
    assert {each["Content-Type"] for each in upstream.headers} == {"a/b"}


async def test_a_body_that_came_compressed_arrives_as_it_was(gateway: Gateway, upstream: Feigned) -> None:
    headers = AUTHORIZED | {"Content-Encoding": "gzip"}
    assert (await gateway.send("PUT", "/x", headers, gzip.compress(b"hello" * 1000))).status == 200
    assert upstream.bodies == [b"hello" * 1000]
    assert "Content-Encoding" not in upstream.headers[0]


async def test_a_body_over_the_limit_is_refused_before_or_while_it_is_sent(gateway: Gateway, upstream: Feigned) -> None:
    declared = await gateway.send("PUT", "/x", data=BytesIO(b"x" * (4 * MEBIBYTE + 1)))
    assert declared.status == 413
    assert upstream.targets == []
    chunked = await gateway.send("PUT", "/x", data=many(5000))
    bomb = await gateway.send(
        "PUT", "/x", AUTHORIZED | {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 8 * MEBIBYTE)
    )
    assert (chunked.status, bomb.status) == (413, 413)
    assert upstream.bodies == []


async def test_a_client_that_expects_to_be_asked_for_its_body_is(gateway: Gateway, upstream: Feigned) -> None:
    async with gateway.session.put(gateway.url + "/x", data=b"later", headers=AUTHORIZED, expect100=True) as answer:
        assert answer.status == 200
    assert upstream.bodies == [b"later"]
    assert "Expect" not in upstream.headers[0]


async def test_nobody_is_asked_for_a_body_that_is_too_long(gateway: Gateway, upstream: Feigned) -> None:
    answer = await gateway.raw(b"PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4194305", until=b"\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert upstream.targets == []


async def test_a_server_that_answers_before_it_has_everything_is_heard(gateway: Gateway, upstream: Feigned) -> None:
    upstream.answers(b'{"message": "too much"}', 413, Content_Type="application/json")
    answer = await gateway.send("PUT", "/x", data=many(3000))
    assert (answer.status, answer.body) == (413, b'{"message": "too much"}')
    upstream.answers(b"again")
    assert (await gateway.send("GET", "/x")).body == b"again"


async def test_a_body_that_breaks_off_never_looks_whole_to_the_server(gateway: Gateway, upstream: Feigned) -> None:
    broken = asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        try:
            await request.read()
        except (aiohttp.ClientPayloadError, web.RequestPayloadError, ConnectionError):
            broken.set()
            raise
        return web.Response()

    upstream.handle = receive
    host, port = gateway.url.removeprefix("http://").split(":")
    for length in ("Content-Length: 99", "Transfer-Encoding: chunked"):
        broken.clear()
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"PUT /x HTTP/1.1\r\nHost: h\r\nAuthorization: {AUTHORIZED['Authorization']}\r\n{length}\r\n\r\n"
        writer.write(head.encode() + b"5\r\nhello\r\n")
        await upstream.asked.wait()
        writer.close()
        await asyncio.wait_for(broken.wait(), 5)
        upstream.asked.clear()


async def test_a_client_that_stops_sending_is_cut(upstream: Feigned) -> None:
    never = asyncio.Event()

    async def stopping() -> AsyncIterator[bytes]:
        yield b"x"
        await never.wait()

    async with only_carrying(Upstream(upstream.url), Deadlines(body_seconds=0.2)) as gateway:
        answer = await gateway.send("PUT", "/x", data=stopping())
    assert answer.status == 400
    assert b"did not arrive" in answer.body
    assert upstream.bodies == []


async def test_a_server_that_never_begins_to_answer_is_given_up(upstream: Feigned) -> None:
    async def sleep(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(30)
        return web.Response()

    upstream.handle = sleep
    async with only_carrying(Upstream(upstream.url), Deadlines(read_seconds=0.2, write_seconds=0.2)) as gateway:
        for method, data in (("GET", None), ("POST", b"x"), ("POST", None)):
            answer = await gateway.send(method, "/x", data=data)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


async def test_the_time_of_a_slow_upload_is_not_the_servers(upstream: Feigned) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x"
            await asyncio.sleep(0.1)

    async with only_carrying(Upstream(upstream.url), Deadlines(write_seconds=0.3)) as gateway:
        assert (await gateway.send("PUT", "/x", data=slow())).status == 200
    assert upstream.bodies == [b"xxxxx"]


async def test_what_the_server_sends_arrives_while_it_is_sent(gateway: Gateway, upstream: Feigned) -> None:
    heard = asyncio.Event()

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await heard.wait()
        await response.write(b"data: 2\n\n")
        return response

    upstream.handle = events
    async with gateway.opened("GET", "/events") as answer:
        assert await answer.content.readany() == b"data: 1\n\n"
        heard.set()
        assert await answer.content.read() == b"data: 2\n\n"


async def test_a_server_is_held_back_by_a_client_that_does_not_read(gateway: Gateway, upstream: Feigned) -> None:
    written = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * MEBIBYTE)
            written += 1

    upstream.handle = endless
    async with gateway.opened("GET", "/endless") as answer:
        last = -1
        while written > last:
            last = written
            await asyncio.sleep(0.3)
        assert written < 64
    answer.close()


async def test_a_client_is_held_back_by_a_server_that_does_not_read(upstream: Feigned, tmp_path: Path) -> None:
    go = asyncio.Event()
    sent = received = 0

    async def slow(request: web.Request) -> web.Response:
        nonlocal received
        await go.wait()
        async for piece in request.content.iter_any():
            received += len(piece)
        return web.Response()

    async def counted() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            yield b"y" * MEBIBYTE
            sent += 1

    upstream.handle = slow
    async with gateway_before(tmp_path, upstream.url, max_body_bytes=64 * MEBIBYTE) as gateway:
        sending = asyncio.create_task(gateway.send("PUT", "/x", data=counted()))
        await upstream.asked.wait()
        last = -1
        while sent > last:
            last = sent
            await asyncio.sleep(0.3)
        assert sent < 32
        go.set()
        assert (await sending).status == 200
    assert received == 64 * MEBIBYTE


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream"])
async def test_heads_have_no_bodies(gateway: Gateway, upstream: Feigned, kind: str) -> None:
    upstream.answers(b"<p>12345</p>", Content_Type=kind, ETag='"x"')
    answer = await gateway.send("HEAD", "/x")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers.get("Content-Length") == (None if kind == "text/html" else "12")
    assert ("ETag" in answer.headers) == (kind != "text/html")


async def test_answers_without_bodies_stay_so_and_leave_the_connection_usable(
    gateway: Gateway, upstream: Feigned
) -> None:
    upstream.answers(status=204)
    assert (await gateway.send("DELETE", "/x")).status == 204
    upstream.answers(status=304, ETag='"x"')
    answer = await gateway.send("GET", "/x", AUTHORIZED | {"If-None-Match": '"x"'})
    assert (answer.status, answer.headers["ETag"], answer.body) == (304, '"x"', b"")
    upstream.answers(b"after")
    assert (await gateway.send("GET", "/x")).body == b"after"


async def test_a_compressed_body_passes_as_it_is(gateway: Gateway, upstream: Feigned) -> None:
    body = gzip.compress(b"function f() {}" * 100)
    upstream.answers(body, Content_Type="text/javascript", Content_Encoding="gzip", ETag='"x"')
    answer = await gateway.send("GET", "/static/x.js", AUTHORIZED | {"Accept-Encoding": "gzip"})
    assert answer.body == body
    assert (answer.headers["Content-Encoding"], answer.headers["ETag"]) == ("gzip", '"x"')


async def test_a_long_document_loses_only_the_token(gateway: Gateway, upstream: Feigned) -> None:
    filler = b"<p>" + b"x" * 65_533
    document = filler * 80 + f"href='/x?token={UPSTREAM_TOKEN}'".encode() + filler
    crossed_out = document.replace(UPSTREAM_TOKEN.encode(), b"*" * len(UPSTREAM_TOKEN))
    upstream.answers(document, Content_Type="text/html")
    answer = await gateway.send("GET", "/report/long.html", BROWSER)
    assert answer.body == crossed_out
    upstream.answers(gzip.compress(document), Content_Type="text/html", Content_Encoding="gzip")
    assert (await gateway.send("GET", "/report/long.html", BROWSER)).body == crossed_out
    upstream.answers(document[:MEBIBYTE], 206, Content_Type="text/html", Content_Range="bytes 0-1048575/9999999")
    part = await gateway.send("GET", "/x.html", AUTHORIZED | {"Range": "bytes=0-1048575"})
    assert (part.status, part.body) == (206, document[:MEBIBYTE])
