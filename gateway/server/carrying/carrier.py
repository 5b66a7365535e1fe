"""Carrying requests through to Jupyter servers, as they come: streamed both ways, by an allow-list of headers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

import aiohttp
import structlog
from aiohttp import hdrs, web
from yarl import URL

from gateway.contents.problem import Code, Problem, Source
from gateway.contents.upstream import Destination
from gateway.sections import Server
from gateway.server.carrying.answering import fault_page, given_back
from gateway.server.carrying.crossing import asks_for_page, upward
from gateway.server.carrying.sending import Upload, too_large
from gateway.server.middleware import DIALECT
from gateway.server.road import BODY_SECONDS
from gateway.server.sockets.channels import Channels, channel_session
from gateway.wire.client import NO_ANSWER, open_session

LOOK_SECONDS = 1.0

_READS = (hdrs.METH_GET, hdrs.METH_HEAD)
_OURS = (hdrs.ACCEPT, hdrs.CONTENT_TYPE, hdrs.USER_AGENT)
"""What aiohttp would say where a client says nothing."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may take to send a whole body; and a server, which has the whole request, until its answer
    begins. To install an extension, or to build Lab, takes minutes."""

    body_seconds: float = BODY_SECONDS
    read_seconds: float = 60.0
    write_seconds: float = 300.0


class HttpCarrier:
    """Sends requests on and streams the answers back; the sockets among them are relayed by ``channels``."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        channels: Channels,
        *,
        base_path: str,
        max_body_bytes: int,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._session = session
        self._channels = channels
        self._base_path = base_path
        self._max_body_bytes = max_body_bytes
        self._deadlines = deadlines or Deadlines()
        self._under_way: WeakValueDictionary[int, web.Request] = WeakValueDictionary()

    async def carry(self, request: web.Request, destination: Destination) -> web.StreamResponse:
        """The server's answer. A browser is told of faults of the server in a page.

        UNAVAILABLE when the server cannot be reached or does not answer, UPSTREAM when it refuses the gateway or fails,
        TOO_LARGE or INVALID for a body that is too long or too slow.
        """
        if _asks_for_socket(request):
            return await self._channels.join(request, destination)
        try:
            return await self._carried(request, destination)
        except Problem as problem:
            if problem.code.value < 500 or not asks_for_page(request):
                raise
            _log.warning("request failed", code=problem.code.name, detail=problem.detail)
            return fault_page(problem, request[DIALECT].render_problem(problem))

    async def shut_down(self) -> None:
        """Close every socket, so that its client comes back to whoever takes over."""
        await self._channels.close_all()

    async def leave_with_clients(self) -> None:
        """Break off whatever is carried for a client that has gone: a server may be silent for hours."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for request in tuple(self._under_way.values()):
                if request.transport is None and request.task is not None:
                    request.task.cancel()

    async def _carried(self, request: web.Request, destination: Destination) -> web.StreamResponse:
        self._under_way[id(request)] = request
        answer = await self._asked(request, destination)
        try:
            return await given_back(request, destination, answer, self._base_path)
        except BaseException:
            answer.close()
            raise

    async def _asked(self, request: web.Request, destination: Destination) -> aiohttp.ClientResponse:
        if (request.content_length or 0) > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        is_read = request.method in _READS
        seconds = self._deadlines.read_seconds if is_read else self._deadlines.write_seconds
        upload = None
        try:
            async with asyncio.timeout(None) as deadline:
                if not request.can_read_body:
                    _start(deadline, seconds)
                    return await self._answered(request, destination, None, repeats=is_read)
                upload = Upload(
                    request.content,
                    max_bytes=self._max_body_bytes,
                    seconds=self._deadlines.body_seconds,
                    when_sent=lambda: _start(deadline, seconds),
                )
                return await self._answered(request, destination, upload, repeats=False)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise (upload and upload.fault) or _unreachable() from error

    async def _answered(
        self, request: web.Request, destination: Destination, upload: Upload | None, *, repeats: bool
    ) -> aiohttp.ClientResponse:
        """A read is asked for once more when its connection broke before an answer: it may have been an old one."""
        url = URL(destination.upstream.url + destination.target, encoded=True)
        headers = upward(request, destination)
        try:
            return await self._session.request(
                request.method, url, headers=headers, data=upload and upload.pieces(), allow_redirects=False
            )
        except NO_ANSWER:
            if not repeats:
                raise
            return await self._session.request(request.method, url, headers=headers, allow_redirects=False)


@asynccontextmanager
async def carrying(server: Server) -> AsyncIterator[HttpCarrier]:
    """A carrier with connections of its own: as many as there are clients, each of which waits for one answer. What it
    carries is as the server encoded it."""
    session = open_session(
        auto_decompress=False, max_connections=0, max_connections_per_host=0, skip_auto_headers=_OURS
    )
    async with session, channel_session() as sockets:
        channels = Channels(sockets, max_message_bytes=server.max_message_bytes)
        carrier = HttpCarrier(session, channels, base_path=server.base_path, max_body_bytes=server.max_body_bytes)
        watching = asyncio.create_task(carrier.leave_with_clients())
        try:
            yield carrier
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


def _start(deadline: asyncio.Timeout, seconds: float) -> None:
    """The server has the whole request. It may have answered before that."""
    with suppress(RuntimeError):
        deadline.reschedule(asyncio.get_running_loop().time() + seconds)


def _unreachable() -> Problem:
    detail = "The Jupyter server cannot be reached."
    return Problem(Code.UNAVAILABLE, detail, source=Source.UPSTREAM, retry_after_seconds=5)


def _asks_for_socket(request: web.Request) -> bool:
    return request.method == hdrs.METH_GET and request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
