"""A tiny application that relays every WebSocket to one upstream, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from gateway.contents.problem import Problem
from gateway.contents.upstream import Destination, Upstream
from gateway.dialects.jupyter.problems import render_problem
from gateway.server.listening import listening
from gateway.server.sockets.channels import HANDSHAKE_SECONDS, Channels, channel_session
from gateway.server.sockets.relay import Patience

MAX_MESSAGE_BYTES = 64 << 20

Socket = aiohttp.ClientWebSocketResponse[bool]


@dataclass(frozen=True, slots=True)
class Relaying:
    """Where the application is, its channels, and a session for its clients."""

    url: str
    channels: Channels
    session: aiohttp.ClientSession

    def connect(
        self, target: str = "/socket", *, protocols: tuple[str, ...] = (), headers: Mapping[str, str] | None = None
    ) -> aiohttp.client._WSRequestContextManager:
        url = URL(self.url + target, encoded=True)
        return self.session.ws_connect(
            url, protocols=protocols, headers=headers, max_msg_size=0, autoclose=False, autoping=False
        )


@asynccontextmanager
async def relaying(
    upstream: Upstream,
    *,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    handshake_seconds: float = HANDSHAKE_SECONDS,
    patience: Patience | None = None,
    sent: Mapping[str, str] | None = None,
) -> AsyncIterator[Relaying]:
    """Problems are worded as in the Jupyter dialect; ``sent`` are headers that the upstream is to see as well."""
    async with channel_session() as towards_upstream, aiohttp.ClientSession() as session:
        channels = Channels(
            towards_upstream,
            max_message_bytes=max_message_bytes,
            handshake_seconds=handshake_seconds,
            patience=patience or Patience(),
        )

        async def join(request: web.Request) -> web.WebSocketResponse:
            return await channels.join(request, Destination(upstream, request.raw_path, sent or {}))

        async def stop(_app: web.Application) -> None:
            await channels.close_all()

        app = web.Application(middlewares=[_worded])
        app.router.add_route("*", "/{tail:.*}", join)
        app.on_shutdown.append(stop)
        async with listening(app, "127.0.0.1", 0, shutdown_seconds=2) as url:
            yield Relaying(url, channels, session)


@web.middleware
async def _worded(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return render_problem(problem)
