"""``/api/kernels``: list, start, look, end, interrupt, restart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import chain

import msgspec

from gateway.contents.fleet import Fleet
from gateway.contents.model import Caller
from gateway.contents.operations import Services
from gateway.contents.problem import Code, Problem, invalid
from gateway.contents.server import Server
from gateway.contents.upstream import Forward, Forwarded
from gateway.dialects.dialect import Call, Incoming, Route
from gateway.dialects.jupyter.compute.answers import (
    Model,
    Said,
    decoded,
    expected,
    not_started,
    raw,
    render_said,
    text_of,
)
from gateway.dialects.jupyter.compute.concealed import concealed_kernels, kernel_holder, no_such_kernel
from gateway.dialects.jupyter.compute.kernelspecs import is_known
from gateway.dialects.jupyter.compute.questions import (
    ROUTE_SECONDS,
    START_SECONDS,
    body_of,
    checked_id,
    folder_of,
    id_of,
    is_spec_name,
)
from gateway.wire import json

KERNELS = "/api/kernels"
KERNEL = "/api/kernels/{kernel}"
LIST_AGAIN_SECONDS = 0.25


class KernelBody(msgspec.Struct):
    """POST."""

    name: str | None = None
    path: str | None = None
    kernel_id: str | None = None


def kernel_routes() -> tuple[Route, ...]:
    """The routes."""
    return (
        Route("GET", KERNELS, list_kernels),
        Route("POST", KERNELS, start, seconds=ROUTE_SECONDS),
        Route("GET", KERNEL, get),
        Route("DELETE", KERNEL, end),
        Route("POST", f"{KERNEL}/interrupt", interrupt),
        Route("POST", f"{KERNEL}/restart", restart, seconds=ROUTE_SECONDS),
    )


def kernel_model(fleet: Fleet, server: Server, model: Model) -> Model:
    """A kernel as the caller knows it."""
    return model | {"name": raw(fleet.called(server, text_of(model, "name")))}


@dataclass(frozen=True, slots=True)
class ListKernels:
    """Of all servers."""

    caller: Caller

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        models = await asyncio.gather(*(self._kernels(fleet, server) for server in fleet.servers))
        return Said(200, json.encode([*chain.from_iterable(models)]))

    @staticmethod
    async def _kernels(fleet: Fleet, server: Server) -> list[Model]:
        """A kernel is there before its session, so what is concealed is asked for last."""
        answer = await fleet.ask(server, Forward("GET", KERNELS))
        if answer.status == 500:  # jupyter_server's list fails for a moment while a kernel starts
            await asyncio.sleep(LIST_AGAIN_SECONDS)
            answer = await fleet.ask(server, Forward("GET", KERNELS))
        models = decoded(expected(answer, 200).body, list[Model])
        concealed = await concealed_kernels(fleet, server)
        return [kernel_model(fleet, server, model) for model in models if text_of(model, "id") not in concealed]


@dataclass(frozen=True, slots=True)
class StartKernel:
    """On the server that the name means. ``fields`` are the body's."""

    caller: Caller
    asked: KernelBody
    fields: Model

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        server, name = fleet.meant(self.asked.name) if self.asked.name else (fleet.first, None)
        if self.asked.kernel_id in await concealed_kernels(fleet, server):
            raise Problem(Code.CONFLICT, "A kernel with that id exists already.")
        fields = {key: value for key, value in self.fields.items() if key not in KernelBody.__struct_fields__}
        fields |= {"name": raw(name)} if name else {}
        fields |= {"kernel_id": raw(self.asked.kernel_id)} if self.asked.kernel_id else {}
        fields |= {"path": raw(self._folder(server))}
        answer = await fleet.ask(server, Forward("POST", KERNELS, json.encode(fields), START_SECONDS))
        if answer.status == 500:
            raise await self._refusal(fleet, server, name)
        model = kernel_model(fleet, server, decoded(expected(answer, 201).body, Model))
        return Said(201, json.encode(model), f"{KERNELS}/{text_of(model, 'id')}")

    def _folder(self, server: Server) -> str:
        """As the server has it, or its mount's own for what lies elsewhere."""
        path = folder_of(self.asked.path)
        return server.top if path is None else server.own_address(path) or server.top

    async def _refusal(self, fleet: Fleet, server: Server, name: str | None) -> Problem:
        """The server answers 500 for a name that it does not know, too."""
        if name is not None and not await is_known(fleet, server, name):
            return invalid("There is no kernel of that name.")
        return not_started(self.asked.name)


@dataclass(frozen=True, slots=True)
class ActOnKernel:
    """One request about one kernel, to the server that has it."""

    caller: Caller
    kernel_id: str
    method: str
    action: str = ""
    seconds: float | None = None

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        server = await kernel_holder(fleet, self.kernel_id)
        target = f"{KERNELS}/{self.kernel_id}{self.action}"
        answer = await fleet.ask(server, Forward(self.method, target, seconds=self.seconds))
        if answer.is_missing or (answer.status == 500 and not await self._is_there(fleet, server)):
            raise no_such_kernel()
        return self._said(fleet, server, expected(answer, 200, 204))

    def _said(self, fleet: Fleet, server: Server, answer: Forwarded) -> Said:
        if answer.status == 204:
            return Said(204)
        return Said(200, json.encode(kernel_model(fleet, server, decoded(answer.body, Model))))

    async def _is_there(self, fleet: Fleet, server: Server) -> bool:
        """The server answers 500 to the restart of a kernel that it does not have."""
        return not (await fleet.ask(server, Forward("GET", f"{KERNELS}/{self.kernel_id}"))).is_missing


async def list_kernels(incoming: Incoming) -> Call[Said]:
    return Call(ListKernels(incoming.caller), render_said)


async def start(incoming: Incoming) -> Call[Said]:
    """POST: ``{name?, path?, kernel_id?}``, or nothing at all for the usual kernel."""
    asked, fields = await body_of(incoming, KernelBody) or (KernelBody(), {})
    if asked.name and not is_spec_name(asked.name):
        raise invalid("There is no kernel of that name.")
    if asked.kernel_id:
        checked_id(asked.kernel_id)
    return Call(StartKernel(incoming.caller, asked, fields), render_said)


async def get(incoming: Incoming) -> Call[Said]:
    return Call(ActOnKernel(incoming.caller, id_of(incoming, "kernel"), "GET"), render_said)


async def end(incoming: Incoming) -> Call[Said]:
    return Call(ActOnKernel(incoming.caller, id_of(incoming, "kernel"), "DELETE"), render_said)


async def interrupt(incoming: Incoming) -> Call[Said]:
    return Call(ActOnKernel(incoming.caller, id_of(incoming, "kernel"), "POST", "/interrupt"), render_said)


async def restart(incoming: Incoming) -> Call[Said]:
    operation = ActOnKernel(incoming.caller, id_of(incoming, "kernel"), "POST", "/restart", START_SECONDS)
    return Call(operation, render_said)
