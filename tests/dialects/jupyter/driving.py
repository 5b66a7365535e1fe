"""The Jupyter dialect on loopback over a backend in memory: the shortest road from a request to its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from gateway.contents.backend import Backend
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Caller, Credential
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.operations import Services
from gateway.contents.problem import Code, Problem
from gateway.contents.servers import Servers
from gateway.contents.service import Contents
from gateway.contents.streams import Streams
from gateway.contents.trust import Trust
from gateway.contents.uploads import Uploads
from gateway.dialects.dialect import Call, Dialect, Incoming
from tests.fakes.memory import MemoryBackend
from tests.fakes.sessions import MemoryUploadSessions
from tests.services import MemoryVouchers, services_of

ADA = Caller("ada lovelace", Credential.TOKEN)
MAX_UPLOAD_BYTES = 1000
MAX_BODY_BYTES = 100_000

_CAPTURE = re.compile(r"\{(\w+)(\*?)\}")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. ``body`` is sent as JSON unless it is bytes."""

    method: str
    path: str
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def sent(self) -> bytes | None:
        return self.body if isinstance(self.body, bytes | None) else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Server:
    """Somewhere requests can be sent to."""

    session: aiohttp.ClientSession
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, ask: Ask) -> Answer:
        url = URL(self.url + ask.path, encoded=True)
        headers = {**self.headers, **ask.headers}
        async with self.session.request(
            ask.method, url, data=ask.sent, headers=headers, allow_redirects=False
        ) as response:
            return Answer(response.status, response.reason or "", response.headers, await response.read())


def dialect_app(dialect: Dialect, backend: Backend, caller: Caller = ADA) -> web.Application:
    """The dialect alone: every request comes from ``caller``, and ``backend`` is the root."""
    mounts, locks = Mounts([Mount("store", backend, is_root=True)]), ProcessLocks()
    contents = Contents(mounts, locks)
    uploads = Uploads(MemoryBackend(), MemoryUploadSessions(), ProcessLocks(), MAX_UPLOAD_BYTES)
    servers = Servers(mounts, None, locks)
    services = services_of(
        contents, trust=Trust(MemoryVouchers()), uploads=uploads, servers=servers, streams=Streams(mounts, locks)
    )

    async def travel(request: web.Request) -> web.StreamResponse:
        try:
            response = await _act(request, dialect, services, caller)
        except Problem as problem:
            response = dialect.render_problem(problem)
        dialect.finish(request, response)
        return response

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_route("*", r"/{tail:[\s\S]*}", travel)
    return app


async def _act(request: web.Request, dialect: Dialect, services: Services, caller: Caller) -> web.StreamResponse:
    path = request.raw_path.partition("?")[0]
    allowed: set[str] = set()
    for route in dialect.routes:
        found = re.fullmatch(_CAPTURE.sub(lambda c: f"(?P<{c[1]}>{'.*' if c[2] else '[^/]+'})", route.template), path)
        if found is None:
            continue
        if route.method != request.method:
            allowed.add(route.method)
            continue
        call = await route.endpoint(Incoming(request, caller, found.groupdict()))
        assert isinstance(call, Call)
        return call.render(await call.operation.run(services))
    if allowed:
        raise Problem(Code.METHOD_NOT_ALLOWED, "Not here.", allow=tuple(sorted(allowed)))
    raise Problem(Code.NOT_FOUND, "Nothing here.")
