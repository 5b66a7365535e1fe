"""What replicas must agree on about who is signed in with a browser: one secret, and who signed out."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from gateway.state.store import StateStore, now, whole
from gateway.state.tables import sign_in_secrets, signed_out

SECRET_BYTES = 32

_ONLY = 1


class StateSignIns:
    """The secret as the only row of its table. Who signed out is remembered until the sign-in would have ended."""

    def __init__(self, store: StateStore, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock

    @whole
    async def secret(self) -> bytes:
        """Made by whichever replica asks first, and the same for all ever after."""
        if (kept := await self._kept()) is not None:
            return kept
        made = secrets.token_bytes(SECRET_BYTES)
        row = insert(sign_in_secrets).values(id=_ONLY, secret=made, created=self._clock())
        try:
            async with self._store.transaction() as connection:
                await connection.execute(row)
        except IntegrityError:
            return await self.secret()
        return made

    @whole
    async def sign_out(self, id_: str, expires: datetime) -> None:
        """No longer accept that sign-in, which would have ended by itself at ``expires``."""
        try:
            async with self._store.transaction() as connection:
                await connection.execute(insert(signed_out).values(id=id_, expires=expires))
        except IntegrityError:
            return

    @whole
    async def is_signed_out(self, id_: str) -> bool:
        async with self._store.transaction() as connection:
            found = await connection.execute(select(signed_out.c.id).where(signed_out.c.id == id_))
        return found.one_or_none() is not None

    async def _kept(self) -> bytes | None:
        async with self._store.transaction() as connection:
            found = await connection.execute(select(sign_in_secrets.c.secret).where(sign_in_secrets.c.id == _ONLY))
        return found.scalar_one_or_none()
