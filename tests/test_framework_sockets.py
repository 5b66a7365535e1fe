"""The facts of aiohttp's WebSockets, shutdown and middlewares that the gateway relies on or works around."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiohttp.typedefs import Handler

MEBIBYTE = 1 << 20
FOUR_MEBIBYTES = 4 * MEBIBYTE
SHUTDOWN_SECONDS = 0.3


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_bytes(b"x" * (int(message.data) if message.type is aiohttp.WSMsgType.TEXT else 1))
    return socket


@asynccontextmanager
async def connected() -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    app = web.Application()
    app.router.add_get("/socket", echo)
    async with (
        TestServer(app, host="127.0.0.1") as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.make_url("/socket")) as socket,
    ):
        yield socket


async def test_its_websocket_client_takes_messages_of_less_than_four_mebibytes() -> None:
    async with connected() as socket:
        await socket.send_str(str(FOUR_MEBIBYTES - 1))
        assert len((await socket.receive()).data) == FOUR_MEBIBYTES - 1
        await socket.send_str(str(FOUR_MEBIBYTES + 1))
        assert (await socket.receive()).type in (aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSED)


async def test_its_websocket_server_takes_messages_of_less_than_four_mebibytes() -> None:
    async with connected() as socket:
        await socket.send_bytes(b"x" * (FOUR_MEBIBYTES - 1))
        assert (await socket.receive()).data == b"x"
        await socket.send_bytes(b"x" * (FOUR_MEBIBYTES + 1))
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_an_open_websocket_holds_up_the_end_for_twice_the_shutdown_time() -> None:
    """Hence sockets are to be closed in ``on_shutdown``."""
    app = web.Application()
    app.router.add_get("/socket", echo)
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/socket", autoclose=False)
        started = time.monotonic()
        await runner.cleanup()
        assert time.monotonic() - started >= 2 * SHUTDOWN_SECONDS
        await socket.close()


async def test_a_middleware_is_called_with_its_second_argument_by_name() -> None:
    """Hence it is called ``handler`` in gateway.server.middleware."""

    @web.middleware
    async def misnamed(request: web.Request, inner: Handler) -> web.StreamResponse:
        return await inner(request)

    app = web.Application(middlewares=[misnamed])  # type: ignore[list-item]  # the type says it too
    app.router.add_get("/socket", echo)
    async with (
        TestServer(app, host="127.0.0.1") as server,
        aiohttp.ClientSession() as session,
        session.get(server.make_url("/socket")) as answer,
    ):
        assert answer.status == 500


@pytest.mark.parametrize(("length", "status"), [(MEBIBYTE - 4096, 200), (MEBIBYTE + 1, 413)])
async def test_the_body_limit_holds_for_forms_too(length: int, status: int) -> None:
    async def form(request: web.Request) -> web.Response:
        await request.post()
        return web.Response()

    app = web.Application()
    app.router.add_post("/form", form)
    data = aiohttp.FormData()
    data.add_field("field", BytesIO(b"x" * length), content_type="text/plain", filename="a.txt")
    async with (
        TestServer(app, host="127.0.0.1") as server,
        aiohttp.ClientSession() as session,
        session.post(server.make_url("/form"), data=data) as answer,
    ):
        assert answer.status == status
