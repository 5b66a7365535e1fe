"""The listener: the address it gives works on this machine, and what the app opened is closed however it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from gateway.server.listening import listening


class Opening:
    """An application that notes what it opens and closes."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.app = web.Application()
        self.app.cleanup_ctx.append(self._opened)

    async def _opened(self, _app: web.Application) -> AsyncIterator[None]:
        self.noted.append("opened")
        yield
        self.noted.append("closed")


async def refusing(_app: web.Application) -> AsyncIterator[None]:
    raise ConnectionError("no store")
    yield


@pytest.mark.parametrize(
    ("host", "start"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("0.0.0.0", "http://127.0.0.1:"),
        ("::1", "http://[::1]:"),
        ("::", "http://[::1]:"),
    ],
)
async def test_the_address_can_be_opened_on_this_machine(host: str, start: str) -> None:
    async with listening(Opening().app, host, 0) as url, aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert (url.startswith(start), answer.status) == (True, 404)


async def test_what_was_opened_is_closed_at_the_end() -> None:
    opening = Opening()
    async with listening(opening.app, "127.0.0.1", 0):
        assert opening.noted == ["opened"]
    assert opening.noted == ["opened", "closed"]


async def test_what_was_opened_is_closed_when_the_port_is_taken() -> None:
    opening = Opening()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(OSError, match="address already in use"):
            async with listening(opening.app, "127.0.0.1", taken.getsockname()[1]):
                pass
    assert opening.noted == ["opened", "closed"]


async def test_what_was_opened_is_closed_when_the_rest_cannot_be_opened() -> None:
    opening = Opening()
    opening.app.cleanup_ctx.append(refusing)
    with pytest.raises(ConnectionError, match="no store"):
        async with listening(opening.app, "127.0.0.1", 0):
            pass
    assert opening.noted == ["opened", "closed"]


async def test_who_takes_nothing_holds_up_the_end_no_longer_than_anybody() -> None:
    is_begun = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        is_begun.set()
        while True:
            await answer.write(bytes(1 << 20))

    app = web.Application()
    app.router.add_get("/", endless)
    loop = asyncio.get_running_loop()
    async with listening(app, "127.0.0.1", 0, shutdown_seconds=3) as url:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await asyncio.wait_for(is_begun.wait(), 10)
        began = loop.time()
    assert 2.5 < loop.time() - began < 5.5
    writer.transport.abort()
