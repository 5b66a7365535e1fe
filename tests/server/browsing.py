"""A whole gateway with pages for browsers, raw requests to it, and what of them the server behind it saw."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict
from yarl import URL

from gateway.app import create_app
from gateway.server.listening import listening
from gateway.server.logs import configure
from gateway.settings import load_settings

TOKEN = "the-token-of-ada"
OTHER_TOKEN = "the-token-of-al"
SERVERS_TOKEN = "the-token-of-the-server"
SERVERS_COOKIE = "username-behind"
PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def location(self) -> str | None:
        return self.headers.get("Location")

    def cookies(self) -> dict[str, str]:
        """Name and value of each cookie that is set, and of one that is taken back the empty value."""
        pairs = (line.partition(";")[0].partition("=") for line in self.headers.getall("Set-Cookie", []))
        return {name: value.strip('"') for name, _, value in pairs}

    def attributes(self, cookie: str) -> set[str]:
        (line,) = (each for each in self.headers.getall("Set-Cookie", []) if each.startswith(f"{cookie}="))
        return {part.strip() for part in line.split(";")[1:]}


@dataclass(frozen=True, slots=True)
class Browser:
    """What somebody's browser holds after signing in."""

    cookies: Mapping[str, str]

    @property
    def login(self) -> tuple[str, str]:
        return next((name, value) for name, value in self.cookies.items() if name != "_xsrf")

    @property
    def xsrf(self) -> str:
        return self.cookies["_xsrf"]

    @property
    def cookie(self) -> dict[str, str]:
        """As a header."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    @property
    def shown(self) -> dict[str, str]:
        """The cookies, and ``_xsrf`` as Lab's pages show it."""
        return {**self.cookie, "X-XSRFToken": self.xsrf}


@dataclass(frozen=True, slots=True)
class Front:
    """The gateway, and the requests that reached the server behind it."""

    url: str
    base_path: str = ""
    seen: list[tuple[str, str, CIMultiDict[str]]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return self.url

    @property
    def host(self) -> str:
        return f"127.0.0.1:{URL(self.url).port}"

    async def ask(self, method: str, target: str, headers: Headers = (), body: bytes | None = None) -> Reply:
        """One request as it is given, below the base path; Host is the gateway's unless it is among ``headers``."""
        pairs = CIMultiDict(headers)
        pairs.setdefault("Host", self.host)
        pairs.add("Connection", "Upgrade" if "Upgrade" in pairs else "close")
        if body is not None:
            pairs["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in pairs.items())
        head = f"{method} {self.base_path}{target} HTTP/1.1\r\n{lines}\r\n"
        return await self.raw(head.encode("utf-8", "surrogateescape") + (body or b""))

    async def raw(self, request: bytes) -> Reply:
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(self.url).port)
        try:
            writer.write(request)
            async with asyncio.timeout(20):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
                headers = CIMultiDict((name, value) for name, _, value in lines)
                length = headers.get("Content-Length")
                has_none = request.startswith(b"HEAD ") or head.startswith("HTTP/1.1 101 ")
                body = b"" if has_none else await (reader.read() if length is None else reader.readexactly(int(length)))
        finally:
            writer.close()
        return Reply(int(head.split(" ", 2)[1]), headers, body)

    async def page(self, target: str, **headers: str) -> Reply:
        """Somebody goes there with a browser."""
        return await self.ask("GET", target, {"Accept": PAGE, **headers})

    async def sign_in(self, token: str = TOKEN, **headers: str) -> Browser:
        reply = await self.page(f"/lab?token={token}", **headers)
        assert reply.status == 302, reply
        return Browser(reply.cookies())

    async def submit(self, fields: str, headers: Headers | None = None) -> Reply:
        """The form, by default from the gateway's own page."""
        sent = {"Origin": self.origin} if headers is None else headers
        pairs = [*CIMultiDict(sent).items(), ("Accept", PAGE), ("Content-Type", "application/x-www-form-urlencoded")]
        return await self.ask("POST", "/login", pairs, fields.encode())

    async def socket(self, headers: Headers, target: str = "/socket") -> Reply:
        """A handshake; a channel that opens is cut at once."""
        handshake = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
        return await self.ask("GET", target, [*CIMultiDict(headers).items(), *handshake.items()])


@asynccontextmanager
async def running_front(
    folder: Path,
    *,
    login: str = "gateway",
    upstream: tuple[str, str] | None = None,
    identity: Mapping[str, Any] | None = None,
    readers: Sequence[str] = ("*",),
    runners: Sequence[str] = ("*",),
    **server: Any,
) -> AsyncIterator[Front]:
    """A gateway whose pages are those of ``upstream`` (address and token), or else of a server that keeps what it is
    asked; beside it a folder of this machine. ``server`` are settings of that section."""
    base_path = str(server.get("base_path", ""))
    seen: list[tuple[str, str, CIMultiDict[str]]] = []
    async with _behind(seen) as behind:
        url, token = upstream or (behind, SERVERS_TOKEN)
        (folder / "files").mkdir(exist_ok=True)
        values = {
            "server": server,
            "state": {"url": f"sqlite+aiosqlite:///{folder / 'state.db'}", "uploads_folder": str(folder / "uploads")},
            "mounts": [
                {"name": "files", "kind": "local", "folder": str(folder / "files"), "readers": readers},
                {"name": "lab", "kind": "jupyter", "url": url, "token": token, "runners": runners},
            ],
            "identity": identity or {"tokens": [granted("ada", TOKEN, "reader"), granted("al", OTHER_TOKEN)]},
            "jupyter": {"login": login},
        }
        app = create_app(load_settings(None, values))
        async with listening(app, "127.0.0.1", 0, shutdown_seconds=1) as at:
            seen.clear()
            yield Front(at, base_path, seen)


def granted(user: str, token: str, *roles: str) -> dict[str, Any]:
    return {"user": user, "token": token, "roles": list(roles)}


@contextmanager
def logged(level: str = "debug") -> Iterator[io.StringIO]:
    """Everything that is logged meanwhile, as the gateway writes it."""
    root = logging.getLogger()
    before, was = root.handlers[:], root.level
    configure("json", level)
    text = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(text)
    try:
        yield text
    finally:
        root.handlers[:] = before
        root.setLevel(was)


@asynccontextmanager
async def _behind(seen: list[tuple[str, str, CIMultiDict[str]]]) -> AsyncIterator[str]:
    """A server that says yes to everything, and gives everybody a cookie of its own."""

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append((request.method, request.raw_path, request.headers.copy()))
        if request.headers.get("Upgrade") == "websocket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.receive()
            return socket
        headers = {"Set-Cookie": f"{SERVERS_COOKIE}=theirs; Path=/"}
        return web.Response(text="<!doctype html><p>A page.", content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")
