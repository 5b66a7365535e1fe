"""The Jupyter adapter keeps the contract, against a real jupyter_server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.contents.backend import Backend
from tests.contract.suite import BackendContract
from tests.fakes.jupyter import JupyterServer, jupyter_server, opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[JupyterServer]:
    async with jupyter_server(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


class TestJupyter(BackendContract):
    @pytest_asyncio.fixture
    async def backend(self, server: JupyterServer) -> AsyncIterator[Backend]:
        async with opened(server.new_folder()) as fresh:
            yield fresh
