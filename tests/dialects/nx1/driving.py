"""The Nx1 dialect in the smallest app that can carry it, and a client that can send any bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.contents.apps import AppType
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Caller, Credential
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.service import Contents
from gateway.dialects.dialect import Call, Incoming
from gateway.dialects.nx1 import nx1_dialect
from gateway.server.middleware import Metrics, middlewares
from gateway.server.road import RouteTable
from gateway.state.apps import StateApps
from gateway.state.store import StateStore
from tests.fakes.memory import File, MemoryBackend
from tests.services import services_of

MAX_UPLOAD_BYTES = 100_000
MANAGER = frozenset({"nx1_app_manager"})
ADA = Caller("ada", Credential.JWT, MANAGER)
BO = Caller("bo", Credential.JWT)
PLATFORM = Caller(None, Credential.PSK)

_DATE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def notebook(text: str = "# one", **changes: object) -> bytes:
    """A valid notebook, spelled as no program of ours would spell it."""
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": text}
    tree = {"nbformat_minor": 5, "nbformat": 4, "metadata": {}, "cells": [cell]} | changes
    return json.dumps(tree, indent=3, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Part:
    """One part of a multipart body; ``parameters`` is what follows ``form-data;``, byte for byte."""

    parameters: bytes
    body: bytes = field(default_factory=notebook)

    def encoded(self) -> bytes:
        return b"Content-Disposition: form-data; " + self.parameters + b"\r\n\r\n" + self.body


@dataclass
class Nx1:
    """Speaks raw HTTP/1.1, so that nothing is repaired on the way. ``caller`` is who the app takes us for."""

    host: str
    port: int
    backend: MemoryBackend
    caller: Caller = ADA

    async def send(
        self, method: str, target: str, body: bytes = b"", *, content_type: str = "application/json"
    ) -> Answer:
        headers = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        return await self.raw(f"{method} {target} HTTP/1.1\r\n{headers}".encode(), body)

    async def json(self, method: str, target: str, value: object) -> Answer:
        return await self.send(method, target, json.dumps(value).encode())

    async def raw(self, head: bytes, body: bytes, *, cut_off: bool = False) -> Answer:
        """Send the head as it is, ``Host`` and ``Connection`` added. ``cut_off`` says that nothing more will come."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(head + b"Host: test\r\nConnection: close\r\n\r\n" + body)
            if cut_off:
                writer.write_eof()
            return _answer(await reader.read())
        finally:
            writer.close()

    async def upload(self, *parts: Part) -> Answer:
        return await self.send("POST", "/api/notebooks", multipart(*parts), content_type=MULTIPART)

    async def upload_file(self, name: str, body: bytes | None = None) -> Answer:
        return await self.upload(file_part(name, notebook() if body is None else body))

    def stored(self, key: str) -> bytes:
        return self.backend.files[ContentPath.parse(key)].body

    def store(self, key: str, body: bytes) -> None:
        """Put a file into the bucket behind the gateway's back."""
        path = ContentPath.parse(key)
        for length in range(1, len(path.segments)):
            self.backend.directories.setdefault(ContentPath(path.segments[:length]), _DATE)
        self.backend.files[path] = File(body, _DATE, _DATE)

    async def version(self, type_: str = "notebook_pipeline", *, name: str | None = None) -> str:
        """A new app with one version, whose id is returned."""
        app = (await self.json("POST", "/api/app", {"app_name": name or uuid4().hex, "app_type": type_})).json()
        made = await self.json("POST", f"/api/app/{app['id']}/versions", {"version_name": "1.0"})
        return str(made.json()["id"])

    async def attach(self, version_id: str, key: str) -> Answer:
        return await self.json("PUT", f"/api/app/versions/{version_id}/notebook", {"s3_key": key})


BOUNDARY = "b-o-u-n-d-a-r-y"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def multipart(*parts: Part) -> bytes:
    delimiter = b"--" + BOUNDARY.encode()
    return b"".join(delimiter + b"\r\n" + part.encoded() + b"\r\n" for part in parts) + delimiter + b"--\r\n"


def file_part(name: str, body: bytes) -> Part:
    return Part(b'name="file"; filename="' + name.encode() + b'"', body)


def refused(answer: Answer, status: int) -> str:
    """Assert a refusal in Nx1's words; validation faults come only with 422."""
    body = answer.json()
    assert (answer.status, body["code"]) == (status, status)
    assert set(body) <= {"error", "code", "detail"}
    assert "detail" not in body or status == 422
    assert answer.headers["Content-Type"].startswith("application/json")
    return str(body["error"])


def of_size(size: int) -> bytes:
    """A valid notebook of that many bytes."""
    body = notebook("")
    return body + b" " * (size - len(body))


@asynccontextmanager
async def running(store: StateStore, backend: MemoryBackend | None = None) -> AsyncIterator[Nx1]:
    backend = backend or MemoryBackend()
    dialect = nx1_dialect(
        "work",
        notebook_app_types=frozenset({AppType.NOTEBOOK_PIPELINE, AppType.FULL_PIPELINE}),
        max_upload_bytes=MAX_UPLOAD_BYTES,
    )
    table = RouteTable([dialect])
    contents = Contents(Mounts([Mount("work", backend, homes=True)]), ProcessLocks())
    services = services_of(contents, apps=StateApps(store))
    callers: list[Nx1] = []

    async def travel(request: web.Request) -> web.StreamResponse:
        match = table.match(request.method, request.raw_path)
        call = await match.route.endpoint(Incoming(request, callers[0].caller, match.parameters))
        assert isinstance(call, Call)
        return call.render(await call.operation.run(services))

    app = web.Application(middlewares=middlewares(table.dialect_of, Metrics()))
    app.router.add_route("*", r"/{tail:[\s\S]*}", travel)
    async with TestServer(app, host="127.0.0.1") as server:
        callers.append(Nx1("127.0.0.1", server.port or 0, backend))
        yield callers[0]


def _answer(received: bytes) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return Answer(int(lines[0].split()[1]), headers, body)
