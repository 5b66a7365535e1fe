"""Real servers that many tests share: one of each for a whole run; every test takes a fresh place in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.demo.s3 import S3Server
from tests.fakes.jupyter import JupyterServer, running_jupyter
from tests.fakes.s3 import running_s3


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3_server() -> AsyncIterator[S3Server]:
    async with running_s3() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def jupyter_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[JupyterServer]:
    async with running_jupyter(tmp_path_factory.mktemp("jupyter")) as running:
        yield running
