"""Files that arrive in pieces: kept aside until the last one, never half visible (spec jupyter A3, oci 4.8).

Pieces are staged in a backend of their own; which one is expected next is remembered in the state store, so any
replica may take it.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway.contents.backend import Backend
from gateway.contents.locks import Locks
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, invalid

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class UploadKey:
    """Whose upload it is (``Caller.key``), of which file; ``name`` is the client's own for it, where it gives one."""

    owner: str
    path: ContentPath
    name: str = ""

    @property
    def digest(self) -> str:
        """The key as one word of fixed length."""
        return hashlib.sha256(repr((self.owner, self.path.segments, self.name)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UploadSession:
    """``id`` names the staging folder, ``received`` counts the pieces so far, ``size_bytes`` their bytes."""

    id: str
    received: int
    size_bytes: int


class UploadSessions(Protocol):
    """What is remembered of uploads under way; expires by itself."""

    async def start(self, key: UploadKey) -> tuple[UploadSession, UploadSession | None]:
        """Begin anew, forgetting an earlier one with the same key, which is returned for cleaning up."""
        ...

    async def find(self, key: UploadKey) -> UploadSession | None: ...

    async def advance(self, session: UploadSession, size_bytes: int) -> UploadSession:
        """One piece more. CONFLICT when another request has advanced it meanwhile."""
        ...

    async def finish(self, session: UploadSession) -> None: ...

    async def expired(self) -> list[UploadSession]:
        """Uploads abandoned for longer than they may be, for cleaning up; ``finish`` forgets them."""
        ...


@dataclass(frozen=True, slots=True)
class Assembled:
    """All pieces as one body, and how many they were, the last one included."""

    body: bytes
    pieces: int


class Uploads:
    """Takes pieces in order, and gives them out as one body with the last; they are staged in the folder ``below``."""

    def __init__(
        self,
        staging: Backend,
        sessions: UploadSessions,
        locks: Locks,
        max_bytes: int,
        below: ContentPath = ContentPath.ROOT,
    ) -> None:
        self.max_bytes = max_bytes
        self._staging = staging
        self._sessions = sessions
        self._locks = locks
        self._below = below

    async def is_under_way(self, key: UploadKey) -> bool:
        return await self._sessions.find(key) is not None

    async def add(self, key: UploadKey, number: int, piece: bytes) -> int:
        """Take piece 1 (which begins anew), 2, 3 ...; the number of bytes so far.

        The piece taken last may come again, as a client whose answer was lost sends it, while the first attempt is
        still at it or after it was cut off. INVALID out of order, TOO_LARGE when there are too many bytes.
        """
        async with self._turn(key):
            session = await self._begun(key) if number == 1 else await self._found(key)
            if 1 < number == session.received:
                return await self._taken_again(session, piece)
            if number != session.received + 1:
                raise invalid(f"Chunk {session.received + 1} or the last one is expected next, not {number}.")
            await self._check_size(session, piece)
            return (await self._advanced(session, piece)).size_bytes

    @asynccontextmanager
    async def assembled(self, key: UploadKey, last: bytes) -> AsyncIterator[Assembled]:
        """All there is with the last piece; forgotten when the block that stores it ends well, else kept.

        INVALID when no piece came before, CONFLICT when pieces are gone, TOO_LARGE.
        """
        async with self._turn(key):
            session = await self._found(key)
            if not session.received:
                raise invalid("The upload has no piece yet; begin with chunk 1.")
            await self._check_size(session, last)
            pieces = [await self._staged(session, number) for number in range(1, session.received + 1)]
            yield Assembled(b"".join([*pieces, last]), session.received + 1)
            await self._dropped(session)

    async def sweep(self) -> None:
        """Remove what abandoned uploads have left behind. One that cannot be removed does not keep the others."""
        problems = []
        for session in await self._sessions.expired():
            try:
                await self._drop(session)
            except Problem as problem:
                problems.append(problem)
        if problems:
            raise problems[0]

    def _turn(self, key: UploadKey) -> AbstractAsyncContextManager[None]:
        """The pieces of one upload are taken one after the other."""
        return self._locks.hold(f"upload:{key.digest}")

    async def _begun(self, key: UploadKey) -> UploadSession:
        session, earlier = await self._sessions.start(key)
        if earlier is not None:
            await self._clean(earlier)
        await self._staging.make_directory(self._folder(session))
        return session

    async def _found(self, key: UploadKey) -> UploadSession:
        session = await self._sessions.find(key)
        if session is None:
            raise invalid("No such upload is under way; begin with chunk 1.")
        return session

    async def _check_size(self, session: UploadSession, piece: bytes) -> None:
        if session.size_bytes + len(piece) > self.max_bytes:
            await self._drop(session)
            raise Problem(Code.TOO_LARGE, f"The upload is larger than {self.max_bytes} bytes.")

    async def _advanced(self, session: UploadSession, piece: bytes) -> UploadSession:
        """The count goes up first: of two requests with one number only one may store its piece."""
        advanced = await self._sessions.advance(session, len(piece))
        try:
            await self._staging.write(self._piece(session, advanced.received), piece)
        except Problem:
            await self._drop(advanced)
            raise
        return advanced

    async def _taken_again(self, session: UploadSession, piece: bytes) -> int:
        """A piece that is counted already: the one that is staged, or that an attempt cut off has not staged."""
        try:
            staged = (await self._staging.read(self._piece(session, session.received))).body
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            await self._staging.write(self._piece(session, session.received), piece)
            return session.size_bytes
        if staged != piece:
            raise invalid(f"Chunk {session.received} came before, with other bytes.")
        return session.size_bytes

    async def _staged(self, session: UploadSession, number: int) -> bytes:
        try:
            return (await self._staging.read(self._piece(session, number))).body
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            raise Problem(Code.CONFLICT, "Pieces of the upload are gone; begin again with chunk 1.") from problem

    async def _drop(self, session: UploadSession) -> None:
        """Last what is remembered: what cannot be removed now is found again by ``sweep``."""
        await self._clean(session)
        await self._sessions.finish(session)

    async def _dropped(self, session: UploadSession) -> None:
        """The same after the file is stored, which stands whatever becomes of its pieces."""
        try:
            await self._drop(session)
        except Problem as problem:
            _log.warning("pieces of an upload could not be removed", detail=problem.detail)

    async def _clean(self, session: UploadSession) -> None:
        try:
            await self._staging.delete(self._folder(session))
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise

    def _folder(self, session: UploadSession) -> ContentPath:
        return self._below.child(session.id)

    def _piece(self, session: UploadSession, number: int) -> ContentPath:
        return self._folder(session).child(f"{number:06d}")
