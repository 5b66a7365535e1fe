"""Ending the moves whose process has died: back when not all was copied, forward when it was.

What stands at both places decides, and not the journal alone: a copy is taken back only while its source stands, a
source is deleted only while it and its copy are what they were.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

import structlog

from gateway.contents.guard import Guard, stat_or_none
from gateway.contents.journal import Journal, Move, Progress, Record, Spot, Stage, Step
from gateway.contents.listings import Listings
from gateway.contents.model import Caller, Credential, Document, Entry
from gateway.contents.mounts import Place
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.scope import Scope
from gateway.contents.transfer import below, deleted_unchanged, directories_removed, is_copy

_log = structlog.get_logger()


class Resuming:
    """Takes over abandoned moves, on whichever replica."""

    def __init__(self, scope: Scope, guard: Guard, listings: Listings, journal: Journal) -> None:
        self._scope = scope
        self._guard = guard
        self._listings = listings
        self._journal = journal

    async def resume(self) -> None:
        """End every abandoned move. One that cannot be ended now, as a store is down, waits in the journal."""
        for move in await self._journal.abandoned():
            try:
                await self._ended(move)
            except Problem as problem:
                _log.warning("a move that was cut off waits", **_names(move), detail=problem.detail)

    async def _ended(self, move: Move) -> None:
        origin, goal = self._place(move.origin, move.user), self._place(move.goal, move.user)
        async with Record(self._journal, move) as record, self._guard.locked(origin, goal):
            progress = await self._journal.progress(move)
            if progress is None:
                return
            with self._listings.changing(origin, goal):
                is_gone = await self._end(origin, goal, progress)
            if is_gone:
                await self._scope.tell_vacated(_outward(origin), origin.mount, _owner(origin, move))
            await record.finish()
            _log.info("a move that was cut off is ended", **_names(move), moved=is_gone)

    async def _end(self, origin: Place, goal: Place, progress: Progress) -> bool:
        """Whether the source is gone afterwards."""
        match progress.move.stage:
            case Stage.FILE:
                return await self._end_file(origin, goal, progress.files[0])
            case Stage.COPYING:
                await self._take_back(origin, goal, progress)
                return False
            case Stage.DELETING:
                return await self._go_on(origin, goal, progress)

    async def _end_file(self, origin: Place, goal: Place, step: Step) -> bool:
        """Forward when the copy stands and its source is what it was."""
        source = await stat_or_none(origin.mount.backend, origin.inner)
        if source is None:
            return True
        if not _is_as_read(source, step):
            await self._take_back_file(origin, goal, step)
            return False
        copy = await _read_or_none(goal)
        return (
            copy is not None and await is_copy(origin, goal, step, copy) and await deleted_unchanged(origin, step.etag)
        )

    async def _take_back(self, origin: Place, goal: Place, progress: Progress) -> None:
        for step in progress.files:
            await self._take_back_file(below(origin, step.path), below(goal, step.path), step)
        await directories_removed(goal, _parents_first(progress))

    async def _take_back_file(self, origin: Place, goal: Place, step: Step) -> None:
        async with self._turn(goal, step):
            if await stat_or_none(origin.mount.backend, origin.inner) is None:
                return
            etag = step.copy_etag
            if etag is None:
                copy = await _read_or_none(goal)
                if copy is None or not await is_copy(origin, goal, step, copy):
                    return
                etag = copy.entry.etag
            await deleted_unchanged(goal, etag)

    async def _go_on(self, origin: Place, goal: Place, progress: Progress) -> bool:
        """Delete what is left of the source."""
        for step in progress.files:
            place, copy = below(origin, step.path), below(goal, step.path)
            async with self._turn(place, step):
                source = await stat_or_none(place.mount.backend, place.inner)
                if source is None or not _is_as_read(source, step):
                    continue
                standing = await stat_or_none(copy.mount.backend, copy.inner)
                if standing is not None and standing.etag == step.copy_etag:
                    await deleted_unchanged(place, step.etag)
        return await directories_removed(origin, _parents_first(progress))

    def _turn(self, place: Place, step: Step) -> AbstractAsyncContextManager[None]:
        """The top itself is locked all the while."""
        return nullcontext() if step.path.is_root else self._guard.exclusive(place)

    def _place(self, spot: Spot, user: str | None) -> Place:
        """UNAVAILABLE when the mount is no longer configured, or leads to another store."""
        mount = next((mount for mount in self._scope.mounts.all() if mount.name == spot.mount), None)
        if mount is not None:
            mount = mount.of(Caller(user, Credential.TOKEN))
        if mount is None or mount.store != spot.store:
            raise Problem(Code.UNAVAILABLE, "Its mount is not configured any more, or leads to another store.")
        top = ContentPath.ROOT if mount.is_root else ContentPath((mount.name,))
        base = ContentPath(spot.path.segments[:2]) if mount.homes else ContentPath.ROOT
        return Place(mount, top, base, spot.path, writable=True)


def _is_as_read(source: Entry, step: Step) -> bool:
    return (source.etag, source.modified) == (step.etag, step.modified)


async def _read_or_none(place: Place) -> Document | None:
    """The file, or None when nothing or a directory stands there."""
    try:
        return await place.mount.backend.read(place.inner)
    except Problem as problem:
        if problem.code not in (Code.NOT_FOUND, Code.INVALID):
            raise
        return None


def _parents_first(progress: Progress) -> tuple[ContentPath, ...]:
    return tuple(sorted(progress.directories, key=lambda path: len(path.segments)))


def _outward(place: Place) -> ContentPath:
    return place.top.join(place.inner.relative_to(place.base))


def _owner(place: Place, move: Move) -> str:
    """The ``Caller.key`` of whose home or store it is."""
    return Caller(move.user or place.base.name, Credential.TOKEN).key


def _names(move: Move) -> dict[str, str]:
    origin, goal = (f"{spot.mount}:{spot.path}" for spot in (move.origin, move.goal))
    return {"move": move.id, "origin": origin, "goal": goal}
