"""What the tests of the OCI adapter share: backends over an emulated workspace, and faults to give it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from adapters.oci.backend import OciBackend, create
from gateway.contents.backend import Backend
from gateway.contents.paths import ContentPath
from gateway.wire.client import UpstreamClient, open_session
from tests.fakes.workspace import CURRENT, Generation, WorkspaceEmulator, running_workspace
from tests.fakes.workspace.tree import Node

NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
OTHER = b'{"cells": [], "metadata": {"a": 1}, "nbformat": 4, "nbformat_minor": 5}'
PATH = ContentPath.parse("a.ipynb")

Fault = Callable[[web.Request], web.Response | None]


@dataclass(frozen=True)
class Stand:
    """An emulated workspace, and a way to make backends over it: each remembers nothing of the others."""

    workspace: WorkspaceEmulator
    session: aiohttp.ClientSession
    folder: Path

    def backend(self, *, max_body_bytes: int = 64 << 20, **options: Any) -> OciBackend:
        client = UpstreamClient(self.session, max_body_bytes=max_body_bytes)
        named = {"generation": self.workspace.generation.version, **self.workspace.mount_options(self.folder)}
        backend = create(client, **(named | options))
        assert isinstance(backend, OciBackend)
        return backend

    def put(self, path: str, body: bytes | None) -> str:
        """Somebody else's change in the workspace; the etag."""
        return self.workspace.tree.put(("Workspace", *path.split("/")), body).etag

    def node(self, path: str) -> Node:
        return self.workspace.tree.get(("Workspace", *path.split("/")))

    def etag(self, path: str) -> str:
        return self.node(path).etag

    def stored(self, folder: str = "") -> dict[str, bytes | None]:
        """All that stands below the folder, by its path in it; a directory has no bytes."""
        top = ("Workspace", *filter(None, folder.split("/")))
        nodes = self.workspace.tree.nodes
        return {"/".join(each[len(top) :]): nodes[each].body for each in nodes if each[: len(top)] == top != each}

    def sent(self, *methods: str) -> list[str]:
        """The requests with these methods, as ``METHOD last-part-of-the-path``."""
        asked = [(method, target.partition("?")[0]) for method, target in self.workspace.requests]
        return [f"{method} {path.rpartition('/')[2]}" for method, path in asked if not methods or method in methods]


@asynccontextmanager
async def standing(folder: Path, generation: Generation = CURRENT) -> AsyncIterator[Stand]:
    async with running_workspace(generation=generation) as workspace, open_session() as session:
        yield Stand(workspace, session, folder)


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
