"""A local folder whose files run on kernels that exist in memory only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from adapters.local.backend import LocalBackend
from gateway.contents.compute import Kernel, Lifecycle, Session, SessionChange
from gateway.contents.model import ETag
from gateway.contents.problem import invalid, not_found

KERNELS = ("python3", "r")


class LocalBackendWithKernels(LocalBackend):
    """The first kernel is the usual one. ``lifecycle`` is that of new sessions, which have a kernel when active."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.sessions: dict[str, Session] = {}
        self.lifecycle = Lifecycle.ACTIVE

    async def list_sessions(self) -> tuple[Session, ...]:
        return tuple(replace(session, etag=None) for session in self.sessions.values())

    async def read_session(self, session_id: str) -> Session:
        if session_id not in self.sessions:
            raise not_found("No such session.")
        return self.sessions[session_id]

    async def start_session(self, wanted: SessionChange) -> Session:
        assert wanted.path is not None
        for session in self.sessions.values():
            if session.path == wanted.path:
                return session
        await asyncio.sleep(0.01)  # a kernel takes its time, and the store does not look again
        kernel = _kernel(wanted.kernel_name) if self.lifecycle is Lifecycle.ACTIVE else None
        name, kind, etag = wanted.name or "", wanted.kind or "notebook", _new_etag()
        session = Session(uuid4().hex, wanted.path, name, kind, kernel, wanted.cluster, self.lifecycle, etag)
        self.sessions[session.id] = session
        return session

    async def change_session(self, session_id: str, change: SessionChange) -> Session:
        session = await self.read_session(session_id)
        self.sessions[session_id] = changed = replace(
            session,
            path=change.path or session.path,
            name=change.name or session.name,
            kind=change.kind or session.kind,
            kernel=_kernel(change.kernel_name) if change.kernel_name else session.kernel,
            etag=_new_etag(),
        )
        return changed

    async def end_session(self, session_id: str) -> None:
        await self.read_session(session_id)
        del self.sessions[session_id]


def _kernel(name: str | None) -> Kernel:
    if name is not None and name not in KERNELS:
        raise invalid("No such kernel.")
    return Kernel(uuid4().hex, name or KERNELS[0], "idle", datetime(2026, 11, 24, tzinfo=UTC), connections=1)


def _new_etag() -> ETag:
    return ETag(uuid4().hex)
