"""Locks that all replicas share: leases in the state store, renewed while they are held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import structlog
from sqlalchemy import ColumnElement, delete, insert, update
from sqlalchemy.exc import IntegrityError

from gateway.contents.locks import ProcessLocks
from gateway.contents.problem import Code, Problem
from gateway.state.store import StateStore, now
from gateway.state.tables import locks

LEASE_SECONDS = 30.0
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.05

_log = structlog.get_logger()


class StateLocks:
    """One process competes once for each name: its own callers queue inside it first."""

    def __init__(
        self, store: StateStore, *, lease_seconds: float = LEASE_SECONDS, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._store = store
        self._local = ProcessLocks()
        self._lease_seconds = lease_seconds
        self._patience_seconds = patience_seconds

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        lease = _Lease(self._store, name, self._lease_seconds)
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._patience_seconds):
                    await stack.enter_async_context(self._local.hold(name))
                    stack.push_async_callback(self._end, lease)
                    await lease.acquire()
            except TimeoutError as error:
                raise Problem(Code.UNAVAILABLE, "This file is busy; try again.", retry_after_seconds=1) from error
            yield

    async def _end(self, lease: _Lease) -> None:
        """Give the lease back even when the holder is cancelled meanwhile."""
        await asyncio.shield(self._store.begun(lease.end()))


class _Lease:
    """One row that says who holds a name and until when."""

    def __init__(self, store: StateStore, name: str, seconds: float) -> None:
        self._store = store
        self._name = name
        self._holder = uuid4().hex
        self._seconds = seconds
        self._ended = asyncio.Event()
        self._attempt: asyncio.Task[bool] | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def acquire(self) -> None:
        """Wait for the name to be free and take it."""
        while not await self._tried():  # noqa: ASYNC110  the holder may be another process, which sets no event here
            await asyncio.sleep(POLL_SECONDS)
        self._renewal = self._store.begun(self._renew())

    async def end(self) -> None:
        """Release what was taken, if anything was; a store that fails now lets the lease run out by itself."""
        self._ended.set()
        if pending := [task for task in (self._attempt, self._renewal) if task is not None]:
            await asyncio.wait(pending)
        try:
            async with self._store.transaction() as connection:
                await connection.execute(delete(locks).where(*self._row))
        except Problem as problem:
            _log.warning("a lock could not be released and will expire", lock=self._name, detail=problem.detail)

    async def _tried(self) -> bool:
        self._attempt = self._store.begun(self._try())
        return await asyncio.shield(self._attempt)

    async def _try(self) -> bool:
        moment = now()
        expires = moment + timedelta(seconds=self._seconds)
        try:
            async with self._store.transaction() as connection:
                await connection.execute(delete(locks).where(locks.c.name == self._name, locks.c.expires <= moment))
                await connection.execute(insert(locks).values(name=self._name, holder=self._holder, expires=expires))
        except IntegrityError:
            return False
        return True

    async def _renew(self) -> None:
        while not await self._ends_within(self._seconds / 3):
            expires = now() + timedelta(seconds=self._seconds)
            try:
                async with self._store.transaction() as connection:
                    done = await connection.execute(update(locks).where(*self._row).values(expires=expires))
            except Problem as problem:
                _log.warning("a lock could not be renewed", lock=self._name, detail=problem.detail)
            else:
                if not done.rowcount:
                    _log.error("a lock ran out while it was held", lock=self._name)
                    return

    async def _ends_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except TimeoutError:
            return False
        return True

    @property
    def _row(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return locks.c.name == self._name, locks.c.holder == self._holder
