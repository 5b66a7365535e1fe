"""GET, POST, PATCH and DELETE of contents (spec jupyter A3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec
from aiohttp import web

from gateway.contents.lines import joined_lines
from gateway.contents.model import Caller, Document, Entry, Kind, Listing
from gateway.contents.naming import is_extension
from gateway.contents.offload import offloaded
from gateway.contents.operations import CopyInto, CreateUntitled, Delete, Get, Move, Services, Stat
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Reason, invalid
from gateway.dialects.dialect import Call, Incoming, Route
from gateway.dialects.jupyter.answers import (
    changed_answer,
    empty_answer,
    made_answer,
    revision_headers,
    shown_answer,
)
from gateway.dialects.jupyter.bodies import (
    NewBody,
    RenameBody,
    kind_named,
    optional_json,
    required_json,
    visible,
)
from gateway.dialects.jupyter.problems import Unconditional
from gateway.dialects.jupyter.saves import put
from gateway.wire.conditions import is_not_modified, write_condition
from gateway.wire.contents_json import ContentModel, Format, content_path, fill_document, fill_listing, model_of

ROOT = "/api/contents"
BELOW = "/api/contents/{path*}"


def contents_routes() -> tuple[Route, ...]:
    """The routes; they take every path, so narrower ones stand before them."""
    endpoints = {"GET": get, "PUT": put, "POST": post, "PATCH": patch, "DELETE": delete}
    return tuple(Route(method, each, endpoint) for each in (ROOT, BELOW) for method, endpoint in endpoints.items())


# -- GET ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a GET asks for; ``kind`` None means whatever stands there."""

    kind: Kind | None
    format: Format | None
    with_content: bool
    with_hash: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A model with content, or None when the client has that revision already."""

    entry: Entry
    model: ContentModel | None


@dataclass(frozen=True, slots=True)
class Open:
    """Get what stands there and make its model, which for a large file is work that must not hold up other requests."""

    caller: Caller
    path: ContentPath
    wanted: Wanted
    headers: Mapping[str, str]

    async def run(self, services: Services) -> Shown:
        kind = self.wanted.kind or (Kind.DIRECTORY if self.path.is_root else None)
        found = await Get(self.caller, self.path, kind).run(services)
        seen = _as_wanted(self.wanted, found.entry)
        if is_not_modified(self.headers, found.entry):
            return Shown(found.entry, None)
        model = model_of(seen, with_hash=self.wanted.with_hash)
        if isinstance(found, Listing):
            return Shown(found.entry, fill_listing(model, found))
        model = await offloaded(len(found.body), _filled, model, found, self.wanted.format, seen.kind)
        return Shown(found.entry, model)


def _filled(model: ContentModel, document: Document, wanted: Format | None, kind: Kind) -> ContentModel:
    model = fill_document(model, document, wanted, as_notebook=kind is Kind.NOTEBOOK)
    if kind is Kind.NOTEBOOK:
        model.content = msgspec.Raw(joined_lines(bytes(model.content)))
    return model


async def get(incoming: Incoming) -> Call[Any]:
    """One model, with content unless ``content=0``. A directory's ``hash=1`` is null, where the reference fails."""
    path, wanted, headers = incoming.path(), _parse_wanted(incoming.request.query), incoming.request.headers
    if not wanted.with_content:
        stat = Stat(incoming.caller, path, with_sha256=wanted.with_hash)
        return Call(stat, lambda entry: _render_entry(wanted, headers, entry))
    return Call(Open(incoming.caller, path, wanted, headers), _render_shown)


def _parse_wanted(query: Mapping[str, str]) -> Wanted:
    format_ = _choice(query, "format", ("text", "base64"))
    return Wanted(
        kind_named(query.get("type")),
        cast("Format | None", format_),
        with_content=_choice(query, "content", ("0", "1")) != "0",
        with_hash=_choice(query, "hash", ("0", "1")) == "1",
    )


def _choice(query: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str | None:
    value = query.get(name)
    if value is not None and value not in allowed:
        raise invalid(f"The parameter {name} is one of {', '.join(allowed)}.")
    return value


def _render_entry(wanted: Wanted, headers: Mapping[str, str], entry: Entry) -> web.Response:
    seen = _as_wanted(wanted, entry)
    if is_not_modified(headers, entry):
        return _not_modified(entry)
    return shown_answer(model_of(seen, with_hash=wanted.with_hash), entry)


def _render_shown(shown: Shown) -> web.Response:
    return _not_modified(shown.entry) if shown.model is None else shown_answer(shown.model, shown.entry)


def _as_wanted(wanted: Wanted, entry: Entry) -> Entry:
    """The entry as the kind asked for: any file can be seen as a file, or as a notebook if it holds one."""
    if wanted.kind is None or wanted.kind is entry.kind:
        return entry
    if Kind.DIRECTORY in (wanted.kind, entry.kind):
        raise invalid(f"This is a {entry.kind}, not a {wanted.kind}.", reason=Reason.BAD_TYPE)
    return replace(entry, kind=wanted.kind)


def _not_modified(entry: Entry) -> web.Response:
    return web.Response(status=304, headers=revision_headers(entry))


# -- POST, PATCH, DELETE -----------------------------------------------------------------------------------------------


async def post(incoming: Incoming) -> Call[Entry]:
    """Something new in a directory, under a name the server picks: empty, or a copy."""
    body = await optional_json(incoming, NewBody) or NewBody()
    directory = visible(incoming.path())
    if body.copy_from:
        return Call(CopyInto(incoming.caller, visible(content_path(body.copy_from)), directory), made_answer)
    extension = body.ext or ""
    if not is_extension(extension):
        raise invalid("ext is empty or begins with a dot, such as '.py'.")
    kind = kind_named(body.type) or (Kind.NOTEBOOK if extension == ".ipynb" else Kind.FILE)
    return Call(CreateUntitled(incoming.caller, directory, kind, extension), made_answer)


async def patch(incoming: Incoming) -> Call[Entry]:
    """Rename; to no name or the same one nothing is done."""
    body = await required_json(incoming, RenameBody)
    condition = write_condition(incoming.request.headers)
    source = incoming.path()
    target = source if body.path is None else content_path(body.path)
    if target == source:
        return Call(Stat(incoming.caller, source), _render_renamed)
    move = Move(incoming.caller, source, target, condition)
    return Call(Unconditional(source, move) if condition is None else move, _render_renamed)


async def delete(incoming: Incoming) -> Call[None]:
    """Delete a file, or a directory with all in it, as the reference does where it has a trash."""
    path, condition = incoming.path(), write_condition(incoming.request.headers)
    operation = Delete(incoming.caller, path, condition)
    return Call(Unconditional(path, operation) if condition is None else operation, empty_answer)


def _render_renamed(entry: Entry) -> web.Response:
    return changed_answer(entry, 200)
