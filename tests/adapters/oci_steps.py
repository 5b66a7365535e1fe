"""What the tests of the OCI adapter share: backends over an emulated workspace, and faults to give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from adapters.oci.backend import create
from gateway.contents.backend import Backend
from gateway.contents.paths import ContentPath
from gateway.wire.client import UpstreamClient
from tests.fakes.workspace import WorkspaceEmulator

NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
OTHER = b'{"cells": [], "metadata": {"a": 1}, "nbformat": 4, "nbformat_minor": 5}'
PATH = ContentPath.parse("a.ipynb")


def backend_of(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, temporary: Path, **options: Any
) -> Backend:
    client = UpstreamClient(session, max_body_bytes=1 << 20)
    return create(client, **(workspace.mount_options(temporary) | options))


async def names_of(backend: Backend, path: ContentPath = ContentPath.ROOT) -> list[str]:
    return sorted(entry.name for entry in (await backend.list(path)).entries)


def failing(status: int, body: str, times: int = 1, method: str = "GET") -> Any:
    """A fault that answers the first calls of a method with this status."""
    left = [times]

    def fault(request: web.Request) -> web.Response | None:
        if request.method != method or not left[0]:
            return None
        left[0] -= 1
        return web.Response(status=status, text=body, content_type="application/json")

    return fault
