"""The fixture of the Nx1 dialect's tests: a served dialect over an empty store and an empty registry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.state.store import StateStore
from tests.dialects.nx1.driving import Nx1, running


@pytest.fixture
async def nx1(tmp_path: Path) -> AsyncIterator[Nx1]:
    store = await StateStore.open(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    try:
        async with running(store) as served:
            yield served
    finally:
        await store.aclose()
