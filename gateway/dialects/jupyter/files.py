"""``/files``: the bytes of files as they are stored, out and in (spec jupyter A4)."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from gateway.contents.model import Caller, Condition, Kind, Written
from gateway.contents.operations import Services, Write
from gateway.contents.paths import ContentPath
from gateway.contents.problem import invalid
from gateway.dialects.dialect import Call, Endpoint, Incoming, Route
from gateway.dialects.jupyter.answers import changed_answer, empty_answer
from gateway.dialects.jupyter.bodies import visible
from gateway.dialects.jupyter.downloads import (
    CONTENT_SECURITY_POLICY,
    Download,
    Opened,
    Unchanged,
    a_directory,
    render_download,
)
from gateway.dialects.jupyter.methods import refusals
from gateway.dialects.jupyter.problems import Unconditional
from gateway.wire.conditions import write_condition

FILES = "/files/{path*}"


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Delete what stands there if it is a file: a look more than any delete. FORBIDDEN for a directory."""

    caller: Caller
    path: ContentPath
    condition: Condition

    async def run(self, services: Services) -> None:
        if (await services.contents.stat(self.caller, self.path)).kind is Kind.DIRECTORY:
            raise a_directory()
        await services.contents.delete(self.caller, self.path, self.condition)


def files_routes() -> tuple[Route, ...]:
    """The routes."""
    endpoints: dict[str, Endpoint] = {"GET": get, "HEAD": head, "PUT": put, "DELETE": delete}
    return (
        *(Route(method, FILES, endpoint) for method, endpoint in endpoints.items()),
        *refusals(FILES, ("POST", "PATCH"), allow=tuple(endpoints)),
    )


async def get(incoming: Incoming) -> Call[Opened | Unchanged]:
    """The bytes, or the part of them that ``Range`` names; ``download`` with any value has a browser save them."""
    return _download(incoming, with_body=True)


async def head(incoming: Incoming) -> Call[Opened | Unchanged]:
    """What a GET of the whole file would say before its bytes."""
    return _download(incoming, with_body=False)


async def put(incoming: Incoming) -> Call[Written]:
    """Store the body as it is. INVALID for a part of a file: taken for the whole it would destroy the rest."""
    if "Content-Range" in incoming.request.headers:
        raise invalid("A file is stored whole; Content-Range is not supported.")
    path, condition = visible(incoming.path()), write_condition(incoming.request.headers)
    write = Write(incoming.caller, path, await incoming.body(), condition)
    return Call(write if condition is not None else Unconditional(path, write), _render_written)


async def delete(incoming: Incoming) -> Call[None]:
    """Delete a file."""
    path, condition = incoming.path(), write_condition(incoming.request.headers)
    operation = DeleteFile(incoming.caller, path, condition)
    return Call(operation if condition is not None else Unconditional(path, operation), _render_deleted)


def _download(incoming: Incoming, *, with_body: bool) -> Call[Opened | Unchanged]:
    is_saved = bool(incoming.query_text("download"))
    operation = Download(incoming.caller, incoming.path(), incoming.request.headers, with_body)
    return Call(operation, lambda found: render_download(found, is_saved=is_saved))


def _render_written(written: Written) -> web.Response:
    answer = changed_answer(written.entry, 201 if written.created else 200)
    answer.headers["Location"] = f"/files/{written.entry.path.url()}"
    return _confined(answer)


def _render_deleted(_: None) -> web.Response:
    return _confined(empty_answer(None))


def _confined(answer: web.Response) -> web.Response:
    answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return answer
