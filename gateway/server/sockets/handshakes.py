"""Both handshakes of a channel: the upstream's, then the client's with the sub-protocol that the upstream chose."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from aiohttp import hdrs, web
from aiohttp._websocket.reader import WebSocketDataQueue  # what its two ends read from; public nowhere
from aiohttp.http import WS_KEY, WebSocketReader
from multidict import CIMultiDict
from yarl import URL

from gateway.contents.problem import Code, Problem, Source, invalid, not_found
from gateway.contents.upstream import Destination
from gateway.server.sockets.leg import Leg
from gateway.wire.client import CONNECT_SECONDS, refused_credential

RETRY_AFTER_SECONDS = 5
MAX_WAITING_BYTES = 1 << 16
"""How much of a socket is read ahead, a message at least; then its peer is held back."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_HANDSHAKE = "This is no valid WebSocket handshake."


@dataclass(frozen=True, slots=True)
class Opened:
    """The upstream's socket, the sub-protocol that it chose, and the answer that keeps its connection."""

    leg: Leg
    protocol: str | None
    response: aiohttp.ClientResponse

    def close(self) -> None:
        """Hang up, and give the connection back."""
        self.leg.cut()
        self.response.close()


def parse_offer(request: web.Request) -> tuple[str, ...]:
    """The sub-protocols that a client offers, in its order. INVALID unless the request is a WebSocket handshake."""
    names = [
        name.strip() for line in request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ()) for name in line.split(",")
    ]
    offer = tuple(name for name in names if name)
    if request.method != hdrs.METH_GET or not all(_TOKEN.fullmatch(name) for name in offer):
        raise invalid(_NO_HANDSHAKE)
    try:
        is_valid = bool(web.WebSocketResponse().can_prepare(_answered_with(request, None)))
    except ValueError as error:  # a key that is no base64, bytes that are no text
        raise invalid(_NO_HANDSHAKE) from error
    if not is_valid:
        raise invalid(_NO_HANDSHAKE)
    return offer


async def accept(
    request: web.Request, protocol: str | None, max_message_bytes: int
) -> tuple[web.WebSocketResponse, Leg]:
    """Complete the client's handshake. ConnectionResetError when the client is gone."""
    response = web.WebSocketResponse(
        protocols=(protocol,) if protocol else (),
        compress=False,
        decode_text=False,
        max_msg_size=max_message_bytes + 1,
    )
    await response.prepare(_answered_with(request, protocol))
    transport, reader = request.transport, response._reader  # noqa: SLF001  its own receive() closes as it likes
    if transport is None or reader is None:
        raise ConnectionResetError("The client is gone.")
    leg = Leg(reader, request.protocol, transport, keeps=response)
    request.protocol._data_received_cb = leg.hear  # noqa: SLF001  it can be given only along with aiohttp's heartbeat
    return response, leg


async def open_upstream(
    session: aiohttp.ClientSession,
    destination: Destination,
    offer: Sequence[str],
    user_agent: str,
    max_message_bytes: int,
    seconds: float,
) -> Opened:
    """Complete the upstream's handshake, for which it has so many seconds. No redirect is followed.

    NOT_FOUND, UPSTREAM (it refuses the gateway's credential), FORBIDDEN (it refuses the caller's own) or UNAVAILABLE.
    """
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    try:
        async with asyncio.timeout(seconds):
            response = await session.get(
                URL(destination.upstream.url + destination.target, encoded=True),
                headers=_headers(destination, offer, user_agent, key),
                allow_redirects=False,
                read_until_eof=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
            )
    except aiohttp.ClientError as error:
        raise _unavailable("The Jupyter server cannot be reached.") from error
    except TimeoutError as error:
        raise no_answer() from error
    try:
        protocol = _chosen(response, destination, offer, key)
        return Opened(_upstream_leg(response, max_message_bytes), protocol, response)
    except BaseException:
        response.close()
        raise


def no_answer() -> Problem:
    """The upstream took too long, or the gateway is about to stop."""
    return _unavailable("The Jupyter server did not answer in time.")


def _answered_with(request: web.Request, protocol: str | None) -> web.Request:
    """The request as if the client had offered what it is answered with, and nothing else.

    aiohttp would choose a sub-protocol itself, and log what was offered where there is none to choose.
    """
    headers = request.headers.copy()
    headers.popall(hdrs.SEC_WEBSOCKET_PROTOCOL, None)
    if protocol is not None:
        headers[hdrs.SEC_WEBSOCKET_PROTOCOL] = protocol
    return request.clone(headers=headers)


def _headers(destination: Destination, offer: Sequence[str], user_agent: str, key: str) -> CIMultiDict[str]:
    """All that the upstream hears: of the client's own headers only its offer and its name."""
    headers = CIMultiDict(destination.headers)
    headers.update(destination.upstream.headers)
    headers.update(
        {
            hdrs.UPGRADE: "websocket",
            hdrs.CONNECTION: "Upgrade",
            hdrs.SEC_WEBSOCKET_VERSION: "13",
            hdrs.SEC_WEBSOCKET_KEY: key,
        }
    )
    if offer:
        headers[hdrs.SEC_WEBSOCKET_PROTOCOL] = ", ".join(offer)
    if user_agent and user_agent.isascii():
        headers[hdrs.USER_AGENT] = user_agent
    return headers


def _chosen(response: aiohttp.ClientResponse, destination: Destination, offer: Sequence[str], key: str) -> str | None:
    match response.status:
        case 101:
            pass
        case 404:
            raise not_found("There is no such channel on the Jupyter server.")
        case 401 | 403 if destination.upstream.headers:
            raise refused_credential()
        case 401 | 403:
            raise Problem(Code.FORBIDDEN, "The Jupyter server does not let you in.", source=Source.UPSTREAM)
        case _:
            raise _unavailable("The Jupyter server does not open this channel.")
    accepted = base64.b64encode(hashlib.sha1(key.encode() + WS_KEY, usedforsecurity=False).digest()).decode()
    protocol = response.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL)
    if (
        response.headers.get(hdrs.UPGRADE, "").lower() != "websocket"
        or response.headers.get(hdrs.SEC_WEBSOCKET_ACCEPT) != accepted
        or hdrs.SEC_WEBSOCKET_EXTENSIONS in response.headers
        or (protocol is not None and protocol not in offer)
    ):
        raise _unavailable("The Jupyter server's handshake makes no sense.")
    return protocol


def _upstream_leg(response: aiohttp.ClientResponse, max_message_bytes: int) -> Leg:
    """What aiohttp's ws_connect makes of its answer, which would have followed redirects."""
    connection = response.connection
    if connection is None or connection.protocol is None or connection.transport is None:
        raise _unavailable("The Jupyter server broke off.")
    protocol, transport = connection.protocol, connection.transport
    reader = WebSocketDataQueue(protocol, MAX_WAITING_BYTES, loop=asyncio.get_running_loop())
    parser = WebSocketReader(reader, max_message_bytes + 1, compress=False, decode_text=False)
    protocol.read_timeout = None
    leg = Leg(reader, protocol, transport, keeps=parser, masks=True)
    protocol.set_parser(parser, reader, data_received_cb=leg.hear)
    return leg


def _unavailable(detail: str) -> Problem:
    return Problem(Code.UNAVAILABLE, detail, source=Source.UPSTREAM, retry_after_seconds=RETRY_AFTER_SECONDS)
