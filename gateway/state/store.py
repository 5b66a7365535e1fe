"""The state store: one engine, migrated when it is opened, closed once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from gateway.contents.problem import Code, Problem

MIGRATIONS = Path(__file__).parent / "migrations"
_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON")


class StateStore:
    """What the gateway's records live in; ``engine`` is for the modules of this package."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @classmethod
    async def open(cls, url: str) -> StateStore:
        """Connect to ``url`` and bring its schema up to date."""
        engine = _engine(url)
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
        return cls(engine)

    async def ping(self) -> None:
        """UNAVAILABLE when the database does not answer."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except OSError as error:
            raise Problem(Code.UNAVAILABLE, "The state store does not answer.") from error

    async def aclose(self) -> None:
        await self.engine.dispose()


def now() -> datetime:
    """The clock of every record."""
    return datetime.now(UTC)


def aware(date: datetime) -> datetime:
    """SQLite forgets the zone of a date; all dates here are UTC."""
    return date if date.tzinfo else date.replace(tzinfo=UTC)


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
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
