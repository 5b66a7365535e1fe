"""``/api/sessions``: files on kernels. A file of any mount runs on a Jupyter server, and is found by its path."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.contents.fleet import Fleet
from gateway.contents.model import Caller
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, Source, invalid, not_found
from gateway.contents.server import Server
from gateway.contents.upstream import Forward, Forwarded
from gateway.dialects.dialect import Call, Incoming, Route
from gateway.dialects.jupyter.compute.answers import Model, Said, decoded, expected, not_started, render_said, text_of
from gateway.dialects.jupyter.compute.questions import (
    ROUTE_SECONDS,
    START_SECONDS,
    KernelFields,
    body_of,
    checked_id,
    id_of,
    is_spec_name,
)
from gateway.dialects.jupyter.compute.session_models import SessionBody, session_fields, session_model
from gateway.dialects.jupyter.compute.starting import check_kernel, chosen_server, running_session
from gateway.wire import json

SESSIONS = "/api/sessions"
SESSION = "/api/sessions/{session}"

_FAILED_START = (500, 501)


def session_routes() -> tuple[Route, ...]:
    """The routes."""
    return (
        Route("GET", SESSIONS, list_sessions),
        Route("POST", SESSIONS, start, seconds=ROUTE_SECONDS),
        Route("GET", SESSION, get),
        Route("PATCH", SESSION, change, seconds=ROUTE_SECONDS),
        Route("DELETE", SESSION, end),
    )


@dataclass(frozen=True, slots=True)
class ListSessions:
    """Of all servers, those whose path the caller may read."""

    caller: Caller

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        models = [
            session_model(fleet, server, model)
            for server, answer in await fleet.ask_all(SESSIONS)
            for model in decoded(expected(answer, 200).body, list[Model])
        ]
        return Said(200, json.encode([model for model in models if model is not None]))


@dataclass(frozen=True, slots=True)
class StartSession:
    """The session of the path: the one that is there already, or a new one."""

    caller: Caller
    path: ContentPath
    body: SessionBody
    fields: Model

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        async with fleet.alone(fleet.first, fleet.first.address(self.path)):
            model = await running_session(fleet, self.path) or await self._started(fleet)
        return Said(201, json.encode(model), f"{SESSIONS}/{text_of(model, 'id')}")

    async def _started(self, fleet: Fleet) -> Model:
        kernel = self.body.kernel or KernelFields()
        server, name = await chosen_server(fleet, self.path, kernel)
        sent = json.encode(session_fields(self.body, self.fields, server.address(self.path), name))
        answer = await fleet.ask(server, Forward("POST", SESSIONS, sent, START_SECONDS))
        if answer.status in _FAILED_START:
            raise not_started(kernel.name)
        return _shown(fleet, server, expected(answer, 201))


@dataclass(frozen=True, slots=True)
class GetSession:
    caller: Caller
    session_id: str

    async def run(self, services: Services) -> Said:
        _, _, model = await _found(services, self.caller, self.session_id)
        return Said(200, json.encode(model))


@dataclass(frozen=True, slots=True)
class ChangeSession:
    """Another path, name, type or kernel; ``path`` is the body's."""

    caller: Caller
    session_id: str
    path: ContentPath | None
    body: SessionBody
    fields: Model

    async def run(self, services: Services) -> Said:
        fleet, server, _ = await _found(services, self.caller, self.session_id)
        kernel = self.body.kernel or KernelFields()
        if kernel.id:
            await check_kernel(fleet, server, kernel.id)
        address = None if self.path is None else server.address(self.path)
        sent = json.encode(session_fields(self.body, self.fields, address, _name_there(fleet, server, kernel.name)))
        seconds = START_SECONDS if kernel.name else None
        answer = await fleet.ask(server, Forward("PATCH", f"{SESSIONS}/{self.session_id}", sent, seconds))
        if answer.status in _FAILED_START and kernel.name:
            raise not_started(kernel.name)
        return Said(200, json.encode(_shown(fleet, server, expected(answer, 200))))


@dataclass(frozen=True, slots=True)
class EndSession:
    """Its kernel ends, too. When that went first (410), all is as it was to be."""

    caller: Caller
    session_id: str

    async def run(self, services: Services) -> Said:
        fleet, server, _ = await _found(services, self.caller, self.session_id)
        expected(await fleet.ask(server, Forward("DELETE", f"{SESSIONS}/{self.session_id}")), 204, 410)
        return Said(204)


async def list_sessions(incoming: Incoming) -> Call[Said]:
    return Call(ListSessions(incoming.caller), render_said)


async def start(incoming: Incoming) -> Call[Said]:
    """POST: ``{path, type, name?, kernel?: {name} or {id}}``; in place of path and type ``{notebook: {path}}``."""
    body, fields = await body_of(incoming, SessionBody) or (None, {})
    if body is None or (place := body.place()) is None:
        raise invalid("The body must say the path of the session.")
    if body.type is None and body.notebook is None:
        raise invalid("The body must say the type of the session.")
    _check_kernel_fields(body)
    return Call(StartSession(incoming.caller, ContentPath.parse(place), body, fields), render_said)


async def get(incoming: Incoming) -> Call[Said]:
    return Call(GetSession(incoming.caller, id_of(incoming, "session")), render_said)


async def change(incoming: Incoming) -> Call[Said]:
    """PATCH: ``{path?, name?, type?, kernel?: {name} or {id}}``."""
    session_id = id_of(incoming, "session")
    body, fields = await body_of(incoming, SessionBody) or (None, {})
    if body is None:
        raise invalid("The request needs a JSON body.")
    _check_kernel_fields(body)
    place = body.place()
    path = None if place is None else ContentPath.parse(place)
    return Call(ChangeSession(incoming.caller, session_id, path, body, fields), render_said)


async def end(incoming: Incoming) -> Call[Said]:
    return Call(EndSession(incoming.caller, id_of(incoming, "session")), render_said)


def _check_kernel_fields(body: SessionBody) -> None:
    """A name that none can have is one that is not there."""
    if body.kernel is None:
        return
    if body.kernel.id:
        checked_id(body.kernel.id)
    if body.kernel.name and not is_spec_name(body.kernel.name):
        raise not_started(None)


async def _found(services: Services, caller: Caller, session_id: str) -> tuple[Fleet, Server, Model]:
    """The session as its caller knows it, and where it runs. NOT_FOUND for one whose path the caller may not read."""
    fleet = services.servers.fleet(caller)
    server, answer = await fleet.find(f"{SESSIONS}/{session_id}")
    model = session_model(fleet, server, decoded(answer.body, Model))
    if model is None:
        raise not_found("There is no session with that id.")
    return fleet, server, model


def _shown(fleet: Fleet, server: Server, answer: Forwarded) -> Model:
    model = session_model(fleet, server, decoded(answer.body, Model))
    if model is None:
        raise Problem(Code.UPSTREAM, "The Jupyter server answered with another session.", source=Source.UPSTREAM)
    return model


def _name_there(fleet: Fleet, server: Server, name: str | None) -> str | None:
    """The kernel's name on the server where the session is. UNSUPPORTED for a kernel of another server: a session with
    its id stays where it is."""
    if not name:
        return None
    other, bare = fleet.meant(name)
    if bare != name and other is not server:
        detail = "This session runs on another server. Shut it down, and start it with the other kernel."
        raise Problem(Code.UNSUPPORTED, detail, reason=Reason.KERNEL)
    return bare
