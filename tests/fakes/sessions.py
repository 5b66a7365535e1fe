"""Upload sessions remembered in memory, for tests that need no state store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import uuid4

from gateway.contents.problem import Code, Problem
from gateway.contents.uploads import UploadKey, UploadSession


@dataclass(slots=True)
class MemoryUploadSessions:
    """Sessions by key; none ever expires."""

    sessions: dict[UploadKey, UploadSession] = field(default_factory=dict)

    async def start(self, key: UploadKey) -> tuple[UploadSession, UploadSession | None]:
        earlier = self.sessions.get(key)
        session = UploadSession(uuid4().hex, received=0, size_bytes=0)
        self.sessions[key] = session
        return session, earlier

    async def find(self, key: UploadKey) -> UploadSession | None:
        return self.sessions.get(key)

    async def advance(self, session: UploadSession, size_bytes: int) -> UploadSession:
        for key, current in self.sessions.items():
            if current == session:
                advanced = replace(session, received=session.received + 1, size_bytes=session.size_bytes + size_bytes)
                self.sessions[key] = advanced
                return advanced
        raise Problem(Code.CONFLICT, "The upload was continued by another request.")

    async def finish(self, session: UploadSession) -> None:
        self.sessions = {key: each for key, each in self.sessions.items() if each.id != session.id}

    async def expired(self) -> list[UploadSession]:
        return []
