"""Carrying requests through to Jupyter servers, as they come: streamed both ways, by an allow-list of headers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from gateway.contents.problem import Code, Problem, Source
from gateway.contents.upstream import Destination
from gateway.sections import Server
from gateway.server.channels import Channels
from gateway.wire.client import open_session, refused_credential

ANSWER_SECONDS = 60.0
"""How long a server may take until its answer begins, after it has the whole request."""

_SENT = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Cache-Control",
    "Content-Encoding",
    "Content-Type",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Range",
    "User-Agent",
)
_GIVEN_BACK = (
    "Accept-Ranges",
    "Allow",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Range",
    "Content-Security-Policy",
    "Content-Type",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Vary",
    "X-Content-Type-Options",
)


class HttpCarrier:
    """Sends requests on and streams the answers back; the sockets among them are relayed by ``channels``."""

    def __init__(self, session: aiohttp.ClientSession, channels: Channels, base_path: str) -> None:
        self._session = session
        self._channels = channels
        self._base_path = base_path

    async def carry(self, request: web.Request, destination: Destination) -> web.StreamResponse:
        """UNAVAILABLE when the server cannot be reached or does not answer; nothing of it is told but its answer."""
        if _asks_for_socket(request):
            return await self._channels.join(request, destination)
        url = URL(destination.upstream.url + destination.target, encoded=True)
        headers = _kept(request.headers, _SENT)
        headers.update(destination.headers)
        headers.update(destination.upstream.headers)
        body = request.content.iter_any() if request.can_read_body else None
        sending = self._session.request(request.method, url, headers=headers, data=body, allow_redirects=False)
        try:
            async with asyncio.timeout(ANSWER_SECONDS) as deadline, sending as answer:
                deadline.reschedule(None)
                return await self._given_back(request, answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Problem(
                Code.UNAVAILABLE, "The Jupyter server cannot be reached.", source=Source.UPSTREAM, retry_after_seconds=5
            ) from error

    async def _given_back(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        if answer.status in (401, 403) and hdrs.WWW_AUTHENTICATE in answer.headers:
            raise refused_credential()
        response = web.StreamResponse(status=answer.status, headers=_kept(answer.headers, _GIVEN_BACK))
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
        return response

    async def shut_down(self) -> None:
        """Close every socket, so that its client comes back to whoever takes over."""
        await self._channels.close_all()


@asynccontextmanager
async def carrying(server: Server) -> AsyncIterator[HttpCarrier]:
    """A carrier with connections of its own: what it carries is as the server encoded it."""
    async with open_session(auto_decompress=False) as session:
        channels = Channels(session, max_message_bytes=server.max_message_bytes)
        yield HttpCarrier(session, channels, server.base_path)


def _kept(headers: CIMultiDict[str] | aiohttp.typedefs.LooseHeaders, names: tuple[str, ...]) -> CIMultiDict[str]:
    given = CIMultiDict(headers)
    return CIMultiDict((name, value) for name in names for value in given.getall(name, []))


def _asks_for_socket(request: web.Request) -> bool:
    return request.method == hdrs.METH_GET and request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
