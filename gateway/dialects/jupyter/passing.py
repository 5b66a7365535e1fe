"""What is the Jupyter server's own and goes through as it comes: pages, assets, settings, extensions and their sockets.

The caller's credential stays here: the gateway proves itself to the server.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.contents.model import Caller
from gateway.contents.operations import Services
from gateway.contents.paths import decode
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.contents.upstream import Destination
from gateway.dialects.dialect import Carry, Incoming

_NEVER = frozenset({"api/shutdown"})
"""Ends the server for everybody who uses it."""
_OWN = frozenset(
    {
        *(("api", each) for each in ("contents", "kernels", "kernelspecs", "sessions", "terminals")),
        ("terminals", "websocket"),
    }
)
"""How begins what the gateway answers itself: no other spelling of it leads past that."""


@dataclass(frozen=True, slots=True)
class CarryHome:
    """To the server whose pages the caller sees."""

    caller: Caller
    target: str

    async def run(self, services: Services) -> Destination:
        return Destination(services.servers.home(self.caller).backend.upstream, self.target)


async def carry_home(incoming: Incoming) -> Carry:
    """Any request that no other route takes."""
    return Carry(CarryHome(incoming.caller, target_of(incoming, incoming.parameters["tail"])))


def target_of(incoming: Incoming, tail: str) -> str:
    """``tail``, still encoded, with the request's query as a target for a server.

    INVALID when a path could lead out of what the server is for this caller; NOT_FOUND for what nobody may ask it.
    """
    names = decode(tail).split("/")
    if any(name in (".", "..") or "\\" in name or not _is_printable(name) for name in names):
        raise invalid("A path may not contain '.' or '..' segments, backslashes or control characters.")
    spoken = tuple(name for name in names if name)
    if "/".join(spoken) in _NEVER or spoken[:2] in _OWN:
        raise Problem(Code.NOT_FOUND, "There is nothing at this URL.", reason=Reason.NO_ROUTE)
    query = query_without_token(incoming.request.raw_path.partition("?")[2])
    return f"/{tail}?{query}" if query else f"/{tail}"


def query_without_token(query: str) -> str:
    """The query as it was sent, without the caller's credential in any spelling."""
    return "&".join(pair for pair in query.split("&") if pair and _name(pair) != "token")


def _name(pair: str) -> str:
    return decode(pair.partition("=")[0].replace("+", " "))


def _is_printable(name: str) -> bool:
    return all(" " <= letter != "\x7f" for letter in name)
