"""Files of a folder piece by piece: one open file, which stays what it is when another takes its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from adapters.local.errors import silent
from adapters.local.files import OpenFile
from gateway.contents.model import Entry, Span
from gateway.contents.streams import PIECE_BYTES, STALL_SECONDS

R = TypeVar("R")


class InThread(Protocol):
    """Does blocking work where it blocks nobody."""

    async def __call__(self, work: Callable[..., R], /, *args: Any) -> R: ...


class Opening:
    """A file on its way from a thread to whoever waits for it; when nobody does any longer it is closed."""

    def __init__(self, open_file: Callable[[], OpenFile]) -> None:
        self._open_file = open_file
        self._opened: OpenFile | None = None
        self._is_abandoned = False

    async def done(self, in_thread: InThread) -> OpenFile:
        try:
            return await in_thread(self._open)
        except asyncio.CancelledError:
            self._is_abandoned = True
            self._close_if_abandoned()
            raise

    def _open(self) -> OpenFile:
        self._opened = self._open_file()
        self._close_if_abandoned()
        return self._opened

    def _close_if_abandoned(self) -> None:
        """Both sides call this after what they have to say, so one of them knows all."""
        if self._is_abandoned and self._opened is not None:
            self._opened.file.close()


@dataclass(frozen=True, slots=True)
class LocalStream:
    """The revision that was opened, whatever stands at its path by now."""

    opened: OpenFile
    in_thread: InThread

    @property
    def entry(self) -> Entry:
        return self.opened.entry

    async def pieces(self, span: Span) -> AsyncGenerator[bytes, None]:
        position = span.start
        while position < span.stop:
            piece = await self._piece(position, min(PIECE_BYTES, span.stop - position))
            yield piece
            position += len(piece)

    async def aclose(self) -> None:
        self.opened.file.close()

    async def _piece(self, start: int, size_bytes: int) -> bytes:
        try:
            async with asyncio.timeout(STALL_SECONDS):
                return await self.in_thread(self.opened.piece, start, size_bytes)
        except TimeoutError as error:
            raise silent() from error
