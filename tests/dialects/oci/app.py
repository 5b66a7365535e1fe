"""The OCI dialect over a local folder in the smallest app that can carry it, and what speaks to it in tests."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import aiohttp
from aiohttp import web
from yarl import URL

from adapters.local.backend import LocalBackend
from gateway.contents.apps import Apps
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Caller, Credential
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.contents.service import Contents
from gateway.contents.uploads import Uploads
from gateway.dialects.dialect import REQUEST_ID, Dialect, Incoming, Route
from gateway.dialects.oci import oci_dialect
from gateway.server.idempotency import RetryTokens
from tests.server.tokens import MemoryTokens

PLATFORM = "ocid1.aidataplatform.oc1.iad.test"
WORKSPACE = "ws-1"
CLOSED = "ws-closed"
CALLER = Caller("ada", Credential.SIGNATURE)
CONTENTS = f"/20260430/aiDataPlatforms/{PLATFORM}/workspaces/{WORKSPACE}/notebook/api/contents/"
FOLDER = "team"

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


@asynccontextmanager
async def running(root: Path) -> AsyncIterator[Oci]:
    (root / FOLDER).mkdir()
    runner = web.AppRunner(_app(root), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            yield Oci(session, f"http://127.0.0.1:{runner.addresses[0][1]}", root / FOLDER)
    finally:
        await runner.cleanup()


def _app(root: Path) -> web.Application:
    backend = LocalBackend(root)
    mounts = Mounts([Mount("files", backend), Mount("closed", backend, readers=frozenset(), writers=frozenset())])
    contents = Contents(mounts, ProcessLocks())
    services = Services(contents, cast("Apps", None), cast("Uploads", None))
    workspaces = {
        (PLATFORM, WORKSPACE): ContentPath(("files", FOLDER)),
        (PLATFORM, CLOSED): ContentPath(("closed",)),
    }
    dialect = oci_dialect(workspaces)
    tokens = RetryTokens(MemoryTokens())

    async def handle(request: web.Request) -> web.StreamResponse:
        request[REQUEST_ID] = request.headers.get("opc-request-id", uuid4().hex)
        try:
            response = await _answer(request, dialect, services, tokens)
        except Problem as problem:
            response = dialect.render_problem(problem)
        dialect.finish(request, response)
        return response

    app = web.Application()
    app.router.add_route("*", r"/{tail:[\s\S]*}", handle)
    return app


async def _answer(
    request: web.Request, dialect: Dialect, services: Services, tokens: RetryTokens
) -> web.StreamResponse:
    route, parameters = _matched(request, dialect)

    async def act() -> web.StreamResponse:
        call = await route.endpoint(Incoming(request, CALLER, parameters))
        return call.render(await call.operation.run(services))

    if not route.takes_retry_token:
        return await act()
    return await tokens.answer(request, CALLER, route.template, act)


def _matched(request: web.Request, dialect: Dialect) -> tuple[Route, dict[str, str]]:
    path, allowed = request.raw_path.partition("?")[0], []
    for route in dialect.routes:
        pattern = re.escape(route.template).replace(r"\{path\*\}", "(?P<path>.*)")
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
        if found := re.fullmatch(pattern, path):
            if route.method == request.method:
                return route, found.groupdict()
            allowed.append(route.method)
    if allowed:
        raise Problem(Code.METHOD_NOT_ALLOWED, "Not here.", allow=tuple(allowed))
    raise Problem(Code.NOT_FOUND, "There is nothing at this URL.", reason=Reason.NO_ROUTE)
