"""Preconditions and locks around a backend: what a store cannot keep by itself is checked here, inside a lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext

from gateway.contents.backend import Backend, Capability
from gateway.contents.locks import Locks
from gateway.contents.model import Condition, Entry, ETag, Kind, Matches, MatchesAny, Precondition, holds
from gateway.contents.mounts import Place
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, stale

_ALL_NATIVE = frozenset({Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE, Capability.ATOMIC_REPLACE})


class Guard:
    """Knows for each place whether its store keeps conditions and whole reads alone, and takes a lock where not."""

    def __init__(self, locks: Locks) -> None:
        self._locks = locks

    def exclusive(self, place: Place) -> AbstractAsyncContextManager[None]:
        """Keep other writers out while a check and a change belong together.

        Free only where the store keeps every condition by itself: one that is checked here needs all writers to queue.
        """
        return self._held_unless(place, _ALL_NATIVE)

    def serialised(self, place: Place) -> AbstractAsyncContextManager[None]:
        """Keep a reader from meeting half a write, on stores where it could."""
        return self._held_unless(place, frozenset({Capability.ATOMIC_REPLACE}))

    def _held_unless(self, place: Place, needed: frozenset[Capability]) -> AbstractAsyncContextManager[None]:
        return nullcontext() if needed <= place.mount.backend.capabilities else self._locks.hold(place.lock_name)

    @asynccontextmanager
    async def locked(self, *places: Place) -> AsyncIterator[None]:
        """Hold all of them, in one order, whatever their stores can do."""
        async with AsyncExitStack() as stack:
            for name in sorted({place.lock_name for place in places}):
                await stack.enter_async_context(self._locks.hold(name))
            yield

    async def settled_write(self, place: Place, condition: Condition) -> Precondition:
        """What the backend itself is to check; what it cannot check is checked now, with ``exclusive`` held."""
        native = Capability.CONDITIONAL_WRITE in place.mount.backend.capabilities
        if native and not isinstance(condition, MatchesAny):
            return condition
        current = await self.checked(place, condition)
        return Matches(current) if native and current is not None else None

    async def settled_delete(self, place: Place, condition: Condition) -> Precondition:
        """The same for a delete; only conditions on files are for a backend to check."""
        current = await self.checked(place, condition)
        native = Capability.CONDITIONAL_DELETE in place.mount.backend.capabilities
        return Matches(current) if native and current is not None else None

    async def checked(self, place: Place, condition: Condition) -> ETag | None:
        """Compare with what stands there now: PRECONDITION when it does not hold. Returns a file's current etag."""
        if condition is None:
            return None
        entry = await stat_or_none(place.mount.backend, place.inner)
        if not holds(condition, None if entry is None else entry.etag):
            raise stale()
        return entry.etag if entry is not None and entry.kind is not Kind.DIRECTORY else None


async def stat_or_none(backend: Backend, path: ContentPath) -> Entry | None:
    """The facts, or None when nothing stands there."""
    try:
        return await backend.stat(path)
    except Problem as problem:
        if problem.code is Code.NOT_FOUND:
            return None
        raise
