"""An upstream whose WebSockets do what a test wants of them, and what it has heard of its clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import WSMessage, WSMsgType, web
from multidict import CIMultiDictProxy

from gateway.contents.upstream import Upstream
from gateway.server.listening import listening

TOKEN = "fake-upstream-token"

_NO_MORE = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


@dataclass(slots=True)
class Visit:
    """One client's socket at the upstream. ``ended`` is set when it is over, with what the client said last."""

    request: web.Request
    socket: web.WebSocketResponse
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    last: WSMessage | None = None

    async def listen(self) -> AsyncIterator[WSMessage]:
        """Messages and control frames until the end."""
        while True:
            message = await self.socket.receive()
            if message.type in _NO_MORE:
                self.last = message
                return
            yield message

    async def hear_out(self) -> None:
        """Wait for the end, whatever comes before it."""
        async for message in self.listen():
            if message.type is WSMsgType.PING:
                await self.socket.pong(message.data)

    def break_off(self) -> None:
        """As a server does that is killed."""
        assert self.request.transport is not None
        self.request.transport.abort()


Behaviour = Callable[[Visit], Awaitable[None]]


@dataclass(slots=True)
class FakeUpstream:
    """``behaviour`` is that of sockets; ``protocols`` it speaks. ``answer`` is given instead of a handshake, if any."""

    upstream: Upstream
    behaviour: Behaviour
    protocols: tuple[str, ...] = ()
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    visits: asyncio.Queue[Visit] = field(default_factory=asyncio.Queue)
    asked: list[tuple[str, CIMultiDictProxy[str]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.raw_path, request.headers))
        if self.answer is not None:
            return await self.answer(request)
        socket = web.WebSocketResponse(
            protocols=self.protocols, autoclose=False, autoping=False, max_msg_size=0, timeout=1
        )
        await socket.prepare(request)
        visit = Visit(request, socket)
        self.visits.put_nowait(visit)
        try:
            await self.behaviour(visit)
        finally:
            visit.ended.set()
        return socket


@asynccontextmanager
async def running_upstream(behaviour: Behaviour, protocols: tuple[str, ...] = ()) -> AsyncIterator[FakeUpstream]:
    fake = FakeUpstream(Upstream(""), behaviour, protocols)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fake.handle)
    async with listening(app, "127.0.0.1", 0, shutdown_seconds=0.2) as url:
        fake.upstream = Upstream(f"{url}/base", {"Authorization": f"token {TOKEN}"})
        yield fake


async def echo(visit: Visit) -> None:
    """Send back what comes, and a close frame as well."""
    async for message in visit.listen():
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            data = message.data.encode() if isinstance(message.data, str) else message.data
            await visit.socket.send_frame(data, message.type)
        elif message.type is WSMsgType.PING:
            await visit.socket.pong(message.data)
    if visit.last is not None and visit.last.type is WSMsgType.CLOSE:
        await visit.socket.close(code=visit.last.data or 1000)


async def hear_out(visit: Visit) -> None:
    """Take what comes and say nothing."""
    await visit.hear_out()
