"""Sessions: what is true of running notebooks on every mount that has kernels, and who may run them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

from gateway.contents.backend import SupportsSessions
from gateway.contents.compute import Session, SessionChange, session_mark
from gateway.contents.locks import Locks
from gateway.contents.model import Caller, Condition, holds, sha256_hex
from gateway.contents.mounts import Action, Mount, Mounts, Place
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, invalid, not_found, stale
from gateway.contents.scope import Vacated


def session_lock(mount: Mount, what: str) -> str:
    """The name of a lock that two mounts of one store share; it is of fixed length."""
    return f"session:{sha256_hex(f'{mount.store or mount.name} {what}'.encode())}"


@dataclass(frozen=True, slots=True)
class _Compute:
    """The kernels behind a folder of a mount."""

    place: Place
    backend: SupportsSessions

    def outward(self, session: Session) -> Session:
        """The session as the caller addresses its path. NOT_FOUND when it runs outside the folder."""
        if not session.path.starts_with(self.place.inner):
            raise not_found("No such session.")
        path = self.place.top.join(session.path.relative_to(self.place.base))
        return replace(session, path=path)


class Sessions:
    """The one session service. ``folder`` is the part of the gateway whose sessions the caller means.

    UNSUPPORTED where the mount has no kernels, FORBIDDEN who may not run them.
    """

    def __init__(self, mounts: Mounts, locks: Locks, vacated: Vacated | None = None) -> None:
        self._mounts = mounts
        self._locks = locks
        self._vacated = vacated

    async def list(self, caller: Caller, folder: ContentPath) -> tuple[Session, ...]:
        """All that run below the folder, in the store's own order."""
        compute = self._compute(caller, folder)
        running = await compute.backend.list_sessions()
        return tuple(compute.outward(each) for each in running if each.path.starts_with(compute.place.inner))

    async def get(self, caller: Caller, folder: ContentPath, session_id: str) -> Session:
        """NOT_FOUND for one that has ended or runs elsewhere."""
        compute = self._compute(caller, folder)
        return compute.outward(await compute.backend.read_session(session_id))

    async def start(self, caller: Caller, folder: ContentPath, wanted: SessionChange) -> Session:
        """A session for ``wanted.path``: the one that is there already, or a new one."""
        compute = self._compute(caller, folder)
        inward = self._inward(caller, folder, compute, wanted)
        async with self._held(compute, f"path {inward.path}"):  # the store may find several sessions as easily as one
            return compute.outward(await compute.backend.start_session(inward))

    async def change(
        self, caller: Caller, folder: ContentPath, session_id: str, change: SessionChange, condition: Condition = None
    ) -> Session:
        """Rename a session or change its kernel. PRECONDITION unless the condition holds, checked under a lock."""
        compute = self._compute(caller, folder)
        inward = self._inward(caller, folder, compute, change)
        async with self._checked(compute, session_id, condition):
            return compute.outward(await compute.backend.change_session(session_id, inward))

    async def end(self, caller: Caller, folder: ContentPath, session_id: str, condition: Condition = None) -> None:
        """End a session and its kernel. PRECONDITION unless the condition holds, checked under a lock."""
        compute = self._compute(caller, folder)
        async with self._checked(compute, session_id, condition):
            await compute.backend.end_session(session_id)
        if self._vacated is not None:
            await self._vacated(session_mark(session_id), None)

    def _compute(self, caller: Caller, folder: ContentPath) -> _Compute:
        place = self._mounts.place(caller, folder, Action.RUN)
        if not isinstance(place.mount.backend, SupportsSessions):
            raise Problem(Code.UNSUPPORTED, "This mount has no kernels.")
        return _Compute(place, place.mount.backend)

    def _inward(self, caller: Caller, folder: ContentPath, compute: _Compute, change: SessionChange) -> SessionChange:
        """The change with the backend's own path; INVALID unless it leads to a file on the same kernels."""
        if change.path is None:
            return change
        place = self._mounts.place(caller, change.path, Action.RUN)
        if change.path.is_hidden or not change.path.starts_with(folder) or place.mount is not compute.place.mount:
            raise invalid("A session's path leads to a file of the same mount that is not hidden.")
        return replace(change, path=place.inner)

    def _held(self, compute: _Compute, what: str) -> AbstractAsyncContextManager[None]:
        return self._locks.hold(session_lock(compute.place.mount, what))

    @asynccontextmanager
    async def _checked(self, compute: _Compute, session_id: str, condition: Condition) -> AsyncIterator[None]:
        """Hold the session for the block, once it is known to be the caller's and as the condition says."""
        async with self._held(compute, f"id {session_id}"):
            session = compute.outward(await compute.backend.read_session(session_id))
            if not holds(condition, session.etag):
                raise stale("The session has changed since that etag was read.")
            yield
