"""An answer in pieces gives back what it holds, however it ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from gateway.contents.problem import Code, Problem
from gateway.dialects.streamed import StreamedResponse
from gateway.server.listening import listening


@dataclass(slots=True)
class Source:
    """Gives two pieces, or fails after the first; counts how often it was closed."""

    fails: bool = False
    closed: list[str] = field(default_factory=list)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"two"
            if self.fails:
                raise Problem(Code.UPSTREAM, "It broke.")
            yield b"three"
        finally:
            self.closed.append("pieces")

    async def close(self) -> None:
        self.closed.append("stream")

    async def answer(self, _: web.Request) -> web.StreamResponse:
        return StreamedResponse(200, {"Content-Length": "11"}, b"one", self.pieces(), self.close)


async def asked(source: Source, prepare: object = None) -> bytes:
    app = web.Application()
    app.router.add_get("/", source.answer)
    if callable(prepare):
        app.on_response_prepare.append(prepare)
    async with listening(app, "127.0.0.1", 0) as url, aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.read()


async def test_it_is_closed_when_all_is_sent() -> None:
    source = Source()
    assert await asked(source) == b"onetwothree"
    assert source.closed == ["pieces", "stream"]


async def test_it_is_closed_and_breaks_when_a_piece_does_not_come() -> None:
    source = Source(fails=True)
    with pytest.raises(aiohttp.ClientPayloadError):
        await asked(source)
    assert source.closed == ["pieces", "stream"]


async def test_it_is_closed_when_it_cannot_even_begin() -> None:
    async def gone(_: web.Request, response: web.StreamResponse) -> None:
        if isinstance(response, StreamedResponse):
            raise ConnectionResetError

    source = Source()
    with pytest.raises(aiohttp.ClientError):
        await asked(source, gone)
    assert set(source.closed) == {"stream"}
