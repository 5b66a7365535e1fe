"""Checkpoints: saved states of one file (spec jupyter A3).

A store that keeps none has none: the list is empty and making one is forbidden. That is what JupyterLab understands;
over any other refusal it would not start the kernel of the notebook it has just opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from gateway.contents.model import Checkpoint
from gateway.contents.operations import (
    CreateCheckpoint,
    DeleteCheckpoint,
    ListCheckpoints,
    RestoreCheckpoint,
    Services,
)
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.dialects.dialect import Call, Carry, Endpoint, Incoming, Route, json_response
from gateway.dialects.jupyter import contents
from gateway.dialects.jupyter.answers import empty_answer, location
from gateway.dialects.jupyter.bodies import refuse_condition
from gateway.dialects.jupyter.methods import refusals
from gateway.dialects.jupyter.problems import Unconditional
from gateway.wire import json
from gateway.wire.dates import iso

ALL = "/api/contents/{path*}/checkpoints"
ONE = "/api/contents/{path*}/checkpoints/{checkpoint_id}"

_ID = re.compile(r"[\w-]+")


def checkpoint_routes() -> tuple[Route, ...]:
    """The routes. A PUT or DELETE of the collection is refused rather than taken for a file named ``checkpoints``."""
    return (
        Route("GET", ALL, list_checkpoints),
        Route("POST", ALL, create_checkpoint),
        *refusals(ALL, ("HEAD", "PUT", "PATCH", "DELETE"), allow=("GET", "POST")),
        Route("POST", ONE, _or_contents(restore_checkpoint, contents.post)),
        Route("DELETE", ONE, _or_contents(delete_checkpoint, contents.delete)),
    )


async def list_checkpoints(incoming: Incoming) -> Call[tuple[Checkpoint, ...]]:
    """Oldest first; none for a missing file or a directory."""
    listing = ListCheckpoints(incoming.caller, incoming.path())
    return Call(ListKept(listing.path, listing), _render_checkpoints)


async def create_checkpoint(incoming: Incoming) -> Call[Checkpoint]:
    refuse_condition(incoming)
    path = incoming.path()

    def render(checkpoint: Checkpoint) -> web.Response:
        headers = {"Location": f"{location(path)}/checkpoints/{checkpoint.id}"}
        return json_response(json.encode(_wire(checkpoint)), status=201, headers=headers)

    return Call(CreateKept(path, CreateCheckpoint(incoming.caller, path)), render)


async def restore_checkpoint(incoming: Incoming) -> Call[None]:
    refuse_condition(incoming)
    path = incoming.path()
    operation = RestoreCheckpoint(incoming.caller, path, incoming.text("checkpoint_id"))
    return Call(Unconditional(path, operation), empty_answer)


async def delete_checkpoint(incoming: Incoming) -> Call[None]:
    refuse_condition(incoming)
    return Call(DeleteCheckpoint(incoming.caller, incoming.path(), incoming.text("checkpoint_id")), empty_answer)


@dataclass(frozen=True, slots=True)
class ListKept:
    """The checkpoints; none where the store keeps none."""

    path: ContentPath
    operation: ListCheckpoints

    async def run(self, services: Services) -> tuple[Checkpoint, ...]:
        try:
            return await self.operation.run(services)
        except Problem as problem:
            if problem.code is not Code.UNSUPPORTED:
                raise
            return ()


@dataclass(frozen=True, slots=True)
class CreateKept:
    """A new checkpoint; FORBIDDEN where the store keeps none."""

    path: ContentPath
    operation: CreateCheckpoint

    async def run(self, services: Services) -> Checkpoint:
        try:
            return await self.operation.run(services)
        except Problem as problem:
            if problem.code is not Code.UNSUPPORTED:
                raise
            raise Problem(Code.FORBIDDEN, problem.detail) from problem


def _or_contents(of_checkpoint: Endpoint, of_contents: Endpoint) -> Endpoint:
    """What cannot be an id is a file in a folder named ``checkpoints``, such as ``model/checkpoints/last.pt``."""

    async def endpoint(incoming: Incoming) -> Call[Any] | Carry:
        captured = incoming.parameters
        if _ID.fullmatch(incoming.text("checkpoint_id")):
            return await of_checkpoint(incoming)
        path = f"{captured['path']}/checkpoints/{captured['checkpoint_id']}"
        return await of_contents(replace(incoming, parameters={"path": path}))

    return endpoint


def _render_checkpoints(checkpoints: tuple[Checkpoint, ...]) -> web.Response:
    return json_response(json.encode([_wire(checkpoint) for checkpoint in checkpoints]))


def _wire(checkpoint: Checkpoint) -> dict[str, str]:
    return {"id": checkpoint.id, "last_modified": iso(checkpoint.modified)}
