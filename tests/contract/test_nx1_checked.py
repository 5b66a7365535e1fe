"""The S3 adapter keeps the contract over stores that keep fewer conditions, or more, than moto does."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.contents.backend import Backend, Capability
from gateway.demo.s3 import S3Server
from tests.contract.suite import BackendContract
from tests.fakes.s3 import new_bucket, opened
from tests.fakes.s3_faults import wire_to


class TestNx1WithoutConditions(BackendContract):
    """What the gateway then checks itself, under its own lock, is no matter of the backend."""

    @pytest_asyncio.fixture
    async def backend(self, s3_server: S3Server) -> AsyncIterator[Backend]:
        async with wire_to(s3_server.endpoint_url) as wire:
            wire.ignores_conditions = True
            async with opened(new_bucket(s3_server, endpoint_url=wire.url)) as fresh:
                assert Capability.CONDITIONAL_WRITE not in fresh.capabilities
                yield fresh


class TestNx1WithConditionsOfCopies(BackendContract):
    @pytest_asyncio.fixture
    async def backend(self, s3_server: S3Server) -> AsyncIterator[Backend]:
        async with wire_to(s3_server.endpoint_url) as wire:
            wire.keeps_conditions_of_copies = True
            async with opened(new_bucket(s3_server, endpoint_url=wire.url)) as fresh:
                yield fresh
