"""``/api/terminals``: list, start, look, end."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from gateway.contents.fleet import Fleet
from gateway.contents.model import Caller
from gateway.contents.operations import Services
from gateway.contents.problem import not_found
from gateway.contents.server import Server
from gateway.contents.upstream import Forward
from gateway.dialects.dialect import Call, Incoming, Route
from gateway.dialects.jupyter.bodies import optional_json
from gateway.dialects.jupyter.compute.answers import Model, Said, decoded, expected, raw, render_said, text_of
from gateway.dialects.jupyter.compute.questions import checked_terminal, folder_of, terminal_of
from gateway.wire import json

TERMINALS = "/api/terminals"
TERMINAL = "/api/terminals/{terminal}"


class TerminalBody(msgspec.Struct):
    """POST."""

    name: str | None = None
    cwd: str | None = None


def terminal_routes() -> tuple[Route, ...]:
    """The routes."""
    return (
        Route("GET", TERMINALS, list_terminals),
        Route("POST", TERMINALS, start),
        Route("GET", TERMINAL, get),
        Route("DELETE", TERMINAL, end),
    )


@dataclass(frozen=True, slots=True)
class ListTerminals:
    """Of all servers that have some: where they are switched off, the server answers 404."""

    caller: Caller

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        models = [
            _model(fleet, server, model)
            for server, answer in await fleet.ask_all(TERMINALS)
            if expected(answer, 200, 404).status == 200
            for model in decoded(answer.body, list[Model])
        ]
        return Said(200, json.encode(models))


@dataclass(frozen=True, slots=True)
class StartTerminal:
    """On the server that the name means, or on which ``cwd`` lies."""

    caller: Caller
    asked: TerminalBody

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        folder = folder_of(self.asked.cwd)
        server, name = fleet.meant(self.asked.name) if self.asked.name else (fleet.first, None)
        if name is None and folder is not None:
            server = fleet.holder_of(folder) or server
        cwd = server.top if folder is None else server.own_address(folder) or server.top
        sent = {key: value for key, value in (("name", name), ("cwd", cwd)) if value}
        answer = expected(await fleet.ask(server, Forward("POST", TERMINALS, json.encode(sent))), 200, 404)
        if answer.status == 404:
            raise not_found("The Jupyter server has no terminals.")
        return Said(200, json.encode(_model(fleet, server, decoded(answer.body, Model))))


@dataclass(frozen=True, slots=True)
class ActOnTerminal:
    caller: Caller
    name: str
    method: str

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        if not fleet.servers:
            raise not_found("There is no terminal of that name.")
        server, name = fleet.meant(self.name)
        answer = expected(await fleet.ask(server, Forward(self.method, f"{TERMINALS}/{quote(name)}")), 200, 204)
        if answer.status == 204:
            return Said(204)
        return Said(200, json.encode(_model(fleet, server, decoded(answer.body, Model))))


async def list_terminals(incoming: Incoming) -> Call[Said]:
    return Call(ListTerminals(incoming.caller), render_said)


async def start(incoming: Incoming) -> Call[Said]:
    """POST: ``{name?, cwd?}``; other fields would reach the program that is started, and are left out."""
    asked = await optional_json(incoming, TerminalBody) or TerminalBody()
    if asked.name:
        checked_terminal(asked.name)
    return Call(StartTerminal(incoming.caller, asked), render_said)


async def get(incoming: Incoming) -> Call[Said]:
    return Call(ActOnTerminal(incoming.caller, terminal_of(incoming), "GET"), render_said)


async def end(incoming: Incoming) -> Call[Said]:
    return Call(ActOnTerminal(incoming.caller, terminal_of(incoming), "DELETE"), render_said)


def _model(fleet: Fleet, server: Server, model: Model) -> Model:
    return model | {"name": raw(fleet.called(server, text_of(model, "name")))}
