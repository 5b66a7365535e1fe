"""Jupyter servers with kernels of known names, and gateways before them."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.jupyter import JupyterServer, running_jupyter

LOGO = b"\x89PNG\r\n\x1a\n"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"

_WORKING = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
_BROKEN = ("/no/such/program", "{connection_file}")


@asynccontextmanager
async def server_with_kernels(
    folder: Path, *extra: str, kernels: Mapping[str, tuple[str, ...]]
) -> AsyncIterator[JupyterServer]:
    """A server whose root is ``folder/root``; beside ``python3`` it has ``kernels``, by name."""
    root, data = folder / "root", folder / "data"
    root.mkdir(parents=True)
    for name, command in kernels.items():
        add_kernel(data, name, command)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JUPYTER_PATH", str(data))
        async with running_jupyter(root, *extra) as server:
            yield server


def add_kernel(data: Path, name: str, command: tuple[str, ...]) -> None:
    """A kernelspec with a logo."""
    folder = data / "kernels" / name
    folder.mkdir(parents=True)
    spec = {"argv": list(command), "display_name": name.title(), "language": "python", "metadata": {"x": 1}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    (folder / "logo-64x64.png").write_bytes(LOGO)


def working(*names: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(names, _WORKING)


def broken(*names: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(names, _BROKEN)


def jupyter_mount(name: str, server: JupyterServer, **options: Any) -> dict[str, Any]:
    return {"name": name, "kind": "jupyter", "url": server.url, "token": server.token, **options}
