"""The S3 adapter keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.contents.backend import Backend
from gateway.demo.s3 import S3Server
from tests.contract.suite import BackendContract
from tests.fakes.s3 import new_bucket, opened, s3_server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[S3Server]:
    async with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


class TestNx1(BackendContract):
    @pytest_asyncio.fixture
    async def backend(self, server: S3Server) -> AsyncIterator[Backend]:
        async with opened(new_bucket(server)) as fresh:
            yield fresh
