"""The state store: one engine, migrated when it is opened, closed once; and the one way to its transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import stamina
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, delete, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gateway.contents.problem import Code, Problem
from gateway.state.tables import locks, retry_tokens, signatures, signed_out, vouchers

P = ParamSpec("P")
R = TypeVar("R")

OPEN_ATTEMPTS = 8
MIGRATIONS = Path(__file__).parent / "migrations"

_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON")
_ONE_MIGRATOR = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(6247837)"}
"""What keeps replicas that start together from migrating together."""


def _may_pass(error: Exception) -> bool:
    return isinstance(error, Problem) and error.retryable


class StateStore:
    """What the gateway's records live in; ``engine`` and ``transaction`` are for the modules of this package."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._under_way: set[asyncio.Task[Any]] = set()

    @classmethod
    async def open(cls, url: str) -> StateStore:
        """Connect to ``url`` and bring its schema up to date; UNAVAILABLE when it cannot be reached."""
        store = cls(_engine(url))
        async with AsyncExitStack() as stack:
            stack.push_async_callback(store.aclose)
            await store._migrated()
            stack.pop_all()
        return store

    @stamina.retry(on=_may_pass, attempts=OPEN_ATTEMPTS, timeout=None, wait_initial=0.05, wait_max=0.5)
    async def _migrated(self) -> None:
        """Several times: SQLite does not wait in line while another process switches a fresh file to its journal."""
        async with self.transaction() as connection:
            await connection.run_sync(_migrate)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, whole or not at all; UNAVAILABLE when the database fails. IntegrityError is for the caller."""
        try:
            async with self.engine.begin() as connection:
                yield connection
        except (IntegrityError, ProgrammingError, DataError):
            raise
        except (DBAPIError, PoolTimeoutError, OSError) as error:
            raise Problem(Code.UNAVAILABLE, "The state store does not answer.", retry_after_seconds=5) from error

    def begun(self, work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """Start work that is finished whoever stops waiting for it; ``aclose`` waits for what is under way."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def ping(self) -> None:
        """UNAVAILABLE when the database does not answer."""
        await asyncio.shield(self.begun(self._ping()))

    async def sweep(self) -> None:
        """Forget what has expired and nobody will ask for again; correctness never waits for it."""
        await asyncio.shield(self.begun(self._sweep()))

    async def aclose(self) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self.engine.dispose()

    async def _ping(self) -> None:
        async with self.transaction() as connection:
            await connection.execute(text("SELECT 1"))

    async def _sweep(self) -> None:
        moment = now()
        async with self.transaction() as connection:
            for table in (retry_tokens, signatures, signed_out, vouchers, locks):
                await connection.execute(delete(table).where(table.c.expires <= moment))


class Stored(Protocol):
    """An object over a state store."""

    _store: StateStore


S = TypeVar("S", bound=Stored)


def whole(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Finish the method even when its caller is cancelled, who then learns nothing of how it went.

    A transaction cut off half-way keeps SQLite's write lock until its connection is collected (a test shows it).
    """

    @wraps(method)
    async def finishing(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.shield(self._store.begun(method(self, *args, **kwargs)))

    return finishing


def now() -> datetime:
    """The clock of every record."""
    return datetime.now(UTC)


def aware(date: datetime) -> datetime:
    """SQLite forgets the zone of a date; all dates here are UTC."""
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)


def _engine(url: str) -> AsyncEngine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True)
    engine = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0)
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(connection: Connection) -> None:
    if guard := _ONE_MIGRATOR.get(connection.dialect.name):
        connection.exec_driver_sql(guard)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
