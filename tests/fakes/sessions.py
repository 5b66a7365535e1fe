"""Upload sessions remembered in memory, for tests that need no state store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import uuid4

from gateway.contents.model import Caller
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.uploads import UploadSession


@dataclass(slots=True)
class MemoryUploadSessions:
    """Sessions by caller and path; none ever expires."""

    sessions: dict[tuple[str, ContentPath], UploadSession] = field(default_factory=dict)

    async def start(self, caller: Caller, path: ContentPath) -> tuple[UploadSession, UploadSession | None]:
        earlier = self.sessions.get((caller.key, path))
        session = UploadSession(uuid4().hex, received=0, size_bytes=0)
        self.sessions[caller.key, path] = session
        return session, earlier

    async def find(self, caller: Caller, path: ContentPath) -> UploadSession | None:
        return self.sessions.get((caller.key, path))

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
