"""What every test with Oracle's clients needs."""

from __future__ import annotations

import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.demo.s3 import S3Server
from gateway.server.certificates import server_context, write_dev_certificate
from tests.compat.oracle_cli import OracleCli, running_forks
from tests.fakes.jupyter import JupyterServer
from tests.gateways import running_gateway, signing_key
from tests.matrix.stores import STORES, Servers


@pytest.fixture(autouse=True)
def oracles_connections_are_collected() -> Iterator[None]:
    """Oracle's client leaves the connections of refused requests to the garbage collector: it meets them here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


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
