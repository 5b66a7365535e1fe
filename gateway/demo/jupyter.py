"""A real jupyter_server on loopback, in a process of its own, that leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.demo.processes import free_port, run_module

_HOST = "127.0.0.1"


@asynccontextmanager
async def run_jupyter(root: Path, *, token: str, extra: Sequence[str] = ()) -> AsyncIterator[str]:
    """Serve ``root`` while the block runs and yield the server's URL. RuntimeError when it does not start.

    ``extra`` are further arguments of the server. What it writes outside ``root`` (configuration, runtime files, trust
    database, trash) goes to a folder that is removed at the end.
    """
    port = free_port()
    url = f"http://{_HOST}:{port}"
    with TemporaryDirectory(prefix="nbgw-jupyter-") as own:
        arguments = [*_arguments(root, port, token), *extra]
        async with run_module(arguments, f"{url}/api", _environment(Path(own))):
            yield url


def _arguments(root: Path, port: int, token: str) -> list[str]:
    arguments = ["jupyter_server", "--no-browser", "--log-level=CRITICAL"]
    if os.geteuid() == 0:
        arguments.append("--allow-root")
    return [
        *arguments,
        f"--ServerApp.ip={_HOST}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
    ]


def _environment(own: Path) -> dict[str, str]:
    """The data home is where deleted files go: the demo must not fill its user's trash."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "XDG_DATA_HOME": "share",
        "IPYTHONDIR": "ipython",
    }
    return {variable: str(own / folder) for variable, folder in folders.items()}
