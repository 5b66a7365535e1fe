"""The sockets of kernels and terminals: to the server that has them, with the query as it is (spec jupyter A6).

``session_id`` in it decides whose output is kept while the client is away.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import hdrs

from gateway.contents.model import Caller
from gateway.contents.operations import Services
from gateway.contents.problem import invalid, not_found
from gateway.contents.upstream import Destination
from gateway.dialects.dialect import Carry, Incoming, Route
from gateway.dialects.jupyter.compute.concealed import kernel_holder
from gateway.dialects.jupyter.compute.questions import id_of, terminal_of
from gateway.dialects.jupyter.passing import query_without_token


def channel_routes() -> tuple[Route, ...]:
    """The routes."""
    return (
        Route("GET", "/api/kernels/{kernel}/channels", kernel_channels),
        Route("GET", "/terminals/websocket/{terminal}", terminal_socket),
    )


@dataclass(frozen=True, slots=True)
class CarryToKernel:
    """``query`` is empty or begins with a question mark."""

    caller: Caller
    kernel_id: str
    query: str

    async def run(self, services: Services) -> Destination:
        server = await kernel_holder(services.servers.fleet(self.caller), self.kernel_id)
        return Destination(server.backend.upstream, f"/api/kernels/{self.kernel_id}/channels{self.query}")


@dataclass(frozen=True, slots=True)
class CarryToTerminal:
    """``query`` as of a kernel."""

    caller: Caller
    name: str
    query: str

    async def run(self, services: Services) -> Destination:
        fleet = services.servers.fleet(self.caller)
        if not fleet.servers:
            raise not_found("There is no terminal of that name.")
        server, name = fleet.meant(self.name)
        return Destination(server.backend.upstream, f"/terminals/websocket/{quote(name)}{self.query}")


async def kernel_channels(incoming: Incoming) -> Carry:
    """All channels of a kernel."""
    _check_handshake(incoming)
    return Carry(CarryToKernel(incoming.caller, id_of(incoming, "kernel"), _query(incoming)))


async def terminal_socket(incoming: Incoming) -> Carry:
    """A terminal's screen and keyboard."""
    _check_handshake(incoming)
    return Carry(CarryToTerminal(incoming.caller, terminal_of(incoming), _query(incoming)))


def _check_handshake(incoming: Incoming) -> None:
    if incoming.request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
        raise invalid("This URL is for WebSockets.")


def _query(incoming: Incoming) -> str:
    query = query_without_token(incoming.request.raw_path.partition("?")[2])
    return f"?{query}" if query else ""
