"""``/api/kernelspecs`` and the files of kernelspecs below ``/kernelspecs`` (spec jupyter A4).

The first server's specs have their own names; another one's have its mount's before them, and behind their titles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
import structlog

from gateway.contents.fleet import Fleet
from gateway.contents.model import Caller
from gateway.contents.operations import Services
from gateway.contents.problem import Problem, not_found
from gateway.contents.server import Server
from gateway.contents.upstream import Destination, Forward, Forwarded
from gateway.dialects.dialect import Call, Carry, Incoming, Route
from gateway.dialects.jupyter.compute.answers import Model, Said, decoded, expected, raw, render_said, text_of
from gateway.dialects.jupyter.compute.questions import spec_name_of
from gateway.dialects.jupyter.passing import target_of
from gateway.wire import json

SPECS = "/api/kernelspecs"
FILES = "/kernelspecs"
FILE = f"{FILES}/{{name}}/{{file*}}"

_log = structlog.get_logger(__name__)


class Specs(msgspec.Struct):
    """The list as it travels."""

    default: str
    kernelspecs: dict[str, Model]


def kernelspec_routes(base_path: str) -> tuple[Route, ...]:
    """The routes; ``base_path`` begins the addresses of files in the answers."""

    async def list_specs(incoming: Incoming) -> Call[Said]:
        return Call(ListSpecs(incoming.caller, base_path), render_said)

    async def get(incoming: Incoming) -> Call[Said]:
        return Call(GetSpec(incoming.caller, base_path, spec_name_of(incoming)), render_said)

    return (
        Route("GET", SPECS, list_specs),
        Route("GET", f"{SPECS}/{{name}}", get),
        Route("GET", FILE, get_file),
        Route("HEAD", FILE, get_file),
    )


async def is_known(fleet: Fleet, server: Server, name: str) -> bool:
    """Whether the server has a kernelspec of that name."""
    return (await fleet.ask(server, _question(name))).status == 200


@dataclass(frozen=True, slots=True)
class ListSpecs:
    """Of all servers; without those of a server that does not answer, unless it is the first one.

    What is missing can only not be started, which it could not be anyway.
    """

    caller: Caller
    base_path: str

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        default, specs = "", {}
        for server, found in await _listed(fleet):
            if server is fleet.first:
                default = fleet.called(server, found.default)
            for name, model in found.kernelspecs.items():
                specs[fleet.called(server, name)] = _model(fleet, server, model, self.base_path)
        return Said(200, json.encode(Specs(default, specs)))


@dataclass(frozen=True, slots=True)
class GetSpec:
    caller: Caller
    base_path: str
    name: str

    async def run(self, services: Services) -> Said:
        fleet = services.servers.fleet(self.caller)
        if not fleet.servers:
            raise not_found("There is no kernel of that name.")
        server, name = fleet.meant(self.name)
        answer = expected(await fleet.ask(server, _question(name)), 200)
        return Said(200, json.encode(_model(fleet, server, decoded(answer.body, Model), self.base_path)))


@dataclass(frozen=True, slots=True)
class CarryToSpec:
    """A file of a kernelspec, from the server that has it; ``file`` is path and query."""

    caller: Caller
    name: str
    file: str

    async def run(self, services: Services) -> Destination:
        fleet = services.servers.fleet(self.caller)
        if not fleet.servers:
            raise not_found("There is no kernel of that name.")
        server, name = fleet.meant(self.name)
        return Destination(server.backend.upstream, f"{FILES}/{quote(name, safe='')}{self.file}")


async def get_file(incoming: Incoming) -> Carry:
    """A logo, style or script."""
    return Carry(CarryToSpec(incoming.caller, spec_name_of(incoming), target_of(incoming, incoming.parameters["file"])))


async def _listed(fleet: Fleet) -> list[tuple[Server, Specs]]:
    found = []
    for server, answer in zip(fleet.servers, await fleet.ask_each(Forward("GET", SPECS)), strict=True):
        try:
            found.append((server, _specs(answer)))
        except Problem as problem:
            if server is fleet.first:
                raise
            _log.warning("the kernels of a server are left out", mount=server.mount.name, code=problem.code.name)
    return found


def _specs(answer: Forwarded | Problem) -> Specs:
    if isinstance(answer, Problem):
        raise answer
    return decoded(expected(answer, 200).body, Specs)


def _model(fleet: Fleet, server: Server, model: Model, base_path: str) -> Model:
    name = text_of(model, "name")
    called = fleet.called(server, name)
    folder = f"{base_path}{FILES}/{quote(called, safe='')}/"
    resources = decoded(model.get("resources", msgspec.Raw(b"{}")), dict[str, str])
    changed = {"name": raw(called), "resources": raw(dict(_resources(resources, folder)))}
    if called != name:
        changed["spec"] = raw(_titled(decoded(model.get("spec", msgspec.Raw(b"{}")), Model), server.mount.name))
    return model | changed


def _resources(resources: dict[str, str], folder: str) -> Iterator[tuple[str, str]]:
    """The server gives absolute paths with its own base path; one that is not of that form leads nowhere from here."""
    for key, address in resources.items():
        _, marker, tail = address.rpartition(f"{FILES}/")
        file = tail.partition("/")[2]
        if marker and file:
            yield key, folder + file


def _titled(spec: Model, mount: str) -> Model:
    return spec | {"display_name": raw(f"{text_of(spec, 'display_name')} ({mount})")}


def _question(name: str) -> Forward:
    return Forward("GET", f"{SPECS}/{quote(name, safe='')}")
