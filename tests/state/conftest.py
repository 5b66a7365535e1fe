"""State stores on one SQLite file: one, or two that stand for two replicas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.state.store import StateStore


@dataclass
class Clock:
    """A clock that moves only when told to."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[StateStore]:
    opened = await StateStore.open(url)
    yield opened
    await opened.aclose()


@pytest.fixture
async def replica(store: StateStore, url: str) -> AsyncIterator[StateStore]:
    """A second store on the same file, opened after the first."""
    opened = await StateStore.open(url)
    yield opened
    await opened.aclose()
