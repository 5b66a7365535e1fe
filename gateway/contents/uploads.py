"""Files that arrive in several requests: kept aside until the last piece, never half visible (spec jupyter A3).

Pieces are staged in a backend of their own; which one is expected next is remembered in the state store, so any
replica may take it. There is no upload id on the wire: caller and path name the upload.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gateway.contents.backend import Backend, Capability
from gateway.contents.model import EPOCH, Caller, Entry, Kind, Written
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid

if TYPE_CHECKING:
    from gateway.contents.operations import UploadChunk
    from gateway.contents.service import Contents

LAST = -1


@dataclass(frozen=True, slots=True)
class UploadSession:
    """``id`` names the staging folder, ``received`` counts the pieces so far, ``size_bytes`` their bytes."""

    id: str
    received: int
    size_bytes: int


class UploadSessions(Protocol):
    """What is remembered of uploads under way; expires by itself."""

    async def start(self, caller: Caller, path: ContentPath) -> tuple[UploadSession, UploadSession | None]:
        """Begin anew, forgetting an earlier one for the same caller and path, which is returned for cleaning up."""
        ...

    async def find(self, caller: Caller, path: ContentPath) -> UploadSession | None: ...

    async def advance(self, session: UploadSession, size_bytes: int) -> UploadSession:
        """One piece more. CONFLICT when another request has advanced it meanwhile."""
        ...

    async def finish(self, session: UploadSession) -> None: ...

    async def expired(self) -> list[UploadSession]:
        """Forget uploads abandoned for longer than they may be, and return them for cleaning up."""
        ...


class Uploads:
    """Takes pieces in order and writes the whole file at the last one, through the same service as any write."""

    def __init__(self, staging: Backend, sessions: UploadSessions, max_bytes: int) -> None:
        self._staging = staging
        self._sessions = sessions
        self._max_bytes = max_bytes

    async def add(self, contents: Contents, chunk: UploadChunk) -> Entry | Written:
        """Take one piece; the last one answers with the file written. INVALID out of order, TOO_LARGE when too long.

        Nothing is kept for a caller who may not write there, or where the last piece would find no directory.
        """
        place = contents.writable_place(chunk.caller, chunk.path)
        if chunk.number == 1:
            if Capability.IMPLICIT_PARENTS not in place.mount.backend.capabilities:
                await _need_directory(contents, chunk)
            session, earlier = await self._sessions.start(chunk.caller, chunk.path)
            if earlier is not None:
                await self._clean(earlier)
            await self._staging.make_directory(ContentPath((session.id,)))
        else:
            session = await self._expected(chunk)
        total = session.size_bytes + len(chunk.body)
        if total > self._max_bytes:
            await self._drop(session)
            raise Problem(Code.TOO_LARGE, f"The upload is larger than {self._max_bytes} bytes.")
        if chunk.number != LAST:
            session = await self._advanced(session, chunk.body)
            return Entry(chunk.path, Kind.of_file(chunk.path), EPOCH, EPOCH, size=session.size_bytes)
        body = b"".join([*[await self._staged(session, n) for n in range(1, session.received + 1)], chunk.body])
        written = await contents.write(chunk.caller, chunk.path, body, chunk.condition)
        await self._drop(session)
        return written

    async def sweep(self) -> None:
        """Remove what abandoned uploads have left behind. One that cannot be removed does not keep the others."""
        problems = []
        for session in await self._sessions.expired():
            try:
                await self._clean(session)
            except Problem as problem:
                problems.append(problem)
        if problems:
            raise problems[0]

    async def _advanced(self, session: UploadSession, body: bytes) -> UploadSession:
        """The count goes up first: of two requests with one number only one may store its piece."""
        advanced = await self._sessions.advance(session, len(body))
        try:
            await self._staging.write(_piece(session.id, advanced.received), body)
        except Problem:
            await self._drop(advanced)
            raise
        return advanced

    async def _expected(self, chunk: UploadChunk) -> UploadSession:
        session = await self._sessions.find(chunk.caller, chunk.path)
        if session is None:
            raise invalid("No upload of this file is under way; begin with chunk 1.")
        if chunk.number == LAST and not session.received:
            raise invalid("The upload has no piece yet; begin with chunk 1.")
        if chunk.number not in (LAST, session.received + 1):
            raise invalid(f"Chunk {session.received + 1} or -1 is expected next, not {chunk.number}.")
        return session

    async def _staged(self, session: UploadSession, number: int) -> bytes:
        try:
            return (await self._staging.read(_piece(session.id, number))).body
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            raise Problem(Code.CONFLICT, "Pieces of the upload are gone; begin again with chunk 1.") from problem

    async def _drop(self, session: UploadSession) -> None:
        await self._sessions.finish(session)
        await self._clean(session)

    async def _clean(self, session: UploadSession) -> None:
        try:
            await self._staging.delete(ContentPath((session.id,)))
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise


async def _need_directory(contents: Contents, chunk: UploadChunk) -> None:
    if (await contents.stat(chunk.caller, chunk.path.parent)).kind is not Kind.DIRECTORY:
        raise invalid("A file stands where a directory is needed.", reason=Reason.BAD_TYPE)


def _piece(session_id: str, number: int) -> ContentPath:
    return ContentPath((session_id, f"{number:06d}"))
