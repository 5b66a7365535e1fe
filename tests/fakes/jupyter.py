"""A real jupyter_server for tests, and a fresh folder in it for each."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.jupyter.backend import create
from gateway.contents.backend import Backend
from gateway.demo.jupyter import run_jupyter
from gateway.wire.client import UpstreamClient, open_session

MAX_BODY_BYTES = 64 << 20
WITHOUT_PAGES = (
    "--ServerApp.jpserver_extensions=jupyterlab=False",
    "--ServerApp.jpserver_extensions=jupyter_lsp=False",
)
"""What the environment brings along for other tests, and takes a server seconds to start with."""
NO_TRASH = "--FileContentsManager.delete_to_trash=False"


@dataclass(frozen=True, slots=True)
class JupyterServer:
    """Where the server is, and the folder that it serves."""

    url: str
    root: Path
    token: str = field(repr=False)

    def new_folder(self) -> dict[str, Any]:
        """The options of a backend over an empty folder of the server."""
        name = f"test-{secrets.token_hex(6)}"
        (self.root / name).mkdir()
        return {"url": self.url, "token": self.token, "folder": name}


@asynccontextmanager
async def running_jupyter(root: Path, *extra: str, with_pages: bool = False) -> AsyncIterator[JupyterServer]:
    """By default without trash, so that it deletes no directory whole: the harder case; and without JupyterLab."""
    token = secrets.token_urlsafe(12)
    arguments = (*(extra or (NO_TRASH,)), *(() if with_pages else WITHOUT_PAGES))
    async with run_jupyter(root, token=token, extra=arguments) as url:
        yield JupyterServer(url, root, token)


@asynccontextmanager
async def opened(options: dict[str, Any], *, probed: bool = True) -> AsyncIterator[Backend]:
    """The backend, probed as at the gateway's start, closed with the block."""
    async with open_session() as session:
        backend = create(UpstreamClient(session, max_body_bytes=MAX_BODY_BYTES), **options)
        if probed:
            await backend.probe()
        yield backend
        await backend.aclose()
