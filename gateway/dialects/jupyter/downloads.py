"""GET and HEAD of ``/files``: which part of which revision is wanted, and how it is sent (spec jupyter A4)."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from gateway.contents.backend import Stream
from gateway.contents.model import Caller, Entry, Kind, Span
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, stale
from gateway.contents.streams import changed_meanwhile
from gateway.dialects.dialect import json_response
from gateway.dialects.jupyter.answers import revision_headers
from gateway.dialects.streamed import StreamedResponse
from gateway.wire import json
from gateway.wire.conditions import is_refused, is_unchanged
from gateway.wire.ranges import UNSATISFIABLE, content_range, wanted_span

CONTENT_SECURITY_POLICY = "frame-ancestors 'self'; report-uri /api/security/csp-report; sandbox allow-scripts"
"""A stored page runs, but as a page of nobody: with no cookie of the gateway, and reading no answer of it."""

_OPENINGS = 3


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The client has this revision already."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Opened:
    """What of the file is to be sent: ``span`` where it is a part. Without ``stream`` the body is not asked for."""

    entry: Entry
    span: Span | None
    first: bytes = b""
    pieces: AsyncGenerator[bytes, None] | None = None
    stream: Stream | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """Open a file, and see that its bytes come: the first piece is there when this is done.

    What the headers ask is answered for the very revision that is sent. FORBIDDEN for a directory, as in the reference.
    """

    caller: Caller
    path: ContentPath
    headers: Mapping[str, str]
    with_body: bool

    async def run(self, services: Services) -> Opened | Unchanged:
        """A file that is replaced between its facts and its bytes is opened again."""
        for _ in range(_OPENINGS):
            async with AsyncExitStack() as stack:
                stream = await self._opened(services)
                stack.push_async_callback(stream.aclose)
                found = await self._begun(stream)
                if isinstance(found, Opened) and found.stream is not None:
                    stack.pop_all()
                if found is not None:
                    return found
        raise changed_meanwhile()

    async def _opened(self, services: Services) -> Stream:
        try:
            return await services.streams.open(self.caller, self.path)
        except Problem as problem:
            if problem.reason is not Reason.BAD_TYPE:
                raise
            raise a_directory() from problem

    async def _begun(self, stream: Stream) -> Opened | Unchanged | None:
        """None when the revision is gone. PRECONDITION when the client's own condition fails."""
        entry = stream.entry
        if is_refused(self.headers, entry):
            raise stale()
        if is_unchanged(self.headers, entry):
            return Unchanged(entry)
        span = wanted_span(self.headers, entry) if self.with_body else None
        if span == UNSATISFIABLE or not self.with_body:
            return Opened(entry, span)
        pieces = stream.pieces(span or Span(0, entry.size or 0))
        try:
            return Opened(entry, span, await anext(pieces, b""), pieces, stream)
        except Problem as problem:
            if problem.code is not Code.PRECONDITION:
                raise
            return None


def render_download(found: Opened | Unchanged, *, is_saved: bool) -> web.StreamResponse:
    """The bytes, or what there is to say in their place; ``is_saved`` has a browser save them."""
    headers = _file_headers(found.entry)
    if isinstance(found, Unchanged):
        return web.Response(status=304, headers=headers)
    size_bytes = found.entry.size or 0
    if found.span is not None:
        headers["Content-Range"] = content_range(found.span, size_bytes)
    if found.span == UNSATISFIABLE:
        body = json.encode({"message": "The file has no such bytes.", "reason": None})
        return json_response(body, status=416, headers=headers)
    headers["Content-Type"] = content_type(found.entry.name)
    headers["Content-Length"] = str(size_bytes if found.span is None else found.span.size_bytes)
    if is_saved or found.entry.kind is Kind.NOTEBOOK:
        headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(found.entry.name, safe='')}"
    if found.stream is None or found.pieces is None:
        return web.StreamResponse(headers=headers)
    status = 200 if found.span is None else 206
    return StreamedResponse(status, headers, found.first, found.pieces, found.stream.aclose)


def content_type(name: str) -> str:
    """The type of a file by its name, as the reference guesses it."""
    if name.endswith(".ipynb"):
        return "application/x-ipynb+json"
    guessed, encoding = mimetypes.guess_type(name)
    if guessed == "text/plain":
        return "text/plain; charset=UTF-8"
    if encoding is not None:
        return "application/gzip" if encoding == "gzip" else "application/octet-stream"
    return guessed or "application/octet-stream"


def _file_headers(entry: Entry) -> dict[str, str]:
    return {
        **revision_headers(entry),
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-cache",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    }


def a_directory() -> Problem:
    """FORBIDDEN, as in the reference."""
    return Problem(Code.FORBIDDEN, "This is a directory, and only files have bytes.")
