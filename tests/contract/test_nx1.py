"""The S3 adapter keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.contents.backend import Backend
from gateway.demo.s3 import S3Server
from tests.contract.suite import BackendContract
from tests.fakes.s3 import new_bucket, opened


class TestNx1(BackendContract):
    @pytest_asyncio.fixture
    async def backend(self, s3_server: S3Server) -> AsyncIterator[Backend]:
        async with opened(new_bucket(s3_server)) as fresh:
            yield fresh
