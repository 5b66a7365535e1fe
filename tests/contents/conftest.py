"""A state store, and a gateway over it whose moves can be cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.state.store import StateStore
from tests.contents.fickle import KEEN, Fickle, Stand, stand_over
from tests.contents.stand import SWEET, folder


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    opened = await StateStore.open(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    yield opened
    await opened.aclose()


@pytest.fixture(params=[SWEET, KEEN], ids=["checked", "native"])
def stand(request: pytest.FixtureRequest, tmp_path: Path, store: StateStore) -> Stand:
    source, target = (Fickle(folder(tmp_path / name), request.param) for name in ("source", "target"))
    return stand_over(store, source, target)
