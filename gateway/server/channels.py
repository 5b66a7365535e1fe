"""WebSockets of Jupyter servers, relayed between their clients and them."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from gateway.contents.problem import Code, Problem
from gateway.contents.upstream import Destination


class Channels:
    """Joins clients with servers."""

    def __init__(self, session: aiohttp.ClientSession, *, max_message_bytes: int) -> None:
        self._session = session
        self._max_message_bytes = max_message_bytes

    async def join(self, request: web.Request, destination: Destination) -> web.WebSocketResponse:
        raise Problem(Code.UNSUPPORTED, "WebSockets are not relayed yet.")

    async def close_all(self) -> None:
        return None
