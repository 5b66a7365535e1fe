"""Real Jupyter servers that the tests of this folder share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.dialects.jupyter.compute.upstreams import broken, server_with_kernels, working
from tests.fakes.jupyter import JupyterServer


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def upstream(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[JupyterServer]:
    """A server with a broken kernel."""
    folder = tmp_path_factory.mktemp("upstream")
    async with server_with_kernels(folder, kernels=broken("broken")) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def other_upstream(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[JupyterServer]:
    """One with a base path and a kernel that the first does not have."""
    folder = tmp_path_factory.mktemp("other")
    base = "--ServerApp.base_url=/user/x/"
    async with server_with_kernels(folder, base, kernels=working("special")) as server:
        yield server
