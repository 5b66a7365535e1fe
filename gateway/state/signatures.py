"""Signatures that were used, in the state store: the primary key makes each good for one use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from gateway.state.store import StateStore, now, whole
from gateway.state.tables import signatures


class StateSignatures:
    """Used signatures as rows. One that has expired and is not swept yet counts as used: nobody accepts it any more."""

    def __init__(self, store: StateStore, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock

    @whole
    async def claim(self, fingerprint: str, lifetime: timedelta) -> bool:
        """Whether this is its first use: of any number that claim at once exactly one hears so."""
        row = insert(signatures).values(fingerprint=fingerprint, expires=self._clock() + lifetime)
        try:
            async with self._store.transaction() as connection:
                await connection.execute(row)
        except IntegrityError:
            return False
        return True
