"""Files read piece by piece, whatever their size: what is true of that on every mount, and what adapters make it of."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from gateway.contents.backend import Backend, Stream, SupportsStreaming
from gateway.contents.guard import Guard
from gateway.contents.locks import Locks
from gateway.contents.model import Caller, Document, Entry, Span
from gateway.contents.mounts import Action, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, Source, invalid, not_found, stale

PIECE_BYTES = 1 << 18
STALL_SECONDS = 30.0
"""How long a store may be silent in the middle of a file."""
MOST_OPEN = 32
"""So many files of one mount are read at once, others wait: half of the connections that a store is given."""
MOST_OPEN_OF_ONE = 16
"""So many of them by one caller, whose slow clients are not to keep out everybody else."""


class Streams:
    """The one service that opens files for reading."""

    def __init__(self, mounts: Mounts, locks: Locks) -> None:
        self._mounts = mounts
        self._guard = Guard(locks)
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(MOST_OPEN))
        self._own_slots: WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = WeakValueDictionary()

    async def open(self, caller: Caller, path: ContentPath) -> Stream:
        """The file as it stands, its entry as the caller addresses it. NOT_FOUND, FORBIDDEN; INVALID (bad type) for a
        directory."""
        if path.is_hidden:
            raise not_found()
        if path.is_root and self._mounts.root is None:
            raise invalid("The root is a directory.", reason=Reason.BAD_TYPE)
        place = self._mounts.place(caller, path, Action.READ)
        own, key = asyncio.Semaphore(MOST_OPEN_OF_ONE), (place.mount.name, caller.key)
        async with AsyncExitStack() as slots:
            for slot in (self._own_slots.setdefault(key, own), self._slots[place.mount.name]):
                await slots.enter_async_context(slot)
            async with self._guard.serialised(place):
                stream = await _opened(place.mount.backend, place.inner)
            return _Outward(place.outward(stream.entry), stream, slots.pop_all())


@dataclass(frozen=True, slots=True)
class _Outward:
    """A stream as the caller sees it, which holds one of its mount's slots until it is closed."""

    entry: Entry
    stream: Stream
    slots: AsyncExitStack

    def pieces(self, span: Span) -> AsyncGenerator[bytes, None]:
        return self.stream.pieces(span)

    async def aclose(self) -> None:
        try:
            await self.stream.aclose()
        finally:
            await self.slots.aclose()


@dataclass(frozen=True, slots=True)
class WholeStream:
    """A file that was read whole before the first piece of it is given."""

    document: Document

    @property
    def entry(self) -> Entry:
        return replace(self.document.entry, size=len(self.document.body))

    async def pieces(self, span: Span) -> AsyncGenerator[bytes, None]:
        body = memoryview(self.document.body)
        for start in range(span.start, span.stop, PIECE_BYTES):
            yield bytes(body[start : min(start + PIECE_BYTES, span.stop)])

    async def aclose(self) -> None:
        """Nothing is held but the bytes."""


async def complete(pieces: AsyncGenerator[bytes, None], size_bytes: int) -> AsyncGenerator[bytes, None]:
    """The same pieces, which make ``size_bytes`` in the end: UPSTREAM when there are fewer bytes or more."""
    left = size_bytes
    async with aclosing(pieces):
        async for piece in pieces:
            left -= len(piece)
            if left < 0:
                break
            yield piece
    if left:
        raise Problem(
            Code.UPSTREAM, "The storage behind this mount gave another number of bytes.", source=Source.UPSTREAM
        )


async def unchanged(
    pieces: AsyncGenerator[bytes, None], is_unchanged: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes, None]:
    """The same pieces, the last of which is given only when the file is then still what it was: for stores in which it
    may change while it is read. CONFLICT (busy), or PRECONDITION when nothing was given yet."""
    held, is_begun = b"", False
    async with aclosing(pieces):
        async for piece in pieces:
            if held:
                yield held
                is_begun = True
            held = piece
    if not await is_unchanged():
        raise changed_meanwhile() if is_begun else stale()
    if held:
        yield held


def changed_meanwhile() -> Problem:
    """What was read last is not of the revision that was read first."""
    return Problem(Code.CONFLICT, "The file was changed while it was read; try again.", reason=Reason.BUSY)


async def _opened(backend: Backend, path: ContentPath) -> Stream:
    """Read whole where the store gives no pieces."""
    return await backend.open(path) if isinstance(backend, SupportsStreaming) else WholeStream(await backend.read(path))
