"""The OCI dialect over a local folder behind the real road, and what speaks to it in tests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import aiohttp
from aiohttp import web
from yarl import URL

from adapters.local.backend import LocalBackend
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Caller, Credential, Document, Entry, Listing, Precondition, Written
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.service import Contents
from gateway.contents.sessions import Sessions
from gateway.contents.uploads import Uploads
from gateway.dialects.oci import COLLECTIONS, oci_dialect
from gateway.exporting.pool import ExportPool
from gateway.server.auth import Gatekeeper
from gateway.server.idempotency import RetryTokens
from gateway.server.middleware import Metrics, middlewares
from gateway.server.road import ROAD, Carrier, Road, RouteTable, travel
from tests.fakes.kernels import LocalBackendWithKernels
from tests.fakes.memory import MemoryBackend
from tests.fakes.sessions import MemoryUploadSessions
from tests.server.tokens import MemoryTokens
from tests.services import services_of

PLATFORM = "ocid1.aidataplatform.oc1.iad.test"
WORKSPACE = "ws-1"
CLOSED = "ws-closed"
CALLER = Caller("ada", Credential.SIGNATURE)
CONTENTS = f"/20260430/aiDataPlatforms/{PLATFORM}/workspaces/{WORKSPACE}/notebook/api/contents/"
FOLDER = "team"
CLOSED_OFF = ("closed", "read-only", "no-runners", "plain", "down", "broken")
"""Mounts that are not as they should be, each the folder of a workspace ``ws-NAME``."""

MAX_BODY_BYTES = 1 << 18
MAX_UPLOAD_BYTES = 1 << 17

NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# one"}],
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def etag(self) -> str:
        return self.headers["etag"]


@dataclass
class Oci:
    """A raw client: ``tail`` is the contentPath as it goes over the wire, ``value`` goes as JSON unless it is bytes."""

    session: aiohttp.ClientSession
    url: str
    root: Path
    kernels: LocalBackendWithKernels
    exports: Exports

    async def __call__(self, method: str, tail: str, value: object = None, **headers: str) -> Answer:
        return await self.send(method, CONTENTS + tail, value, **headers)

    async def send(self, method: str, target: str, value: object = None, **headers: str) -> Answer:
        body = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        url = URL(self.url + target, encoded=True)
        async with self.session.request(method, url, data=body, headers=sent) as response:
            return Answer(response.status, response.headers, await response.read())

    async def put_notebook(self, tail: str, **headers: str) -> Answer:
        return await self("PUT", tail, {"type": "notebook", "format": "json", "content": NOTEBOOK}, **headers)


class Failing(LocalBackend):
    """A store that fails whatever is asked of it."""

    def __init__(self, root: Path, error: Exception) -> None:
        super().__init__(root)
        self._error = error

    async def stat(self, path: ContentPath) -> Entry:
        raise self._error

    async def read(self, path: ContentPath) -> Document:
        raise self._error

    async def list(self, path: ContentPath) -> Listing:
        raise self._error

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        raise self._error


class Exports:
    """Makes pages as the gateway does, unless there is a ``problem``."""

    def __init__(self, pool: ExportPool) -> None:
        self.problem: Problem | None = None
        self._pool = pool

    async def html(self, title: str, notebook: bytes) -> str:
        if self.problem is not None:
            raise self.problem
        return await self._pool.html(title, notebook)


class Everyone:
    """Takes every request for the same caller's: signatures have tests of their own."""

    async def authenticate(self, _request: web.Request) -> Caller:
        return CALLER


@asynccontextmanager
async def running(root: Path, *, lists_directories: bool = False) -> AsyncIterator[Oci]:
    (root / FOLDER).mkdir()
    backend, pool = LocalBackendWithKernels(root), ExportPool()
    exports = Exports(pool)
    app = _app(backend, exports, root, lists_directories=lists_directories)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            yield Oci(session, f"http://127.0.0.1:{runner.addresses[0][1]}", root / FOLDER, backend, exports)
    finally:
        await pool.aclose()
        await runner.cleanup()


def _app(backend: LocalBackendWithKernels, exports: Exports, root: Path, *, lists_directories: bool) -> web.Application:
    nobody = frozenset[str]()
    mounts = Mounts(
        [
            Mount("files", backend),
            Mount("closed", backend, readers=nobody, writers=nobody, runners=nobody),
            Mount("read-only", backend, writers=nobody),
            Mount("no-runners", backend, runners=nobody),
            Mount("plain", LocalBackend(root)),
            Mount("down", Failing(root, Problem(Code.UNAVAILABLE, "The storage is down.", retry_after_seconds=7))),
            Mount("broken", Failing(root, RuntimeError("/secret/path"))),
        ]
    )
    tokens = RetryTokens(MemoryTokens())
    locks = ProcessLocks()
    contents, sessions = Contents(mounts, locks, tokens.vacated), Sessions(mounts, locks, tokens.vacated)
    uploads = Uploads(MemoryBackend(), MemoryUploadSessions(), ProcessLocks(), MAX_UPLOAD_BYTES)
    services = services_of(contents, uploads=uploads, sessions=sessions, exports=exports)
    workspaces = {
        (PLATFORM, WORKSPACE): ContentPath(("files", FOLDER)),
        **{(PLATFORM, f"ws-{name}"): ContentPath((name,)) for name in CLOSED_OFF},
    }
    dialect = oci_dialect(workspaces, generations=COLLECTIONS, lists_directories=lists_directories)
    table = RouteTable([dialect])
    app = web.Application(middlewares=middlewares(table.dialect_of, Metrics()), client_max_size=MAX_BODY_BYTES)
    app.router.add_route("*", r"/{tail:[\s\S]*}", travel)
    app[ROAD] = Road(table, Gatekeeper({Credential.SIGNATURE: Everyone()}), services, tokens, cast("Carrier", None))
    return app
