"""Uploads under way, in the state store: which piece is expected next, on whichever replica."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.contents.problem import Code, Problem
from gateway.contents.uploads import UploadKey, UploadSession
from gateway.state.store import StateStore, now, whole
from gateway.state.tables import uploads

LIFETIME = timedelta(hours=24)


class StateUploadSessions:
    """Upload sessions as rows; one for each key."""

    def __init__(self, store: StateStore, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock

    @whole
    async def start(self, key: UploadKey) -> tuple[UploadSession, UploadSession | None]:
        session = UploadSession(uuid4().hex, 0, 0)
        values = {"id": session.id, "digest": key.digest, "received": 0, "size_bytes": 0}
        old = delete(uploads).where(uploads.c.digest == key.digest).returning(uploads)
        new = insert(uploads).values(**values, expires=self._clock() + LIFETIME)
        try:
            async with self._store.transaction() as connection:
                earlier = (await connection.execute(old)).one_or_none()
                await connection.execute(new)
        except IntegrityError:
            return await self.start(key)
        return session, _session(earlier) if earlier else None

    @whole
    async def find(self, key: UploadKey) -> UploadSession | None:
        async with self._store.transaction() as connection:
            query = select(uploads).where(uploads.c.digest == key.digest, uploads.c.expires > self._clock())
            row = (await connection.execute(query)).one_or_none()
        return _session(row) if row else None

    @whole
    async def advance(self, session: UploadSession, size_bytes: int) -> UploadSession:
        advanced = UploadSession(session.id, session.received + 1, session.size_bytes + size_bytes)
        unchanged = (uploads.c.id == session.id, uploads.c.received == session.received)
        values = {"received": advanced.received, "size_bytes": advanced.size_bytes, "expires": self._clock() + LIFETIME}
        async with self._store.transaction() as connection:
            done = await connection.execute(update(uploads).where(*unchanged).values(values))
        if not done.rowcount:
            raise Problem(Code.CONFLICT, "Another request has continued or ended this upload.")
        return advanced

    @whole
    async def finish(self, session: UploadSession) -> None:
        async with self._store.transaction() as connection:
            await connection.execute(delete(uploads).where(uploads.c.id == session.id))

    @whole
    async def expired(self) -> list[UploadSession]:
        old = uploads.c.expires <= self._clock()
        async with self._store.transaction() as connection:
            rows = await connection.execute(select(uploads).where(old))
            return [_session(row) for row in rows]


def _session(row: Row[Any]) -> UploadSession:
    return UploadSession(row.id, row.received, row.size_bytes)
