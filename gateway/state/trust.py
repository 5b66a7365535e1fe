"""Who vouched for which notebooks, in the state store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.state.store import StateStore, now, whole
from gateway.state.tables import vouchers

KEPT = timedelta(days=400)


class StateVouchers:
    """One row for each user and notebook, which expires long after it was last saved like this."""

    def __init__(self, store: StateStore, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock

    @whole
    async def add(self, owner: str, sha256: str) -> None:
        theirs = (vouchers.c.owner == owner) & (vouchers.c.sha256 == sha256)
        row = insert(vouchers).values(owner=owner, sha256=sha256, expires=self._clock() + KEPT)
        with suppress(IntegrityError):  # another save of the same has just said so
            async with self._store.transaction() as connection:
                await connection.execute(delete(vouchers).where(theirs))
                await connection.execute(row)

    @whole
    async def has(self, owner: str, sha256: str) -> bool:
        theirs = (vouchers.c.owner == owner) & (vouchers.c.sha256 == sha256)
        async with self._store.transaction() as connection:
            found = await connection.execute(select(vouchers.c.sha256).where(theirs))
            return found.first() is not None
