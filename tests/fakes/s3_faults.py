"""A loopback proxy before an S3 server that counts what comes over the wire, and breaks what a test tells it to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from gateway.server.listening import listening

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]

_HOP_BY_HOP = ("Connection", "Expect", "Keep-Alive", "Transfer-Encoding")
_CONDITIONS = ("If-Match", "If-None-Match")


async def no_fault(request: web.Request) -> web.StreamResponse | None:
    return None


async def hang(request: web.Request) -> web.StreamResponse | None:
    await asyncio.sleep(60)
    return None


def no_loss(request: web.Request) -> bool:
    return False


@dataclass(slots=True)
class Wire:
    """``fault`` may answer in the store's place, or cut the connection; ``loses`` says whose answer never arrives
    though the store has done its work; ``counts`` holds requests per method."""

    url: str = ""
    fault: Fault = no_fault
    loses: Callable[[web.Request], bool] = no_loss
    ignores_conditions: bool = False
    keeps_conditions_only_unquoted: bool = False
    keeps_conditions_of_copies: bool = False
    counts: Counter[str] = field(default_factory=Counter)


@asynccontextmanager
async def wire_to(upstream: str) -> AsyncIterator[Wire]:
    """Run the proxy while the block does."""
    wire = Wire()
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            wire.counts[request.method] += 1
            body = await request.read()
            answer = await wire.fault(request)
            if answer is not None:
                return answer
            answer = await _forwarded(session, upstream, request, body, wire)
            return cut(request) if wire.loses(request) else answer

        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{tail:.*}", handle)
        async with listening(app, "127.0.0.1", 0, shutdown_seconds=0.1) as wire.url:
            yield wire


def cut(request: web.Request) -> web.StreamResponse:
    """Break the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def is_copy(request: web.Request) -> bool:
    return "x-amz-copy-source" in request.headers


def refusal(status: int, code: str) -> web.Response:
    """An error as S3 words it."""
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>secret-detail</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")


async def _forwarded(
    session: aiohttp.ClientSession, upstream: str, request: web.Request, body: bytes, wire: Wire
) -> web.StreamResponse:
    headers = CIMultiDict(request.headers)
    for name in _HOP_BY_HOP:
        headers.popall(name, None)
    if wire.ignores_conditions:
        for name in _CONDITIONS:
            headers.popall(name, None)
    if wire.keeps_conditions_only_unquoted and '"' in headers.get("If-Match", ""):
        return refusal(412, "PreconditionFailed")
    url = URL(upstream + request.raw_path, encoded=True)
    if wire.keeps_conditions_of_copies and is_copy(request) and "If-None-Match" in headers:
        async with session.head(url, headers={"Authorization": headers["Authorization"]}) as standing:
            if standing.status == 200:
                return refusal(412, "PreconditionFailed")
    async with session.request(
        request.method, url, headers=headers, data=BytesIO(body), skip_auto_headers=("User-Agent",)
    ) as got:
        kept = CIMultiDict(got.headers)
        for name in _HOP_BY_HOP:
            kept.popall(name, None)
        return web.Response(status=got.status, headers=kept, body=await got.read() or None)
