"""Files that are larger than the gateway carries keep the contract, too: here every file is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.jupyter.backend import create
from adapters.local.backend import LocalBackend
from adapters.oci import par
from gateway.contents.backend import Backend
from gateway.wire.client import UpstreamClient, open_session
from tests.adapters.oci_steps import standing
from tests.contract.streaming import StreamingContract
from tests.fakes.jupyter import JupyterServer


class TestLargeLocal(StreamingContract):
    @pytest.fixture
    async def backend(self, tmp_path: Path) -> AsyncIterator[Backend]:
        backend = LocalBackend(tmp_path, max_body_bytes=0)
        yield backend
        await backend.aclose()


class TestLargeJupyter(StreamingContract):
    @pytest_asyncio.fixture
    async def backend(self, jupyter_server: JupyterServer) -> AsyncIterator[Backend]:
        async with open_session() as session:
            yield create(UpstreamClient(session, max_body_bytes=0), **jupyter_server.new_folder())


class TestLargeOci(StreamingContract):
    @pytest.fixture(params=["through the API", "past the API"])
    async def backend(
        self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Backend]:
        if request.param == "past the API":
            monkeypatch.setattr(par, "LARGE_BYTES", 0)
        async with standing(tmp_path) as stand:
            yield stand.backend(max_body_bytes=0)
