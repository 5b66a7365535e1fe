"""The routes of contents, and POST, PATCH and DELETE (spec jupyter A3)."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from gateway.contents.model import Entry, Kind
from gateway.contents.naming import is_extension
from gateway.contents.operations import CopyInto, CreateUntitled, Delete, Move, Stat
from gateway.contents.paths import ContentPath
from gateway.contents.problem import invalid
from gateway.dialects.dialect import Call, Incoming, Route
from gateway.dialects.jupyter.answers import changed_answer, empty_answer, made_answer
from gateway.dialects.jupyter.bodies import (
    NewBody,
    RenameBody,
    kind_named,
    optional_json,
    refuse_condition,
    required_json,
    visible,
)
from gateway.dialects.jupyter.problems import Unconditional
from gateway.dialects.jupyter.reads import read_endpoint
from gateway.dialects.jupyter.saves import put
from gateway.wire.conditions import write_condition

ROOT = "/api/contents"
BELOW = "/api/contents/{path*}"


def contents_routes(started: datetime) -> tuple[Route, ...]:
    """The routes; they take every path, so narrower ones stand before them. ``started`` is the gateway's start."""
    endpoints = {"GET": read_endpoint(started), "PUT": put, "POST": post, "PATCH": patch, "DELETE": delete}
    return tuple(Route(method, each, endpoint) for each in (ROOT, BELOW) for method, endpoint in endpoints.items())


async def post(incoming: Incoming) -> Call[Entry]:
    """Something new in a directory, under a name the server picks: empty, or a copy."""
    body = await optional_json(incoming, NewBody) or NewBody()
    refuse_condition(incoming)
    directory = visible(incoming.path())
    if body.copy_from:
        return Call(CopyInto(incoming.caller, visible(ContentPath.parse(body.copy_from)), directory), made_answer)
    extension = body.ext or ""
    if not is_extension(extension):
        raise invalid("ext is empty or begins with a dot, such as '.py'.")
    kind = kind_named(body.type) or (Kind.NOTEBOOK if extension == ".ipynb" else Kind.FILE)
    return Call(CreateUntitled(incoming.caller, directory, kind, extension), made_answer)


async def patch(incoming: Incoming) -> Call[Entry]:
    """Rename; to no name or the same one nothing is done, but a condition holds there too."""
    body = await required_json(incoming, RenameBody)
    condition = write_condition(incoming.request.headers)
    source = incoming.path()
    target = source if body.path is None else ContentPath.parse(body.path)
    move = Move(incoming.caller, source, target, condition)
    if condition is not None:
        return Call(move, _render_renamed)
    if target == source:
        return Call(Stat(incoming.caller, source), _render_renamed)
    return Call(Unconditional(source, move), _render_renamed)


async def delete(incoming: Incoming) -> Call[None]:
    """Delete a file, or a directory with all in it, as the reference does where it has a trash."""
    path, condition = incoming.path(), write_condition(incoming.request.headers)
    operation = Delete(incoming.caller, path, condition)
    return Call(Unconditional(path, operation) if condition is None else operation, empty_answer)


def _render_renamed(entry: Entry) -> web.Response:
    return changed_answer(entry, 200)
