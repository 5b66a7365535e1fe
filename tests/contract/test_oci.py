"""The OCI adapter keeps the contract, against the emulated workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from adapters.oci.backend import create
from gateway.contents.backend import Backend
from gateway.wire.client import UpstreamClient, open_session
from tests.contract.suite import BackendContract
from tests.fakes.workspace import CLUSTER_ID, running_workspace


class TestOci(BackendContract):
    cluster = CLUSTER_ID
    names_kernels = False

    @pytest_asyncio.fixture
    async def backend(self, tmp_path: Path) -> AsyncIterator[Backend]:
        async with running_workspace() as workspace, open_session() as session:
            client = UpstreamClient(session, max_body_bytes=64 << 20)
            fresh = create(client, **workspace.mount_options(tmp_path))
            await fresh.probe()
            yield fresh
            await fresh.aclose()
