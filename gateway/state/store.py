"""The state store: one engine, migrated when it is opened, closed once; and the one way to its transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, delete, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gateway.contents.problem import Code, Problem
from gateway.state.tables import locks, retry_tokens

MIGRATIONS = Path(__file__).parent / "migrations"

_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON")
_ONE_MIGRATOR = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(6247837)"}
"""What keeps replicas that start together from migrating together."""


class StateStore:
    """What the gateway's records live in; ``engine`` and ``transaction`` are for the modules of this package."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @classmethod
    async def open(cls, url: str) -> StateStore:
        """Connect to ``url`` and bring its schema up to date; UNAVAILABLE when it cannot be reached."""
        store = cls(_engine(url))
        async with AsyncExitStack() as stack:
            stack.push_async_callback(store.aclose)
            async with store.transaction() as connection:
                await connection.run_sync(_migrate)
            stack.pop_all()
        return store

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

    async def ping(self) -> None:
        """UNAVAILABLE when the database does not answer."""
        async with self.transaction() as connection:
            await connection.execute(text("SELECT 1"))

    async def sweep(self) -> None:
        """Forget what has expired and nobody will ask for again; correctness never waits for it."""
        moment = now()
        async with self.transaction() as connection:
            await connection.execute(delete(retry_tokens).where(retry_tokens.c.expires <= moment))
            await connection.execute(delete(locks).where(locks.c.expires <= moment))

    async def aclose(self) -> None:
        await self.engine.dispose()


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
