"""Real servers that many tests share, one of each for a whole run, and a watch for whatever blocks the event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from inspect import iscoroutinefunction
from pathlib import Path

import pytest
import pytest_asyncio
from blockbuster import blockbuster_ctx

from gateway.demo.s3 import S3Server
from tests.fakes.jupyter import JupyterServer, running_jupyter
from tests.fakes.s3 import running_s3

_WATCHED = frozenset({"adapters", "contract", "matrix"})
_MAY_BLOCK = {
    "adapters/nx1/store.py": {"_warm_session"},  # in a thread, with an event loop of its own for nobody else
    "adapters/oci/profile.py": {"load_credential"},  # once, when the gateway starts
    "gateway/app.py": {"_opened"},  # while the gateway starts and stops, nobody is served
    "gateway/state/store.py": {"_migrate"},  # the same; it runs in a greenlet, whose callers are out of sight
    "gateway/settings.py": {"load_settings"},  # before the event loop; only tests call it inside one
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3_server() -> AsyncIterator[S3Server]:
    async with running_s3() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def jupyter_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[JupyterServer]:
    async with running_jupyter(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_blocks_the_event_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """A call that waits in the event loop, from the gateway's or an adapter's code, fails the test."""
    folders = Path(request.node.path).relative_to(Path(__file__).parent).parts
    if _WATCHED.isdisjoint(folders) or not iscoroutinefunction(request.function):
        yield
        return
    with blockbuster_ctx(["gateway", "adapters"], excluded_modules=["gateway.demo"]) as detector:
        for function in detector.functions.values():
            for file, names in _MAY_BLOCK.items():
                function.can_block_in(file, names)
        yield
