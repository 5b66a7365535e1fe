"""A fresh, empty place in a store of each kind, as the mount section of a configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.demo.s3 import S3Server
from tests.fakes.jupyter import JupyterServer
from tests.fakes.s3 import new_bucket
from tests.fakes.workspace import running_workspace

MountSection = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Servers:
    """What the stores of one run stand on."""

    s3: S3Server
    jupyter: JupyterServer


@asynccontextmanager
async def local(_servers: Servers, folder: Path) -> AsyncIterator[MountSection]:
    files = folder / "files"
    files.mkdir()
    yield {"kind": "local", "folder": str(files)}


@asynccontextmanager
async def nx1(servers: Servers, _folder: Path) -> AsyncIterator[MountSection]:
    yield {"kind": "nx1", **new_bucket(servers.s3)}


@asynccontextmanager
async def jupyter(servers: Servers, _folder: Path) -> AsyncIterator[MountSection]:
    yield {"kind": "jupyter", **servers.jupyter.new_folder()}


@asynccontextmanager
async def oci(_servers: Servers, folder: Path) -> AsyncIterator[MountSection]:
    async with running_workspace() as workspace:
        yield {"kind": "oci", **workspace.mount_options(folder)}


STORES: dict[str, Callable[[Servers, Path], AbstractAsyncContextManager[MountSection]]] = {
    "local": local,
    "nx1": nx1,
    "jupyter": jupyter,
    "oci": oci,
}
