"""PUT: from what a client sends to save to one operation (spec jupyter A3).

A body that lacks its type or content may make something new but never replaces what stands there. Whether anything
does is not asked first: such a save is written under the precondition that nothing does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from gateway.contents.model import Absent, Caller, Condition, Entry, Kind, Written
from gateway.contents.notebook import EMPTY_NOTEBOOK
from gateway.contents.offload import offloaded
from gateway.contents.operations import (
    MakeDirectory,
    Operation,
    SavedNotebook,
    SaveNotebook,
    Services,
    UploadChunk,
    Write,
)
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid, stale
from gateway.dialects.dialect import Call, Incoming
from gateway.dialects.jupyter.answers import changed_answer, made_answer
from gateway.dialects.jupyter.bodies import SaveBody, kind_named, required_json, visible
from gateway.dialects.jupyter.problems import Unconditional
from gateway.wire.conditions import write_condition
from gateway.wire.contents_json import NotedContentModel, model_of, saved_bytes

R = TypeVar("R")

_INCOMPLETE = "Something of that name exists; say type and content to replace it."


@dataclass(frozen=True, slots=True)
class Save:
    """A PUT that is well-formed so far: ``condition`` is the client's own, ``content`` None when it sent none.

    JupyterLab gives a path in every body, but a name only in that of an upload, and only marks in a save are its own.
    """

    caller: Caller
    path: ContentPath
    kind: Kind | None
    format: str | None
    content: msgspec.Raw | None
    condition: Condition
    is_upload: bool = False

    @property
    def is_complete(self) -> bool:
        return self.kind is not None and self.content is not None

    @property
    def held(self) -> Condition:
        """The condition under which bytes are written."""
        return self.condition if self.is_complete else Absent()


async def put(incoming: Incoming) -> Call[Any]:
    """Save, or make, or take one piece of an upload."""
    body = await required_json(incoming, SaveBody)
    if body.copy_from:
        raise invalid("Copying is asked for with POST to a directory, not with PUT.")
    if body.path:
        visible(ContentPath.parse(body.path))
    content = body.content if isinstance(body.content, msgspec.Raw) and bytes(body.content) != b"null" else None
    save = Save(
        incoming.caller,
        visible(incoming.path()),
        kind_named(body.type),
        body.format,
        content,
        write_condition(incoming.request.headers),
        is_upload=body.name is not None,
    )
    if body.chunk is not None:
        return await _piece(save, body.chunk)
    if save.kind is Kind.DIRECTORY:
        return _directory(save)
    if not save.is_complete and save.condition not in (None, Absent()):
        raise invalid(_INCOMPLETE)
    return await _file(save)


async def _file(save: Save) -> Call[Any]:
    kind = save.kind or Kind.of_file(save.path)
    if save.content is None:
        body = EMPTY_NOTEBOOK if kind is Kind.NOTEBOOK else b""
        return Call(_plain(save, Write(save.caller, save.path, body, save.held)), _render_written)
    if kind is Kind.NOTEBOOK:
        notebook = SaveNotebook(
            save.caller, save.path, bytes(save.content), save.held, any_name=True, vouches=not save.is_upload
        )
        return Call(_plain(save, notebook), _render_notebook)
    written = Write(save.caller, save.path, await _decoded(save.format, save.content), save.held)
    return Call(_plain(save, written), _render_written)


def _directory(save: Save) -> Call[Entry]:
    match save.condition:
        case None:
            return Call(MakeDirectory(save.caller, save.path), made_answer)
        case Absent():
            return Call(MakeNewDirectory(save.caller, save.path), made_answer)
        case _:
            raise invalid("A directory is not replaced, so If-Match means nothing here.")


async def _piece(save: Save, number: int) -> Call[Written]:
    if save.kind is not Kind.FILE:
        raise invalid("Only type 'file' is uploaded in chunks.", reason=Reason.BAD_TYPE)
    if save.content is None:
        raise invalid("A chunk needs content.")
    body = await _decoded(save.format, save.content)
    piece = UploadChunk(save.caller, save.path, number, body, save.condition)
    return Call(_plain(save, TakePiece(save.path, piece)), _render_written)


def _plain(save: Save, operation: Operation[R]) -> Operation[R]:
    if save.condition is not None:
        return operation
    if not save.is_complete:
        return Unconditional(save.path, operation, Code.INVALID, _INCOMPLETE)
    return Unconditional(save.path, operation)


async def _decoded(format_: str | None, content: msgspec.Raw) -> bytes:
    return await offloaded(memoryview(content).nbytes, saved_bytes, format_, content)


def _render_written(written: Written) -> web.Response:
    return changed_answer(written.entry, 201 if written.created else 200)


def _render_notebook(saved: SavedNotebook) -> web.Response:
    """A notebook that breaks its schema is stored all the same; the model then says what is wrong with it."""
    entry, status = saved.written.entry, 201 if saved.written.created else 200
    if saved.message is None:
        return changed_answer(entry, status)
    fields = msgspec.structs.asdict(model_of(entry, with_hash=True))
    return changed_answer(entry, status, NotedContentModel(**fields, message=saved.message))


@dataclass(frozen=True, slots=True)
class MakeNewDirectory:
    """Make a directory where nothing stands: PRECONDITION otherwise."""

    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> Entry:
        try:
            return await services.contents.make_directory(self.caller, self.path)
        except Problem as problem:
            if problem.reason is not Reason.EXISTS:
                raise
            raise stale("Something of that name exists.") from problem


@dataclass(frozen=True, slots=True)
class TakePiece:
    """Take one piece. The first one looks whether the file is new, which its status tells; later ones are never.

    A piece before the last has no file of its own yet: its model shows the bytes received so far, now.
    """

    path: ContentPath
    piece: UploadChunk

    async def run(self, services: Services) -> Written:
        is_new = self.piece.number == 1 and not await self._exists(services)
        taken = await self.piece.run(services)
        if isinstance(taken, Written):
            return Written(taken.entry, created=False)
        now = datetime.now(UTC)
        return Written(replace(taken, created=now, modified=now), created=is_new)

    async def _exists(self, services: Services) -> bool:
        try:
            entry = await services.contents.stat(self.piece.caller, self.path)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            return False
        if entry.kind is Kind.DIRECTORY:
            raise invalid("A directory of that name exists.", reason=Reason.BAD_TYPE)
        return True
