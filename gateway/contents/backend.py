"""The contract of a backend, in prose. ``tests/contract/suite.py`` is the same contract as tests.

General rules, for every method:

* Paths are inner paths: the mount's name is already taken off and every name has passed ``ContentPath.parse``.
* Whatever an upstream does wrong becomes a ``Problem``: unreachable or overloaded is UNAVAILABLE, too slow is TIMEOUT,
  an answer that makes no sense is UPSTREAM, our own credential refused is UPSTREAM. No other exception leaves a
  backend, ``asyncio.CancelledError`` aside, which always does.
* Dates are aware UTC, and one revision keeps one date: ``stat``, ``list``, ``read`` and the answer of ``write`` agree.
* Etags are strong, opaque, unquoted, and change whenever the bytes do. A directory's is weak (``model.listing_etag``).
* A write is whole or not at all. When a write fails, or its task is cancelled, the old or the new bytes stand there.
* A backend repeats no write that may have been done, unless the store can tell that it is the same one, and repeats a
  read at most once after a fault.
* Names that ``paths.is_plain_name`` refuses are left out of listings.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Protocol, runtime_checkable

from gateway.contents.compute import Session, SessionChange
from gateway.contents.model import Checkpoint, Document, Entry, Listing, Precondition, Span, Written
from gateway.contents.paths import ContentPath


class Capability(StrEnum):
    """What a backend can do by itself; ``Contents`` emulates or refuses the rest."""

    CONDITIONAL_WRITE = "conditional write"
    """``write`` keeps its precondition atomically. Without it the gateway checks it, under a lock."""
    CONDITIONAL_DELETE = "conditional delete"
    """``delete`` of a file keeps its precondition atomically."""
    ATOMIC_REPLACE = "atomic replace"
    """A reader never meets half a write. Without it the gateway serialises reads and writes of one path."""
    NATIVE_HASH = "native hash"
    """``stat`` of a file written through the backend knows its sha256 without reading the bytes."""
    EMPTY_DIRECTORIES = "empty directories"
    """A directory made by ``make_directory`` exists until it is deleted."""
    BYTE_EXACT = "byte exact"
    """``read`` returns the very bytes that ``write`` was given."""
    IMPLICIT_PARENTS = "implicit parents"
    """``write`` below a directory that does not exist makes it. Without it that is NOT_FOUND."""
    LISTED_ETAGS = "listed etags"
    """The entries of a listing carry their etags."""


class Backend(Protocol):
    """One configured store of files, notebooks and directories."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the backend can do; may grow after ``probe`` has learned more."""
        ...

    async def probe(self) -> None:
        """Reach the store once, and learn what it honours. Cheap enough for a health check; raises when it is down."""
        ...

    async def stat(self, path: ContentPath) -> Entry:
        """The facts about what stands at ``path``; the root always exists. NOT_FOUND when nothing does."""
        ...

    async def read(self, path: ContentPath) -> Document:
        """The file; etag, size and date are of exactly the bytes given. NOT_FOUND; INVALID for a directory."""
        ...

    async def list(self, path: ContentPath) -> Listing:
        """All that stands directly in the directory, complete, in a number of calls that does not grow with each entry.

        NOT_FOUND when nothing is there, INVALID (bad type) for a file.
        """
        ...

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        """Replace or create the file, whole or not at all.

        ``Absent`` raises PRECONDITION when anything stands there; ``Matches`` unless a file with that etag does.
        Backends without CONDITIONAL_WRITE are never given either. CONFLICT when a directory stands there; NOT_FOUND
        when the parent does not (unless IMPLICIT_PARENTS); INVALID or CONFLICT when the parent is a file.
        """
        ...

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        """Remove the file with its checkpoints, or the directory with everything in it. NOT_FOUND; never the root.

        ``precondition`` is given only for files and only to backends with CONDITIONAL_DELETE.
        """
        ...

    async def make_directory(self, path: ContentPath) -> Entry:
        """Make one directory. CONFLICT (already exists) when anything stands there; NOT_FOUND when the parent does not
        (unless IMPLICIT_PARENTS)."""
        ...

    async def aclose(self) -> None:
        """Give back what the backend holds; called once, last."""
        ...


@runtime_checkable
class SupportsCopy(Protocol):
    """The store copies by itself, without the bytes passing through the gateway."""

    async def copy(self, source: ContentPath, target: ContentPath) -> Written:
        """Copy one file to a path where nothing stands: PRECONDITION when something does. Checkpoints stay behind."""
        ...


@runtime_checkable
class SupportsMove(Protocol):
    """The store renames by itself."""

    async def move(self, source: ContentPath, target: ContentPath) -> Entry:
        """Rename a file (its checkpoints follow) or a directory with all below it, to a path where nothing stands.

        CONFLICT (already exists) when something does; NOT_FOUND for a missing source or target directory. When it
        breaks half-way nothing is lost: every file is at the source, the target, or both.
        """
        ...


class Stream(Protocol):
    """One revision of a file, opened for reading; whoever opened it closes it."""

    @property
    def entry(self) -> Entry:
        """The facts of that revision, as ``stat`` tells them; the size is always known."""
        ...

    def pieces(self, span: Span) -> AsyncGenerator[bytes, None]:
        """The bytes of the span, which lies within the file, in order and in small pieces: all of that one revision.

        Whatever keeps it from being complete is raised: PRECONDITION when the revision is gone before anything of it
        was given, CONFLICT (busy) when it was changed meanwhile. TIMEOUT when the store is silent for
        ``STALL_SECONDS``; there is no deadline for the whole.
        """
        ...

    async def aclose(self) -> None:
        """Give back what the stream holds."""
        ...


@runtime_checkable
class SupportsStreaming(Protocol):
    """The store gives the bytes of a file piece by piece, also of one larger than the gateway carries."""

    async def open(self, path: ContentPath) -> Stream:
        """The file as it stands. NOT_FOUND; INVALID (bad type) for a directory.

        On a store without ATOMIC_REPLACE nothing is written there through the gateway until this returns, but perhaps
        afterwards.
        """
        ...


@runtime_checkable
class SupportsRemovingEmpty(Protocol):
    """The store removes a directory only if nothing at all is in it, in one step."""

    async def remove_empty(self, path: ContentPath) -> None:
        """CONFLICT when anything is left, also what listings leave out (checkpoints of files long gone aside)."""
        ...


@runtime_checkable
class SupportsCheckpoints(Protocol):
    """The store keeps saved states of files, out of sight of every listing. Ids match ``[\\w-]+``."""

    async def list_checkpoints(self, path: ContentPath) -> tuple[Checkpoint, ...]:
        """All checkpoints of the file, oldest first; none for a missing file or a directory."""
        ...

    async def create_checkpoint(self, path: ContentPath) -> Checkpoint:
        """Save the present bytes. NOT_FOUND for a missing file, INVALID for a directory."""
        ...

    async def restore_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        """Make the saved bytes the present ones. NOT_FOUND for an unknown id."""
        ...

    async def delete_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        """Forget the saved state. NOT_FOUND for an unknown id."""
        ...


@runtime_checkable
class SupportsSessions(Protocol):
    """The store runs kernels for its files. A session's ``path`` is an inner one, whatever stands there."""

    async def list_sessions(self) -> tuple[Session, ...]:
        """All sessions whose path lies in the backend; those that run elsewhere are left out."""
        ...

    async def read_session(self, session_id: str) -> Session:
        """NOT_FOUND for one that is not there, or runs outside the backend."""
        ...

    async def start_session(self, wanted: SessionChange) -> Session:
        """A session for ``wanted.path``, which is always given: the one that is there, or a new one.

        Without ``kernel_name`` on the store's usual kernel. INVALID for a kernel or cluster that it does not know.
        """
        ...

    async def change_session(self, session_id: str, change: SessionChange) -> Session:
        """Change what is given. NOT_FOUND; INVALID for an unknown kernel."""
        ...

    async def end_session(self, session_id: str) -> None:
        """End the session and its kernel. NOT_FOUND."""
        ...
