"""Locks that all replicas share: leases in the state store, renewed while they are held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError

from gateway.contents.locks import ProcessLocks
from gateway.contents.problem import Code, Problem
from gateway.state.store import StateStore, now
from gateway.state.tables import locks

LEASE_SECONDS = 30.0
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.05


class StateLocks:
    """One process competes once for each name: its own callers queue inside it first."""

    def __init__(self, store: StateStore) -> None:
        self._engine = store.engine
        self._local = ProcessLocks()

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        holder = uuid4().hex
        async with self._local.hold(name):
            await self._acquire(name, holder)
            renewal = asyncio.create_task(self._renew(name, holder))
            try:
                yield
            finally:
                renewal.cancel()
                with suppress(asyncio.CancelledError):
                    await renewal
                await asyncio.shield(self._release(name, holder))

    async def _acquire(self, name: str, holder: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await self._try(name, holder):  # noqa: ASYNC110  the holder may be another process
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise Problem(Code.UNAVAILABLE, "This file is busy; try again.", retry_after_seconds=1) from error

    async def _try(self, name: str, holder: str) -> bool:
        moment = now()
        lease = moment + timedelta(seconds=LEASE_SECONDS)
        try:
            async with self._engine.begin() as connection:
                await connection.execute(delete(locks).where(locks.c.name == name, locks.c.expires <= moment))
                await connection.execute(insert(locks).values(name=name, holder=holder, expires=lease))
        except IntegrityError:
            return False
        return True

    async def _renew(self, name: str, holder: str) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            mine = (locks.c.name == name, locks.c.holder == holder)
            lease = now() + timedelta(seconds=LEASE_SECONDS)
            async with self._engine.begin() as connection:
                await connection.execute(update(locks).where(*mine).values(expires=lease))

    async def _release(self, name: str, holder: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(delete(locks).where(locks.c.name == name, locks.c.holder == holder))
