"""What every test with other people's clients needs."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.demo.s3 import S3Server
from gateway.server.certificates import server_context, write_dev_certificate
from tests.compat.oracle_cli import OracleCli, running_forks
from tests.fakes.jupyter import JupyterServer
from tests.gateways import Clients, running_gateway, signing_key
from tests.matrix.stores import STORES, Servers


@pytest.fixture(autouse=True)
def connections_are_collected() -> Iterator[None]:
    """Clients leave connections to the garbage collector, Oracle's those of refused requests: it meets them here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def notebooks(
    s3_server: S3Server, jupyter_server: JupyterServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Clients]:
    """A gateway for clients of Jupyter: a real server is its root, and a store of each other kind is a folder of it.

    It serves in the event loop of the session: tests run there too, and clients that block in threads.
    """
    folder = tmp_path_factory.mktemp("notebooks")
    async with AsyncExitStack() as stack:
        mounts = []
        for kind, store in STORES.items():
            mount = await stack.enter_async_context(store(Servers(s3_server, jupyter_server), folder))
            mounts.append({**mount, "name": kind, "root": kind == "jupyter"})
        yield await stack.enter_async_context(running_gateway(folder, mounts))


@pytest.fixture(scope="session")
def cli_forks() -> Iterator[Path]:
    with running_forks() as socket:
        yield socket


@pytest.fixture(params=list(STORES))
async def cli(
    request: pytest.FixtureRequest,
    s3_server: S3Server,
    jupyter_server: JupyterServer,
    cli_forks: Path,
    tmp_path: Path,
) -> AsyncIterator[OracleCli]:
    """Oracle's command line before a gateway over TLS, which stands on each of the stores."""
    authority, certificate, key = write_dev_certificate(tmp_path / "tls", [])
    home = tmp_path / "home"
    home.mkdir()
    async with (
        STORES[request.param](Servers(s3_server, jupyter_server), tmp_path) as mount,
        running_gateway(tmp_path, [{**mount, "name": "m"}], tls=server_context(certificate, key)) as gateway,
    ):
        yield OracleCli.at_home(home, gateway.url, authority, signing_key(), cli_forks)
