"""Carries messages between the two sockets of a channel until one of them ends, and tells the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from gateway.server.sockets.endings import (
    ABNORMAL,
    CRASHED,
    GONE,
    STOPPING,
    Broke,
    End,
    Ending,
    Left,
    client_ended,
    upstream_ended,
)
from gateway.server.sockets.leg import Leg

STOP_SECONDS = 0.6

_log = structlog.get_logger("gateway.channels")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often the peers are pinged, after how much silence one is given up, how long is waited for its goodbye."""

    ping_seconds: float = 30.0
    silence_seconds: float = 90.0
    parting_seconds: float = 10.0


class Relay:
    """The two legs of one channel, and the tasks between them; none of them outlives ``run``."""

    def __init__(self, client: Leg, upstream: Leg, patience: Patience, name: str) -> None:
        self._client = client
        self._upstream = upstream
        self._patience = patience
        self._name = name
        self._told = asyncio.Event()
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Until a peer ends or falls silent, or ``stop`` is called. An error inside is raised after both have heard."""
        try:
            ending, error = await self._carried()
            seconds = STOP_SECONDS if ending is STOPPING else self._patience.parting_seconds
            await asyncio.gather(
                self._client.end(ending.to_client, seconds), self._upstream.end(ending.to_upstream, seconds)
            )
            if error is not None:
                raise error
        finally:
            self._client.cut()
            self._upstream.cut()
            self._over.set()

    def tell_to_stop(self) -> None:
        """The gateway stops: the client is to come back."""
        self._told.set()

    async def stop(self) -> None:
        """Over within a second, whatever the peers do."""
        self.tell_to_stop()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._over.wait()
        except TimeoutError:
            self._client.cut()
            self._upstream.cut()
            await self._over.wait()

    async def _carried(self) -> tuple[Ending, BaseException | None]:
        """Whoever ends first decides; of two at once the client, who must not be told what it said itself."""
        tasks = [
            asyncio.create_task(work)
            for work in (
                self._carry(self._client, self._upstream, client_ended),
                self._carry(self._upstream, self._client, upstream_ended),
                self._watch(),
                self._stopped(),
            )
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            first = next(task for task in tasks if task.done())
            if (error := first.exception()) is not None:
                return CRASHED, error
            return first.result(), None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, source: Leg, sink: Leg, told: Callable[[End], Ending]) -> Ending:
        """Message by message: the next is taken from the one side when the other has room for more."""
        while True:
            message = await source.receive()
            if isinstance(message, End):
                self._note(told, message)
                return told(message)
            await sink.send(message)

    async def _watch(self) -> Ending:
        """Keep both legs alive until one has been silent too long.

        The upstream is pinged as well: jupyter_server pings the clients of kernels and terminals, not those of events.
        While it is held back for a slow client it hears a pong now and then: its own pings cannot be seen meanwhile.
        """
        client, upstream, patience = self._client, self._upstream, self._patience
        while True:
            await asyncio.sleep(patience.ping_seconds)
            if client.is_lost or client.silent_seconds() >= patience.silence_seconds:
                self._note(client_ended, GONE)
                return client_ended(GONE)
            if upstream.silent_seconds() >= patience.silence_seconds:
                self._note(upstream_ended, GONE)
                return upstream_ended(GONE)
            await client.ping()
            await upstream.ping()
            if not upstream.is_waited_for:
                await upstream.pong()

    async def _stopped(self) -> Ending:
        await self._told.wait()
        return STOPPING

    def _note(self, told: Callable[[End], Ending], end: End) -> None:
        """A line in the log for each end that nobody asked for."""
        if not isinstance(end, Left):
            side = "client" if told is client_ended else "upstream"
            code = end.close.code if isinstance(end, Broke) else ABNORMAL
            _log.info("channel broke", side=side, code=code, channel=self._name)
