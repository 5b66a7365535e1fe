"""``/nbconvert``: a notebook in another format, made by a Jupyter server whatever store it is on (spec jupyter A4).

Whatever the server thinks of it, a page runs as a page of nobody: it may hold what an attacker wrote.
"""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote

import msgspec
from aiohttp import web

from gateway.contents.fleet import Fleet
from gateway.contents.lines import joined_lines
from gateway.contents.model import Caller, Kind
from gateway.contents.notebook import for_reading
from gateway.contents.offload import offloaded
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid, not_found
from gateway.contents.server import Server
from gateway.contents.upstream import Forward, Forwarded
from gateway.dialects.dialect import Call, Incoming, Route
from gateway.dialects.jupyter.compute.answers import Model, decoded, expected
from gateway.dialects.jupyter.downloads import CONTENT_SECURITY_POLICY
from gateway.dialects.jupyter.passing import query_without_token
from gateway.wire import json

CONVERSIONS = "/nbconvert"
CONVERSION_SECONDS = 120.0

_FORMAT = re.compile(r"\w+", re.ASCII)
_KEPT = ("Content-Type", "Content-Disposition", "Last-Modified")
_ENDINGS = {"asciidoc": ".asciidoc", "latex": ".tex", "notebook": ".ipynb", "rst": ".rst", "slides": ".slides.html"}


@dataclass(frozen=True, slots=True)
class Converted:
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def conversion_routes() -> tuple[Route, ...]:
    """The routes."""
    seconds = CONVERSION_SECONDS + 30
    return (
        Route("GET", f"{CONVERSIONS}/{{format}}/{{path*}}", convert_stored, seconds=seconds),
        Route("POST", f"{CONVERSIONS}/{{format}}", convert_posted, seconds=seconds),
    )


@dataclass(frozen=True, slots=True)
class ConvertStored:
    """A notebook of any mount. The server reads its own ones, with what lies beside them; others are sent to it."""

    caller: Caller
    format_name: str
    path: ContentPath
    query: str
    is_saved: bool

    async def run(self, services: Services) -> Converted:
        fleet = services.servers.fleet(self.caller)
        entry = await services.contents.stat(self.caller, self.path)
        if entry.kind is not Kind.NOTEBOOK:
            raise invalid("Only notebooks are converted.", reason=Reason.BAD_TYPE)
        own = fleet.holder_of(self.path)
        if own is not None and (address := own.own_address(self.path)) is not None:
            return await _converted(fleet, own, self.format_name, f"/{ContentPath.parse(address).url()}{self.query}")
        document = await services.contents.read(self.caller, self.path)
        notebook = await offloaded(len(document.body), _as_sent, document.body)
        sent = json.encode({"name": entry.name, "content": msgspec.Raw(notebook)})
        converted = await _converted(fleet, fleet.first, self.format_name, sent=sent)
        return self._named(converted) if self.is_saved else converted

    def _named(self, converted: Converted) -> Converted:
        """Of a notebook that is sent the server does not say what to save it as, unless there are several files."""
        kind = converted.headers.get("Content-Type", "").partition(";")[0]
        ending = _ENDINGS.get(self.format_name) or mimetypes.guess_extension(kind) or ".txt"
        name = quote(PurePosixPath(self.path.name).stem + ending, safe="")
        return Converted(
            converted.body, {"Content-Disposition": f"attachment; filename*=utf-8''{name}"} | converted.headers
        )


@dataclass(frozen=True, slots=True)
class ConvertPosted:
    """A notebook's model that the client sends."""

    caller: Caller
    format_name: str
    body: bytes

    async def run(self, services: Services) -> Converted:
        fleet = services.servers.fleet(self.caller)
        return await _converted(fleet, fleet.first, self.format_name, sent=self.body)


class PostedNotebook(msgspec.Struct):
    """POST."""

    content: dict[str, msgspec.Raw]
    name: str = "notebook.ipynb"


async def convert_stored(incoming: Incoming) -> Call[Converted]:
    """GET: ``download=true`` has a browser save it."""
    query = query_without_token(incoming.request.raw_path.partition("?")[2])
    is_saved = (incoming.query_text("download") or "").lower() == "true"
    operation = ConvertStored(
        incoming.caller, _format_of(incoming), incoming.path(), f"?{query}" if query else "", is_saved
    )
    return Call(operation, _render)


async def convert_posted(incoming: Incoming) -> Call[Converted]:
    """POST: ``{content, name?}``."""
    posted = await incoming.json(PostedNotebook)
    return Call(ConvertPosted(incoming.caller, _format_of(incoming), json.encode(posted)), _render)


async def _converted(
    fleet: Fleet, server: Server, format_name: str, tail: str = "", sent: bytes | None = None
) -> Converted:
    """``tail`` is path and query of a notebook of the server's own; ``sent`` is any other."""
    method, target = "GET" if sent is None else "POST", f"{CONVERSIONS}/{format_name}{tail}"
    answer = await fleet.ask(server, Forward(method, target, sent, CONVERSION_SECONDS))
    if answer.status == 404:
        raise not_found("There is no such notebook, or no such format.")
    if answer.status == 500:
        raise await _refusal(fleet, server, format_name)
    return Converted(expected(answer, 200).body, _kept(answer))


async def _refusal(fleet: Fleet, server: Server, format_name: str) -> Problem:
    """The server answers 500 for a format that it does not know, too."""
    formats = await fleet.ask(server, Forward("GET", "/api/nbconvert"))
    if formats.status == 200 and format_name not in decoded(formats.body, Model):
        return not_found("There is no such format.")
    return Problem(Code.UNSUPPORTED, "The Jupyter server cannot convert this notebook into this format.")


def _as_sent(stored: bytes) -> bytes:
    return joined_lines(for_reading(stored))


def _kept(answer: Forwarded) -> dict[str, str]:
    return {name: answer.headers[name] for name in _KEPT if name in answer.headers}


def _format_of(incoming: Incoming) -> str:
    text = incoming.text("format")
    if not _FORMAT.fullmatch(text):
        raise not_found("There is no such format.")
    return text


def _render(converted: Converted) -> web.Response:
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return web.Response(body=converted.body, headers=converted.headers | headers)
