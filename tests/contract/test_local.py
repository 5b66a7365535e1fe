"""The local folder keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.local.backend import LocalBackend
from gateway.contents.backend import Backend
from tests.contract.suite import BackendContract


class TestLocal(BackendContract):
    @pytest.fixture
    async def backend(self, tmp_path: Path) -> AsyncIterator[Backend]:
        backend = LocalBackend(tmp_path)
        await backend.probe()
        yield backend
        await backend.aclose()
