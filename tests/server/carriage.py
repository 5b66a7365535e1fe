"""A whole gateway in front of Jupyter servers, real and feigned, for tests of what it carries through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gateway.app import create_app
from gateway.contents.upstream import Destination, Upstream
from gateway.dialects.jupyter import jupyter_dialect
from gateway.sections import Server
from gateway.server.carrying.carrier import Deadlines, HttpCarrier, carrying
from gateway.server.listening import listening
from gateway.server.middleware import Metrics, middlewares
from gateway.settings import load_settings
from tests.gateways import TOKEN, USER

UPSTREAM_TOKEN = "upstream-token-0123456789"
AUTHORIZED = {"Authorization": f"token {TOKEN}"}
BROWSER = AUTHORIZED | {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Gateway:
    """``url`` is with the gateway's base path."""

    url: str
    session: aiohttp.ClientSession

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] = AUTHORIZED,
        data: Any = None,
    ) -> Answer:
        async with self.opened(method, path, headers, data) as response:
            return Answer(response.status, response.headers, await response.read())

    @asynccontextmanager
    async def opened(
        self, method: str, path: str, headers: Mapping[str, str] = AUTHORIZED, data: Any = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = URL(self.url + path, encoded=True)
        async with self.session.request(method, url, headers=headers, data=data, allow_redirects=False) as response:
            yield response

    async def raw(self, head: bytes, *, until: bytes = b"") -> bytes:
        """The whole answer, or its beginning ``until`` something, to a request that no library has touched; credential
        and end of the head are added."""
        at = URL(self.url)
        reader, writer = await asyncio.open_connection(at.host, at.port)
        try:
            writer.write(head + f"\r\nHost: h\r\nAuthorization: token {TOKEN}\r\nConnection: close\r\n\r\n".encode())
            return await asyncio.wait_for(reader.readuntil(until) if until else reader.read(), 10)
        finally:
            writer.close()


@asynccontextmanager
async def gateway_before(
    folder: Path, url: str, token: str | None = UPSTREAM_TOKEN, *, base_path: str = "", **server: Any
) -> AsyncIterator[Gateway]:
    """A gateway whose root is the Jupyter server at ``url``; ``server`` are settings of that section."""
    mount = {"name": "lab", "kind": "jupyter", "url": url, "root": True} | ({"token": token} if token else {})
    values = {
        "server": {"base_path": base_path, **server},
        "state": {"url": f"sqlite+aiosqlite:///{folder / 'state.db'}", "uploads_folder": str(folder / "uploads")},
        "mounts": [mount],
        "identity": {"tokens": [{"user": USER, "token": TOKEN}, {"user": "al@x.org", "token": "token-of-al"}]},
    }
    async with (
        listening(create_app(load_settings(None, values)), "127.0.0.1", 0, shutdown_seconds=1) as at,
        aiohttp.ClientSession(auto_decompress=False) as session,
    ):
        yield Gateway(at + base_path, session)


@asynccontextmanager
async def only_carrying(
    upstream: Upstream, deadlines: Deadlines | None = None, *, signs_in: bool = False, base_path: str = ""
) -> AsyncIterator[Gateway]:
    """No more of a gateway than what carries: every request goes to ``upstream``."""
    async with carrying(Server()) as usual:
        carrier = HttpCarrier(
            usual._session, usual._channels, base_path=base_path, max_body_bytes=1 << 20, deadlines=deadlines
        )

        async def carry(request: web.Request) -> web.StreamResponse:
            target = request.raw_path.removeprefix(base_path)
            return await carrier.carry(request, Destination(upstream, target, signs_in=signs_in))

        dialect = jupyter_dialect()
        app = web.Application(middlewares=middlewares(lambda _: dialect, Metrics(), base_path))
        app.router.add_route("*", "/{tail:.*}", carry)
        async with listening(app, "127.0.0.1", 0, shutdown_seconds=0.1) as url, aiohttp.ClientSession() as session:
            yield Gateway(url + base_path, session)


@dataclass
class Feigned:
    """A server that answers what the test says, and remembers what it was asked."""

    url: str = ""
    handle: Handle | None = None
    targets: list[str] = field(default_factory=list)
    headers: list[CIMultiDict[str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def meet(self, request: web.Request) -> web.StreamResponse:
        if request.path.startswith(f"{URL(self.url).path}/api/contents".replace("//", "/")):
            return web.json_response({"message": "not of this test"}, status=500)
        self.targets.append(request.raw_path)
        self.headers.append(request.headers.copy())
        self.asked.set()
        if self.handle is not None:
            return await self.handle(request)
        self.bodies.append(await request.read())
        return web.json_response({"method": request.method})

    def answers(
        self, body: bytes | str = b"", status: int = 200, more: Mapping[str, str] | None = None, **headers: str
    ) -> None:
        """From now on, to everything."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | dict(more or {})

        async def handle(_: web.Request) -> web.Response:
            return web.Response(body=body, status=status, headers=sent)

        self.handle = handle


@asynccontextmanager
async def feigned_server(base_path: str = "") -> AsyncIterator[Feigned]:
    feigned = Feigned()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", r"/{tail:[\s\S]*}", feigned.meet)
    async with listening(app, "127.0.0.1", 0, shutdown_seconds=0.1) as url:
        feigned.url = url + base_path
        yield feigned
