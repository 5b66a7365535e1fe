"""A fresh, empty store of each kind, as the mount section of a configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.demo.jupyter import run_jupyter
from gateway.demo.s3 import run_s3

MountSection = dict[str, Any]


@asynccontextmanager
async def local(folder: Path) -> AsyncIterator[MountSection]:
    files = folder / "files"
    files.mkdir()
    yield {"kind": "local", "folder": str(files)}


@asynccontextmanager
async def nx1(folder: Path) -> AsyncIterator[MountSection]:
    async with run_s3(folder) as s3:
        yield {
            "kind": "nx1",
            "bucket": "notebooks",
            "create_bucket": True,
            "endpoint_url": s3.endpoint_url,
            "region": s3.region,
            "access_key_id": s3.access_key_id,
            "secret_access_key": s3.secret_access_key,
        }


@asynccontextmanager
async def jupyter(folder: Path) -> AsyncIterator[MountSection]:
    root = folder / "upstream"
    root.mkdir()
    async with run_jupyter(root, token="upstream") as url:
        yield {"kind": "jupyter", "url": url, "token": "upstream"}


STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[MountSection]]] = {
    "local": local,
    "nx1": nx1,
    "jupyter": jupyter,
}
