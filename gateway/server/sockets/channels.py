"""WebSockets through the gateway: kernels, terminals and events of a Jupyter server, message for message."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import hdrs, web

from gateway.contents.upstream import Destination
from gateway.server.sockets.handshakes import Opened, accept, no_answer, open_upstream, parse_offer
from gateway.server.sockets.relay import Patience, Relay
from gateway.wire.client import CONNECT_SECONDS

HANDSHAKE_SECONDS = 60.0
"""How long an upstream may take to answer a handshake: it waits for the kernel's start (spec jupyter A6)."""
LOOK_SECONDS = 1.0

_PATIENCE = Patience()


def channel_session() -> aiohttp.ClientSession:
    """A session for channels alone: they hold their connections for days, and would use up the pool of requests."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class Channels:
    """All channels of one gateway. A message over ``max_message_bytes`` ends its channel with 1009."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        max_message_bytes: int,
        handshake_seconds: float = HANDSHAKE_SECONDS,
        patience: Patience = _PATIENCE,
    ) -> None:
        self._session = session
        self._max_message_bytes = max_message_bytes
        self._handshake_seconds = handshake_seconds
        self._patience = patience
        self._relays: set[Relay] = set()
        self._openings: set[asyncio.Task[Opened]] = set()
        self._is_stopping = False

    async def join(self, request: web.Request, destination: Destination) -> web.WebSocketResponse:
        """Connect the client to the upstream's socket at ``destination``, and stay until both are closed.

        The caller has authenticated and authorised the client and checked its Origin. Until the upstream has accepted,
        the client is owed an HTTP answer: INVALID (no handshake), NOT_FOUND, FORBIDDEN or UPSTREAM (the upstream
        refuses the caller's credential, or the gateway's), UNAVAILABLE (no connection, no answer, stopping).
        """
        opened = await self._opened(request, destination)
        try:
            response, client = await accept(request, opened.protocol, self._max_message_bytes)
            await self._relayed(Relay(client, opened.leg, self._patience, destination.target.partition("?")[0]))
            return response
        finally:
            opened.close()

    async def close_all(self) -> None:
        """The gateway stops: within a second every client has heard 1012 and is cut; nobody may join any more."""
        self._is_stopping = True
        for opening in self._openings:
            opening.cancel()
        await asyncio.gather(*(relay.stop() for relay in self._relays))

    async def _relayed(self, relay: Relay) -> None:
        self._relays.add(relay)
        try:
            if self._is_stopping:
                relay.tell_to_stop()
            await relay.run()
        finally:
            self._relays.discard(relay)

    async def _opened(self, request: web.Request, destination: Destination) -> Opened:
        """Wait for the upstream only as long as the client does, and the gateway runs."""
        offer = parse_offer(request)
        if self._is_stopping:
            raise no_answer()
        agent = request.headers.get(hdrs.USER_AGENT, "")
        opening = open_upstream(
            self._session, destination, offer, agent, self._max_message_bytes, self._handshake_seconds
        )
        task = asyncio.create_task(opening)
        self._openings.add(task)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=LOOK_SECONDS)
                if request.transport is None:
                    task.cancel()
        except asyncio.CancelledError:
            task.add_done_callback(_dropped)
            task.cancel()
            raise
        finally:
            self._openings.discard(task)
        if task.cancelled():
            raise no_answer()
        return task.result()


def _dropped(task: asyncio.Task[Opened]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
