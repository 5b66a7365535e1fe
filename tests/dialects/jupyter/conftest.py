"""The dialect under test, and the real jupyter_server it is compared with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from gateway.dialects.jupyter import jupyter_dialect
from tests.dialects.jupyter.driving import Server, dialect_app
from tests.fakes.jupyter import WITHOUT_PAGES
from tests.fakes.memory import MemoryBackend

TOKEN = "reference"
STARTED = datetime(2026, 11, 21, 2, 42, 25, 683618, tzinfo=UTC)
START_SECONDS = 30.0


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def dialect(backend: MemoryBackend, session: aiohttp.ClientSession) -> AsyncIterator[Server]:
    """The dialect over ``backend``."""
    async with TestServer(dialect_app(jupyter_dialect(started=STARTED), backend)) as server:
        yield Server(session, str(server.make_url("")).rstrip("/"))


@pytest.fixture(scope="session")
def reference_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real jupyter_server on an ephemeral port, in folders of its own."""
    folder = tmp_path_factory.mktemp("reference")
    runtime, root = folder / "runtime", folder / "root"
    for each in (runtime, root):
        each.mkdir()
    environment = os.environ | {
        "HOME": str(folder),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(folder),
        "JUPYTER_DATA_DIR": str(folder),
        "IPYTHONDIR": str(folder),
    }
    options = ["ip=127.0.0.1", "port=0", f"root_dir={root}", "open_browser=False", "allow_root=True"]
    command = [sys.executable, "-m", "jupyter_server", *(f"--ServerApp.{each}" for each in options)]
    with subprocess.Popen(
        [*command, f"--IdentityProvider.token={TOKEN}", *WITHOUT_PAGES],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield _url_when_up(process, runtime)
        finally:
            process.terminate()


@pytest.fixture
def reference(reference_url: str, session: aiohttp.ClientSession) -> Server:
    return Server(session, reference_url, {"Authorization": f"token {TOKEN}"})


def _url_when_up(process: subprocess.Popen[bytes], runtime: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        for file in runtime.glob("jpserver-*.json"):
            with suppress(json.JSONDecodeError):  # caught while it is being written
                return str(json.loads(file.read_text())["url"]).rstrip("/")
        time.sleep(0.05)
    pytest.fail("the reference jupyter_server did not start")
