"""The Jupyter adapter keeps the contract, against a real jupyter_server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.contents.backend import Backend
from tests.contract.suite import BackendContract
from tests.fakes.jupyter import JupyterServer, opened


class TestJupyter(BackendContract):
    @pytest_asyncio.fixture
    async def backend(self, jupyter_server: JupyterServer) -> AsyncIterator[Backend]:
        async with opened(jupyter_server.new_folder()) as fresh:
            yield fresh
