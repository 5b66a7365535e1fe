"""The journal of moves that no store makes by itself: what of them is done, so that another process can end them.

It holds names, etags and digests, never content. An entry belongs to a living process while its lease is renewed; one
whose lease has run out is taken over (``resuming``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self
from uuid import uuid4

import structlog

from gateway.contents.model import ETag
from gateway.contents.mounts import Place
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem

_log = structlog.get_logger()


class Stage(StrEnum):
    """How far a move has come, and so what is to become of it when its process dies."""

    FILE = "file"
    """One file: what stands at both places tells."""
    COPYING = "copying"
    """Not all of a directory is copied and verified, or a file's move was given up: the copies are taken back."""
    DELETING = "deleting"
    """A directory of which all is: the source is deleted."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place without a caller; ``store`` tells whether the mount of that name still leads where it did."""

    mount: str
    store: str
    path: ContentPath

    @classmethod
    def of(cls, place: Place) -> Spot:
        return cls(place.mount.name, place.mount.store, place.inner)


@dataclass(frozen=True, slots=True)
class Move:
    """One move; ``user`` is whose stores the mounts lead to, where each user has one of their own."""

    id: str
    origin: Spot
    goal: Spot
    user: str | None
    stage: Stage


@dataclass(frozen=True, slots=True)
class Step:
    """One file: its path from the top of what is moved, the revision that was read, and the etag of its copy.

    ``copy_etag`` is None while it is not known whether the copy was made.
    """

    path: ContentPath
    etag: ETag | None
    modified: datetime
    sha256: str
    copy_etag: ETag | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What the journal knows of a move: directories that were made or about to be, parents first, and files."""

    move: Move
    directories: tuple[ContentPath, ...]
    files: tuple[Step, ...]


class Journal(Protocol):
    """Entries shared by all replicas. Every method is one transaction; UNAVAILABLE when it cannot be had."""

    @property
    def renewal_seconds(self) -> float:
        """How often an entry must be touched to be sure that it is kept."""
        ...

    async def begin(self, move: Move, directories: Sequence[ContentPath], files: Sequence[Step]) -> None:
        """Enter a move before anything of it is done."""
        ...

    async def note(self, move: Move, made: Step | None, about_to: Step | None) -> None:
        """A copy that was made, and the one that is made next; sets the stage to the move's.

        CONFLICT (busy) when another process has taken the move over.
        """
        ...

    async def touch(self, move: Move) -> bool:
        """Renew the lease; False when another process has taken the move over."""
        ...

    async def finish(self, move: Move) -> None:
        """Forget a move that is over, unless another process has taken it over."""
        ...

    async def abandoned(self) -> Sequence[Move]:
        """Take over all whose leases have run out."""
        ...

    async def progress(self, move: Move) -> Progress | None:
        """What is known of it now; None when it is over."""
        ...


class NoJournal:
    """Remembers nothing: for copies, which lose nothing when they are cut off, and where no state outlives them."""

    renewal_seconds = 3600.0

    async def begin(self, move: Move, directories: Sequence[ContentPath], files: Sequence[Step]) -> None:
        return None

    async def note(self, move: Move, made: Step | None, about_to: Step | None) -> None:
        return None

    async def touch(self, move: Move) -> bool:
        return True

    async def finish(self, move: Move) -> None:
        return None

    async def abandoned(self) -> Sequence[Move]:
        return ()

    async def progress(self, move: Move) -> Progress | None:
        return None


class Record:
    """What one move under way writes into the journal; the lease is renewed while the block runs.

    What was made is noted with what comes next: in between, the copy's digest tells it.
    """

    def __init__(self, journal: Journal, move: Move) -> None:
        self._journal = journal
        self._move = move
        self._made: Step | None = None
        self._renewing: asyncio.Task[None] | None = None

    @classmethod
    def new(cls, journal: Journal, origin: Place, goal: Place, user: str | None = None) -> Record:
        """The record of a move that has not begun."""
        return cls(journal, Move(uuid4().hex, Spot.of(origin), Spot.of(goal), user, Stage.FILE))

    async def __aenter__(self) -> Self:
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait({self._renewing})

    async def begin_file(self, file: Step) -> None:
        await self._journal.begin(self._move, (), (file,))

    async def begin_tree(self, directories: Sequence[ContentPath]) -> None:
        self._move = replace(self._move, stage=Stage.COPYING)
        await self._journal.begin(self._move, directories, ())

    async def about_to(self, step: Step) -> None:
        """Before the copy is written."""
        made, self._made = self._made, None
        await self._journal.note(self._move, made, step)

    def made(self, step: Step) -> None:
        """After it was verified."""
        self._made = step

    async def copied(self) -> None:
        """All is copied and verified: from here on the move goes on rather than back."""
        self._move = replace(self._move, stage=Stage.DELETING)
        await self._journal.note(self._move, self._made, None)

    async def give_up(self) -> None:
        """A file's move has failed, and what was made of it could not be taken back now."""
        self._move = replace(self._move, stage=Stage.COPYING)
        try:
            await self._journal.note(self._move, None, None)
        except Problem as problem:
            _log.warning("the failure of a move could not be noted", move=self._move.id, detail=problem.detail)

    async def finish(self) -> None:
        """The move is over. When that cannot be noted now, whoever takes it over finds nothing left to do."""
        try:
            await self._journal.finish(self._move)
        except Problem as problem:
            _log.warning("the end of a move could not be noted", move=self._move.id, detail=problem.detail)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._journal.renewal_seconds)
            try:
                if not await self._journal.touch(self._move):
                    _log.error("a move was taken over while it was under way", move=self._move.id)
                    return
            except Problem as problem:
                _log.warning("the lease of a move could not be renewed", move=self._move.id, detail=problem.detail)
