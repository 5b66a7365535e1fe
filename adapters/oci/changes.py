"""What was changed here a moment ago, so that a read which does not see it yet is told from the truth (quirk 2).

A hint only, of 30 seconds and one process: a gateway that remembers nothing believes whatever the service says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import TypeVar

from cachetools import TTLCache

from adapters.oci.errors import not_yet_visible
from gateway.contents.model import ETag
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem

T = TypeVar("T")

PATIENCE_SECONDS = 3.0
"""So long a read is repeated that contradicts a change."""
MEMORY_SECONDS = 30.0
"""So long it is refused afterwards, unless the change has been seen before; then the service is believed."""
_MOST_CHANGES = 1024
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 0.8


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read found: a listing tells no etag, and the date is the service's own."""

    etag: ETag | None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The last change of a path: whether something ``stands`` there since.

    ``etags`` are those of what stands there, in whichever API; ``older`` those of what stood there before, as far as
    they are known. ``modified`` is the date of what stands there, or of the last that did.
    """

    number: int
    at: float
    stands: bool
    etags: frozenset[ETag] = frozenset()
    older: frozenset[ETag] = frozenset()
    modified: datetime | None = None
    is_seen: bool = False
    is_listed: bool = False

    def contradicts(self, seen: Seen | None) -> bool:
        """Whether what was found is from before the change. Someone else's newer revision is not."""
        if seen is None:
            return self.stands
        if seen.etag is not None:
            return seen.etag in self.older
        if seen.modified is None or self.modified is None:
            return False
        return seen.modified < self.modified if self.stands else seen.modified <= self.modified

    def is_guess(self, seen: Seen | None) -> bool:
        """Whether something stands where it was removed, and nothing tells if it is still that or new."""
        if self.stands or seen is None:
            return False
        return not self.older if seen.etag is not None else self.modified is None


class Changes:
    """The changes of one workspace. ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._numbers = count(1)
        self._known: TTLCache[ContentPath, Change] = TTLCache(_MOST_CHANGES, MEMORY_SECONDS, timer=clock)

    def of(self, path: ContentPath) -> Change | None:
        """What is remembered of the path; whoever is about to change it hands that back with the change."""
        return self._known.get(path)

    def made(
        self,
        path: ContentPath,
        before: Change | None,
        *,
        etags: Iterable[ETag | None] = (),
        older: Iterable[ETag | None] = (),
        modified: datetime | None = None,
    ) -> None:
        """Something was made or replaced there; ``before`` is what ``of`` said when that began."""
        change = Change(next(self._numbers), self._clock(), stands=True, etags=_given(etags), modified=modified)
        self._note(path, before, change, _given(older))

    def removed(self, path: ContentPath, before: Change | None, *, older: Iterable[ETag | None] = ()) -> None:
        """What stood there is gone, with all below it."""
        for each in self._below(path):
            self._known.pop(each, None)
        modified = before.modified if before is not None else None
        change = Change(next(self._numbers), self._clock(), stands=False, modified=modified)
        self._note(path, before, change, _given(older))

    def moved(
        self,
        source: ContentPath,
        target: ContentPath,
        before: tuple[Change | None, Change | None],
        *,
        etag: ETag | None = None,
        modified: datetime | None = None,
    ) -> None:
        """What stood at the source stands at the target. ``before`` is what ``of`` said of both when that began."""
        carried = [(each, self._known.get(each)) for each in self._below(source)]
        self.removed(source, before[0])
        self.made(target, before[1], etags=[etag], modified=modified)
        for path, change in carried:
            if change is not None and change.stands:
                below = target.join(path.relative_to(source))
                self._known[below] = replace(change, at=self._clock(), is_seen=False, is_listed=False)

    def forget(self, *paths: ContentPath) -> None:
        """Nobody knows any longer whether what was last done there still is so, nor what is below."""
        for path in paths:
            for each in (path, *self._below(path)):
                self._known.pop(each, None)

    def doubted(self, path: ContentPath, seen: Seen | None, *, listed: bool = False) -> Change | None:
        """The change that the sight of this path contradicts; None when it may be believed."""
        change = self._last_word(path)
        age = self._clock() - change.at if change is not None else MEMORY_SECONDS
        if change is None or age >= MEMORY_SECONDS:
            return None
        is_young = age < PATIENCE_SECONDS
        if change.contradicts(seen) or (is_young and change.is_guess(seen)):
            return None if not is_young and (change.is_listed if listed else change.is_seen) else change
        if path in self._known:
            self._known[path] = replace(change, is_listed=True) if listed else replace(change, is_seen=True)
        return None

    def doubted_listing(self, folder: ContentPath, found: Mapping[ContentPath, Seen]) -> Change | None:
        """The youngest change that a listing of the folder contradicts."""
        changed = [path for path in self._known if path.parent == folder and not path.is_root]
        doubts = [self.doubted(path, found.get(path), listed=True) for path in changed]
        return max((doubt for doubt in doubts if doubt), key=lambda doubt: doubt.at, default=None)

    async def settled(self, look: Callable[[], Awaitable[T]], doubt: Callable[[T | None], Change | None]) -> T:
        """What ``look`` finds, repeated while ``doubt`` says that it contradicts a change. NOT_FOUND is None to it.

        UNAVAILABLE when the change is still not to be seen when its time is over.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            found, missing = await _found(look)
            change = doubt(found)
            if change is None and found is not None:
                return found
            if change is None:
                assert missing is not None
                raise missing
            left = change.at + PATIENCE_SECONDS - self._clock()
            if left <= 0:
                raise not_yet_visible() from missing
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _note(self, path: ContentPath, before: Change | None, change: Change, older: frozenset[ETag]) -> None:
        """Of two changes that overlapped nobody knows which came last: then neither is remembered."""
        known = self._known.pop(path, None)
        if known is not None and (before is None or known.number != before.number):
            return
        if before is not None:
            older |= before.older | before.etags
        self._known[path] = replace(change, older=older - change.etags)

    def _last_word(self, path: ContentPath) -> Change | None:
        """The change of the path itself, or the removal of a folder on the way to it."""
        if not self._known:
            return None
        own = self._known.get(path)
        for depth in range(len(path.segments) - 1, 0, -1) if own is None else ():
            above = self._known.get(ContentPath(path.segments[:depth]))
            if above is not None:
                return None if above.stands else above
        return own

    def _below(self, path: ContentPath) -> list[ContentPath]:
        return [each for each in self._known if each != path and each.starts_with(path)]


async def _found(look: Callable[[], Awaitable[T]]) -> tuple[T | None, Problem | None]:
    try:
        return await look(), None
    except Problem as problem:
        if problem.code is not Code.NOT_FOUND:
            raise
        return None, problem


def _given(etags: Iterable[ETag | None]) -> frozenset[ETag]:
    return frozenset(etag for etag in etags if etag is not None)
