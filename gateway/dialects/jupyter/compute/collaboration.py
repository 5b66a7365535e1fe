"""Real-time collaboration: the home server's, on its own files; other stores offer none (spec jupyter C13)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.contents.model import Caller
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import not_found
from gateway.contents.upstream import Destination
from gateway.dialects.dialect import Carry, Incoming, Route
from gateway.dialects.jupyter.passing import query_without_token

SESSION = "/api/collaboration/session"


def collaboration_routes() -> tuple[Route, ...]:
    """The routes."""
    return (Route("PUT", f"{SESSION}/{{path*}}", join),)


@dataclass(frozen=True, slots=True)
class CarryToSession:
    """A file that several edit at once. NOT_FOUND where it is on another store than the home server's."""

    caller: Caller
    path: ContentPath
    query: str

    async def run(self, services: Services) -> Destination:
        home = services.servers.home(self.caller)
        address = None if self.path.is_hidden else home.own_address(self.path)
        if address is None:
            raise not_found("Files of this mount are not edited together.")
        services.contents.writable_place(self.caller, self.path)
        return Destination(home.backend.upstream, f"{SESSION}/{ContentPath.parse(address).url()}{self.query}")


async def join(incoming: Incoming) -> Carry:
    """PUT: whoever edits the file asks for the room."""
    query = query_without_token(incoming.request.raw_path.partition("?")[2])
    return Carry(CarryToSession(incoming.caller, incoming.path(), f"?{query}" if query else ""))
