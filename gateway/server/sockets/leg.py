"""One of the two WebSockets of a channel: what comes, what is sent, whether its peer is still there, and its end.

aiohttp's own socket objects are not used for that: their heartbeat takes a peer that is held back for a dead one, they
answer a close with a code of their own, and drop the connection on a message that is too long before the peer can
have read why.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from typing import Protocol

from aiohttp import WebSocketError, WSMessage, WSMsgType
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import StreamWriter, WebSocketWriter, WSMessageTextBytes
from aiohttp.streams import EofStream

from gateway.server.sockets.endings import TOO_BIG, Broke, Close, End, Gone, Left

KEEPALIVE_SECONDS = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
POLL_SECONDS = 0.02

Message = WSMessage | WSMessageTextBytes


class Frames(Protocol):
    """Where aiohttp puts what its parser has read; reading from it lets the peer send on."""

    async def read(self) -> Message: ...


class Leg:
    """A socket in hand. One task receives, one sends; pings and pongs may come from any, as they never wait.

    ``keeps`` is what aiohttp refers to only weakly, and is to live as long as this does.
    """

    def __init__(
        self,
        frames: Frames,
        protocol: BaseProtocol,
        transport: asyncio.Transport,
        *,
        keeps: object,
        masks: bool = False,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._now = loop.time
        self._frames = frames
        self._protocol = protocol
        self._transport = transport
        self._keeps = keeps
        self._socket = transport.get_extra_info("socket")
        self._is_client = masks
        self._writer = WebSocketWriter(protocol, transport, use_mask=masks, limit=sys.maxsize)  # itself never waits
        self._drained = StreamWriter(protocol, loop).drain
        self._waiting_since: float | None = None
        self._heard_at = self._taken_at = self._now()
        self._unsent_bytes = 0
        self._owed_pong: bytes | None = None
        self._end: End | None = None
        self._keep_alive()

    @property
    def is_lost(self) -> bool:
        return self._transport.is_closing()

    async def receive(self) -> Message | End:
        """The next message, or how the socket ended. Pings are answered on the way."""
        while True:
            message = await self._next()
            if isinstance(message, End):
                self._end = message
                return message
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    return message
                case WSMsgType.PING:
                    await self._answer(message.data)
                case WSMsgType.CLOSE:
                    self._end = Left(Close(message.data or None, message.extra or ""))
                    return self._end

    async def send(self, message: Message) -> None:
        """Returns when the peer may be sent more. What a lost one cannot take is dropped: ``receive`` tells its end."""
        with suppress(ConnectionError):
            await self._writer.send_frame(message.data, message.type)
            if self._protocol.writing_paused:
                await self._drained()
                self._taken_at = self._now()
                await self._pay_pong()

    async def ping(self) -> None:
        """Unless the peer is held up: then what it has still to take tells as much."""
        if not self._protocol.writing_paused:
            await self._control(b"", WSMsgType.PING)

    async def pong(self) -> None:
        """Unasked: the peer is to know that it is heard, though its pings may stand behind what is held back."""
        if not self._protocol.writing_paused:
            await self._control(b"", WSMsgType.PONG)

    def silent_seconds(self) -> float:
        """How long nothing has come while it was waited for, nor has the peer taken any of what is to be sent.

        To be asked regularly: that some was taken of a long message shows only from one time to the next.
        """
        unsent_bytes = self._transport.get_write_buffer_size()
        if unsent_bytes < self._unsent_bytes:
            self._taken_at = self._now()
        self._unsent_bytes = unsent_bytes
        if self._waiting_since is None:
            return 0.0
        return self._now() - max(self._waiting_since, self._heard_at, self._taken_at)

    def hear(self) -> None:
        """To be called for whatever comes: a long message may take minutes, and no pong gets in between."""
        self._heard_at = self._now()

    @property
    def is_waited_for(self) -> bool:
        """Whether the peer may send, rather than being held back."""
        return self._waiting_since is not None

    async def end(self, close: Close | None, seconds: float) -> None:
        """Say ``close``, if anything; wait ``seconds`` at most until all is sent and the peer has closed; hang up."""
        try:
            if close is not None and not self.is_lost:
                with suppress(TimeoutError, ConnectionError):
                    async with asyncio.timeout(seconds):
                        await self._part(close)
        finally:
            self.cut()

    def cut(self) -> None:
        """Hang up at once. What the system has taken over it still delivers; what it has not is dropped."""
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    async def _next(self) -> Message | End:
        self._waiting_since = self._now()
        try:
            return await self._frames.read()
        except (EofStream, ConnectionError):
            return Gone()
        except WebSocketError as error:
            return Broke(Close(error.code, "The message is too long." if error.code == TOO_BIG else ""))
        finally:
            self._waiting_since = None
            if self._is_client:
                self._acknowledge()

    async def _part(self, close: Close) -> None:
        await self._writer.send_frame(close.payload, WSMsgType.CLOSE)
        self._transport.set_write_buffer_limits(high=0)  # from now on, drained means empty
        await self._drained()
        while self._end is None:
            await self.receive()
        while isinstance(self._end, Broke) and not self.is_lost:  # noqa: ASYNC110  aiohttp has no event for it
            await asyncio.sleep(POLL_SECONDS)  # hanging up while it still sends would cost it the close frame

    async def _answer(self, payload: bytes) -> None:
        """At once, or after what the peer has to take first: then the latest ping only, as RFC 6455 (5.5.3) allows."""
        self._owed_pong = payload
        if not self._protocol.writing_paused:
            await self._pay_pong()

    async def _pay_pong(self) -> None:
        if (payload := self._owed_pong) is not None:
            self._owed_pong = None
            await self._control(payload, WSMsgType.PONG)

    async def _control(self, payload: bytes, opcode: WSMsgType) -> None:
        with suppress(ConnectionError):
            await self._writer.send_frame(payload, opcode)

    def _acknowledge(self) -> None:
        """Tell the upstream's system at once what has come, which Linux puts off by 40 ms otherwise.

        jupyter_server sends the few small messages of an execution one by one with Nagle's algorithm on, so each waits
        for that: `1+1` takes 48 ms with it, and 11 ms without. The system forgets the wish, so it is told each time.
        """
        if hasattr(socket, "TCP_QUICKACK"):
            self._set(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _keep_alive(self) -> None:
        """Let the system notice a machine that vanished, even while nothing is read."""
        self._set(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE_SECONDS.items():
            if hasattr(socket, name):
                self._set(socket.IPPROTO_TCP, getattr(socket, name), value)

    def _set(self, level: int, option: int, value: int) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.setsockopt(level, option, value)
