"""The listener: the address it gives works on this machine, and what the app opened is closed however it ends."""

from __future__ import annotations

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
