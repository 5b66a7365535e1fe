"""The fixtures of the Nx1 dialect's tests: a served dialect over an empty store and an empty registry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.state.store import StateStore
from tests.dialects.nx1.driving import Nx1, running


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    opened = await StateStore.open(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    yield opened
    await opened.aclose()


@pytest.fixture
async def nx1(store: StateStore) -> AsyncIterator[Nx1]:
    async with running(store) as served:
        yield served
