"""An answer whose body comes piece by piece, and which breaks rather than ends when the rest of it does not come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from gateway.contents.problem import Problem
from gateway.dialects.dialect import REQUEST_ID

CLIENT_SECONDS = 300.0
"""So long a client may take for one piece: one that has gone to sleep holds a connection to the store."""

_log = structlog.get_logger(__name__)


class StreamedResponse(web.StreamResponse):
    """Sends ``first`` and then ``pieces``; ``close`` is called when that has ended, however it does.

    ``headers`` tell the length of the body, so that a client can see that it is not complete.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        first: bytes,
        pieces: AsyncGenerator[bytes, None],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(status=status, headers=headers)
        self._first = first
        self._pieces = pieces
        self._close = close

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._request_id, self._transport = request.get(REQUEST_ID, ""), request.transport
        try:
            return await super().prepare(request)
        except BaseException:
            await self._closed()
            raise

    async def write_eof(self, data: bytes = b"") -> None:
        """ConnectionError, upon which the server drops the connection, when the body cannot be sent whole."""
        try:
            await self._sent(self._first)
            async for piece in self._pieces:
                await self._sent(piece)
            await super().write_eof(data)
        except Problem as problem:
            _log.warning(
                "download broke off", request_id=self._request_id, code=problem.code.name, detail=problem.detail
            )
            raise ConnectionResetError(problem.detail) from problem
        except TimeoutError as error:
            assert self._transport is not None  # without one nothing waits
            self._transport.abort()  # what is still to be sent would keep it open for ever
            raise ConnectionResetError("The client takes nothing.") from error
        finally:
            await self._closed()

    async def _sent(self, piece: bytes) -> None:
        async with asyncio.timeout(CLIENT_SECONDS):
            await self.write(piece)

    async def _closed(self) -> None:
        try:
            await self._pieces.aclose()
        finally:
            await self._close()
