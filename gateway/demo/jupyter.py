"""A real jupyter_server on loopback, in a process of its own, that leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.demo.processes import run_module

_RUNTIME = "runtime"
"""Where the server announces itself."""


@asynccontextmanager
async def run_jupyter(root: Path, *, token: str, port: int = 0, extra: Sequence[str] = ()) -> AsyncIterator[str]:
    """Serve ``root`` while the block runs and yield the server's URL. RuntimeError when it does not start.

    ``port`` 0 is a free one. ``extra`` are further arguments of the server. What it writes outside ``root``
    (configuration, runtime files, trust database, trash) goes to a folder that is removed at the end.
    """
    with TemporaryDirectory(prefix="nbgw-jupyter-") as own:
        arguments = [*_arguments(root, token, port), *extra]
        async with run_module(arguments, Path(own, _RUNTIME), _environment(Path(own))) as url:
            yield url


def _arguments(root: Path, token: str, port: int) -> list[str]:
    arguments = ["jupyter_server", "--no-browser", "--log-level=CRITICAL"]
    if os.geteuid() == 0:
        arguments.append("--allow-root")
    return [
        *arguments,
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
    ]


def _environment(own: Path) -> dict[str, str]:
    """The data home is where deleted files go: the demo must not fill its user's trash. Into the temporary folder go
    checkpoints of files whose folder is missing or closed, and there one user's would be in another's way."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": _RUNTIME,
        "XDG_DATA_HOME": "share",
        "IPYTHONDIR": "ipython",
        "TMPDIR": "temporary",
    }
    (own / folders["TMPDIR"]).mkdir()
    return {variable: str(own / folder) for variable, folder in folders.items()}
