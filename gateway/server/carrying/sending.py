"""A client's body on its way to a server, and a server's on its way to a client, piece by piece."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.contents.problem import Code, Problem, Reason, Source, invalid

_CLIENT_FAULTS = (aiohttp.ClientError, web.RequestPayloadError, HttpProcessingError, OSError)
_WINDOW_BITS = 47
"""zlib's word for gzip and its own format, whichever it is."""
_PIECE_BYTES = 1 << 16


class Upload:
    """The body of one request. What goes wrong on the client's side is kept as ``fault``: the HTTP client that sends
    the body only tells that it could not."""

    def __init__(
        self, content: aiohttp.StreamReader, *, max_bytes: int, seconds: float, when_sent: Callable[[], None]
    ) -> None:
        self._content = content
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._when_sent = when_sent
        self.fault: Exception | None = None

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives. TOO_LARGE beyond the limit, INVALID (cannot parse) when the client takes too long."""
        try:
            async for piece in self._checked():
                yield piece
        except (Problem, *_CLIENT_FAULTS) as error:
            self.fault = error
            raise
        self._when_sent()

    async def _checked(self) -> AsyncGenerator[bytes, None]:
        deadline = asyncio.get_running_loop().time() + self._seconds
        sent_bytes = 0
        try:
            while True:
                async with asyncio.timeout_at(deadline):
                    piece = await self._content.readany()
                if not piece:
                    return
                sent_bytes += len(piece)
                if sent_bytes > self._max_bytes:
                    raise too_large(self._max_bytes)
                yield piece
        except TimeoutError as error:
            detail = f"The request body did not arrive within {self._seconds:.0f} seconds."
            raise invalid(detail, reason=Reason.UNPARSABLE) from error


async def received(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """A server's body as it arrives. It may pause for as long as it likes; UNAVAILABLE when it breaks off."""
    try:
        while piece := await content.readany():
            yield piece
    except aiohttp.ClientError as error:
        raise broken_off() from error


async def inflated(pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """A body as it was before gzip or deflate, never much of it at once. UNAVAILABLE when it is none, or not whole."""
    inflating = zlib.decompressobj(_WINDOW_BITS)
    has_come = False
    try:
        async for piece in pieces:
            has_come, rest, is_full = True, piece, False
            while (rest or is_full) and not inflating.eof:
                plain, rest = inflating.decompress(rest, _PIECE_BYTES), inflating.unconsumed_tail
                is_full = len(plain) == _PIECE_BYTES
                if plain:
                    yield plain
    except zlib.error as error:
        raise broken_off() from error
    if has_come and not inflating.eof:
        raise broken_off()


def too_large(max_bytes: int) -> Problem:
    """The client's body is more than the gateway takes."""
    return Problem(Code.TOO_LARGE, f"The body is larger than the {max_bytes} bytes accepted here.")


def broken_off() -> Problem:
    """The server did not say all it was about to."""
    return Problem(Code.UNAVAILABLE, "The Jupyter server broke off.", source=Source.UPSTREAM, retry_after_seconds=5)
