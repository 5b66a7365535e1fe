"""Retry tokens in the state store: the primary key makes a claim atomic."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gateway.contents.paths import ContentPath
from gateway.contents.retry_tokens import (
    ABANDONED_SECONDS,
    MEMORY_SECONDS,
    Claimed,
    ClaimResult,
    Conflict,
    InProgress,
    Remembered,
    StoredAnswer,
    TokenKey,
)
from gateway.state.store import StateStore, now, whole
from gateway.state.tables import retry_tokens


class StateTokens:
    """Claims and answers as rows. ``expires`` ends a claim that nobody settles as well as an answer's memory."""

    def __init__(self, store: StateStore, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock

    @whole
    async def claim(self, key: TokenKey, fingerprint: str) -> ClaimResult:
        claim_id, moment = uuid4().hex, self._clock()
        values = {"fingerprint": fingerprint, "claim_id": claim_id}
        async with self._store.transaction() as connection:
            await connection.execute(delete(retry_tokens).where(*_of(key), retry_tokens.c.expires <= moment))
            row = (await connection.execute(select(retry_tokens).where(*_of(key)))).one_or_none()
        if row is not None:
            return _found(row, fingerprint)
        try:
            async with self._store.transaction() as connection:
                await connection.execute(
                    insert(retry_tokens).values(
                        owner=key.owner,
                        operation=key.operation,
                        token=key.token,
                        expires=moment + timedelta(seconds=ABANDONED_SECONDS),
                        **values,
                    )
                )
        except IntegrityError:
            return await self.claim(key, fingerprint)
        return Claimed(claim_id)

    @whole
    async def remember(self, key: TokenKey, claim_id: str, answer: StoredAnswer) -> None:
        values = {
            "status": answer.status,
            "headers": json.dumps(answer.headers),
            "body": answer.body,
            "made": None if answer.made is None else str(answer.made),
            "expires": self._clock() + timedelta(seconds=MEMORY_SECONDS),
        }
        async with self._store.transaction() as connection:
            mine = (*_of(key), retry_tokens.c.claim_id == claim_id)
            await connection.execute(update(retry_tokens).where(*mine).values(values))

    @whole
    async def invalidate(self, gone: ContentPath, owner: str | None) -> None:
        """By the fingerprint that no request has; comparing parts of texts, as LIKE folds case on some databases."""
        made, below = retry_tokens.c.made, f"{gone}/"
        touched = or_(made == str(gone), func.substr(made, 1, len(below)) == below)
        if owner is not None:
            touched = and_(touched, retry_tokens.c.owner == owner)
        async with self._store.transaction() as connection:
            await connection.execute(update(retry_tokens).where(touched).values(fingerprint=""))

    @whole
    async def forget(self, key: TokenKey, claim_id: str) -> None:
        async with self._store.transaction() as connection:
            await connection.execute(delete(retry_tokens).where(*_of(key), retry_tokens.c.claim_id == claim_id))


def _of(key: TokenKey) -> tuple[Any, Any, Any]:
    table = retry_tokens.c
    return table.owner == key.owner, table.operation == key.operation, table.token == key.token


def _found(row: Row[Any], fingerprint: str) -> ClaimResult:
    if row.fingerprint != fingerprint:
        return Conflict()
    if row.status is None:
        return InProgress()
    headers = tuple((name, value) for name, value in json.loads(row.headers))
    made = None if row.made is None else ContentPath(tuple(row.made.split("/")))
    return Remembered(StoredAnswer(row.status, headers, row.body, made))
