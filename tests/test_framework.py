"""The facts of aiohttp that the gateway relies on or works around; when one changes, the code named here may go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from gateway.wire.client import open_session

MEBIBYTE = 1 << 20

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handle, app: web.Application | None = None) -> AsyncIterator[TestServer]:
    app = app or web.Application()
    app.router.add_get("/get", handler)
    app.router.add_route("GET", "/route", handler)
    app.router.add_route("*", "/at/{tail:.*}", handler)
    server = TestServer(app, host="127.0.0.1")
    async with server:
        yield server


async def raw(server: TestServer, head: str, body: bytes = b"") -> bytes:
    """One exchange, byte by byte: no client library normalises anything."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    writer.write(f"{head}\r\nHost: h\r\nConnection: close\r\n{length}\r\n".encode() + body)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


async def size(request: web.Request) -> web.Response:
    return web.Response(text=str(len(await request.read())))


@pytest.mark.parametrize(("length", "status"), [(MEBIBYTE, 200), (MEBIBYTE + 1, 413)])
async def test_a_body_may_have_one_mebibyte_unless_told_otherwise(length: int, status: int) -> None:
    """Hence ``client_max_size`` in gateway.app."""
    async with (
        serving(size) as server,
        aiohttp.ClientSession() as session,
        session.put(server.make_url("/at/x"), data=BytesIO(b"x" * length)) as answer,
    ):
        assert answer.status == status


async def test_a_larger_limit_is_kept() -> None:
    async with (
        serving(size, web.Application(client_max_size=2 * MEBIBYTE)) as server,
        aiohttp.ClientSession() as session,
        session.put(server.make_url("/at/x"), data=BytesIO(b"x" * (MEBIBYTE + 1))) as answer,
    ):
        assert answer.status == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("POST", "/get", 405)])
async def test_its_own_refusals_are_plain_text(method: str, path: str, status: int) -> None:
    """Hence ``worded`` in gateway.server.middleware."""
    async with (
        serving(size) as server,
        aiohttp.ClientSession() as session,
        session.request(method, server.make_url(path)) as answer,
    ):
        assert (answer.status, answer.content_type) == (status, "text/plain")


async def test_what_its_parser_refuses_never_reaches_a_handler() -> None:
    async with serving(size) as server:
        answer = await raw(server, "GET /at/x HTTP/1.1\r\nno colon")
        assert answer.startswith(b"HTTP/1.0 400")
        assert b"text/plain" in answer


async def test_a_damaged_chunk_is_not_noticed_before_the_client_hangs_up() -> None:
    """So a handler may wait for a body that will never come; only the end of the connection frees it."""
    ended = asyncio.Event()

    async def waiting(request: web.Request) -> web.Response:
        try:
            return await size(request)
        finally:
            ended.set()

    async with serving(waiting) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"PUT /at/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        await asyncio.sleep(0.05)
        writer.write(b"zz\r\nrubbish\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)
        writer.close()
        await asyncio.wait_for(ended.wait(), 5)


async def views(request: web.Request) -> web.Response:
    return web.json_response([request.match_info["tail"], request.raw_path])


@pytest.mark.parametrize(
    ("target", "decoded"),
    [
        ("/at/..%2F..%2Fetc", "../../etc"),
        ("/at/a%00b", "a\x00b"),
        ("/at/%2e%2e%2fetc", "../etc"),
        ("/at/a%2fb%20c?x=%2F", "a/b c"),
    ],
)
async def test_a_handler_sees_traversal_decoded_and_the_raw_path_exact(target: str, decoded: str) -> None:
    """Hence one strict decoding of ``raw_path``, in gateway.contents.paths."""
    async with (
        serving(views) as server,
        aiohttp.ClientSession() as session,
        session.get(URL(f"{server.make_url('/')}{target[1:]}", encoded=True)) as answer,
    ):
        assert await answer.json() == [decoded, target]


@pytest.mark.parametrize("target", ["/at/a//b/", "/at/%zz", "/at/a+b", "/at/%C3%A9%e9", "/at/a;b=1?&&"])
async def test_the_raw_path_is_what_was_sent_byte_for_byte(target: str) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=request.raw_path)

    async with serving(echo) as server:
        assert (await raw(server, f"GET {target} HTTP/1.1")).endswith(f"\r\n\r\n{target}".encode())


async def filename(request: web.Request) -> web.Response:
    part = await (await request.multipart()).next()
    assert isinstance(part, aiohttp.BodyPartReader)
    return web.Response(text=str(part.filename))


@pytest.mark.parametrize(
    ("disposition", "seen"),
    [
        (r'form-data; name="file"; filename="d\a.ipynb"', "da.ipynb"),
        ('form-data; name="file"; filename="a.ipynb"; filename*=UTF-8\'\'b.ipynb', "b.ipynb"),
    ],
    ids=["backslash is swallowed", "extended name wins"],
)
async def test_a_multipart_filename_is_not_what_was_sent(disposition: str, seen: str) -> None:
    """Hence the raw Content-Disposition header is checked in gateway.dialects.nx1.multipart."""
    body = f"--b\r\nContent-Disposition: {disposition}\r\n\r\n{{}}\r\n--b--\r\n".encode()
    async with serving(filename) as server:
        answer = await raw(server, "POST /at/x HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b", body)
        assert answer.endswith(f"\r\n\r\n{seen}".encode())


async def test_a_missing_multipart_boundary_is_a_value_error() -> None:
    async def complaint(request: web.Request) -> web.Response:
        try:
            await request.multipart()
        except ValueError as error:
            return web.Response(text=str(error))
        return web.Response(text="accepted")

    async with serving(complaint) as server:
        answer = await raw(server, "POST /at/x HTTP/1.1\r\nContent-Type: multipart/form-data", b"x")
        assert answer.endswith(b"boundary missed for Content-Type: multipart/form-data")


@asynccontextmanager
async def dropping(arrived: list[str]) -> AsyncIterator[str]:
    """A server that answers a connection's first request, and drops the connection upon its second one."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for is_first in (True, False):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if "Content-Length: 4" in head:
                await reader.readexactly(4)
            arrived.append(head.partition(" ")[0])
            if is_first:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_its_client_repeats_a_put_by_itself() -> None:
    arrived: list[str] = []
    async with dropping(arrived) as url, aiohttp.ClientSession() as session:
        await (await session.get(url)).read()
        async with session.put(url, data=b"body") as answer:
            assert answer.status == 200
    assert arrived == ["GET", "PUT", "PUT"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_our_session_sends_a_write_once(method: str) -> None:
    """The switch is private; gateway.wire.client turns it."""
    arrived: list[str] = []
    async with dropping(arrived) as url, open_session() as session:
        assert session._retry_connection is False
        await (await session.get(url)).read()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.request(method, url, data=b"body")
    assert arrived == ["GET", method]


@pytest.mark.parametrize(("path", "status"), [("/get", 200), ("/route", 405)])
async def test_head_exists_only_where_add_get_is_used(path: str, status: int) -> None:
    async with serving(size) as server, aiohttp.ClientSession() as session, session.head(server.make_url(path)) as head:
        assert head.status == status


async def test_a_request_key_names_what_a_request_carries() -> None:
    key = web.RequestKey("number", int)

    async def carry(request: web.Request) -> web.Response:
        before = request.get(key)
        request[key] = 7
        return web.json_response([before, request[key]])

    async with (
        serving(carry) as server,
        aiohttp.ClientSession() as session,
        session.get(server.make_url("/get")) as answer,
    ):
        assert await answer.json() == [None, 7]
