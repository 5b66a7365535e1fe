"""A Jupyter server's answer as the gateway gives it back: streamed, as a page written anew, or as the fault it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from html import escape

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict

from gateway.contents.offload import offloaded
from gateway.contents.problem import Problem
from gateway.contents.upstream import Destination
from gateway.dialects.streamed import StreamedResponse
from gateway.server.carrying.bases import bases_of
from gateway.server.carrying.crossing import asks_for_page, cookies, downward, location, without_revision
from gateway.server.carrying.pages import MAX_PAGE_BYTES, Rewriting, rewriting
from gateway.server.carrying.refusals import MAX_FAULT_BYTES, check_credential, check_status, fault_json, refusal
from gateway.server.carrying.sending import inflated, received
from gateway.wire.client import nonsense

PAGE_SECONDS = 60.0
"""How long a server may take for a whole page, after its beginning."""

SMALL_BYTES = 1 << 16
"""Up to this length a body is waited for: it can go with its head, and when it breaks off the client can be told."""

_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_SHEETS = frozenset({"text/css"})
_BODILESS = frozenset({204, 304})
_ENCODINGS = {"": False, "identity": False, "gzip": True, "x-gzip": True, "deflate": True}
"""Which of those that were asked for have to be undone."""


async def given_back(
    request: web.Request, destination: Destination, answer: aiohttp.ClientResponse, base_path: str
) -> web.StreamResponse:
    """The answer for the client; once it is returned it owns ``answer``. Nothing of the server is told but this.

    UPSTREAM when the server refuses the gateway's credential, fails, or sends a page that makes no sense; UNAVAILABLE
    when it says that it is, breaks off, or leads elsewhere; TIMEOUT; and what 4xx stand for that are no JSON.
    """
    bases, changes = bases_of(destination.upstream.url, base_path), rewriting(destination.upstream, base_path)
    headers = downward(answer, changes, bases)
    if destination.signs_in:
        headers.extend((hdrs.SET_COOKIE, cookie) for cookie in cookies(answer, bases))
    if answer.status < 200:
        raise nonsense("The Jupyter server speaks of something that was not asked for.")
    if answer.status >= 400:
        return await _fault(request, destination, answer, changes, headers)
    if (place := location(answer, changes, bases, signs_in=destination.signs_in)) is not None:
        headers[hdrs.LOCATION] = place
    is_page = answer.content_type in _PAGES
    if request.method == hdrs.METH_HEAD or answer.status in _BODILESS:
        answer.release()
        return web.Response(status=answer.status, headers=without_revision(headers) if is_page else headers)
    if is_page or (answer.content_type in _SHEETS and changes.moves and answer.status != 206):
        async with asyncio.timeout(PAGE_SECONDS):
            return await _page(answer, changes, headers)
    if answer.content_length is not None and answer.content_length <= SMALL_BYTES:
        body, _ = await _beginning(received(answer.content), SMALL_BYTES)
        return web.Response(body=body, status=answer.status, headers=headers)
    return _streamed(answer, headers, received(answer.content))


def fault_page(problem: Problem, told: web.Response) -> web.Response:
    """What the browser shows instead of the page that it asked for; ``told`` is the same in the words of the API."""
    page = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Not available</title></head><body>"
        f"<h1>Not available</h1><p>{escape(problem.detail)} Reload this page to try again.</p></body></html>"
    )
    headers = {name: value for name, value in told.headers.items() if name == hdrs.RETRY_AFTER}
    return web.Response(text=page, content_type="text/html", status=told.status, headers=headers)


async def _page(answer: aiohttp.ClientResponse, changes: Rewriting, headers: CIMultiDict[str]) -> web.StreamResponse:
    """A page of an application is written anew; a long document, or a part of one, only loses the credential."""
    is_part = answer.status == 206
    pieces = _plain(answer, headers)
    first, is_whole = await _beginning(pieces, 0 if is_part else MAX_PAGE_BYTES)
    if is_part or not is_whole:
        return _streamed(answer, headers, changes.masked(_with(first, pieces)))
    work = changes.page if answer.content_type in _PAGES else changes.sheet
    body = await offloaded(len(first), work, first)
    return web.Response(body=body, status=answer.status, headers=without_revision(headers))


async def _fault(
    request: web.Request,
    destination: Destination,
    answer: aiohttp.ClientResponse,
    changes: Rewriting,
    headers: CIMultiDict[str],
) -> web.Response:
    status = answer.status
    check_status(status, signs_in=destination.signs_in)
    pieces = _plain(answer, headers)
    async with asyncio.timeout(PAGE_SECONDS):
        body, is_whole = await _beginning(pieces, MAX_FAULT_BYTES)
    if not is_whole:
        raise refusal(status)
    if not destination.signs_in:
        check_credential(status, body)
    if answer.content_type in _PAGES:
        if not asks_for_page(request):
            raise refusal(status)
        body = await offloaded(len(body), changes.page, body)
    elif answer.content_type == "application/json" and body:
        body = fault_json(status, body)
    return web.Response(body=body, status=status, headers=without_revision(headers))


def _streamed(
    answer: aiohttp.ClientResponse, headers: CIMultiDict[str], pieces: AsyncGenerator[bytes, None]
) -> StreamedResponse:
    async def close() -> None:
        answer.close()

    return StreamedResponse(answer.status, headers, b"", pieces, close)


def _plain(answer: aiohttp.ClientResponse, headers: CIMultiDict[str]) -> AsyncGenerator[bytes, None]:
    """The body as it was before it was encoded; then ``headers`` say nothing of the encoding any more."""
    encoding = answer.headers.get(hdrs.CONTENT_ENCODING, "").strip().lower()
    is_encoded = _ENCODINGS.get(encoding)
    if is_encoded is None or (is_encoded and answer.status == 206):
        raise nonsense("The Jupyter server's page comes in an encoding that was not asked for.")
    if not is_encoded:
        return received(answer.content)
    headers.popall(hdrs.CONTENT_ENCODING, None)
    headers.popall(hdrs.CONTENT_LENGTH, None)
    return inflated(received(answer.content))


async def _beginning(pieces: AsyncIterable[bytes], max_bytes: int) -> tuple[bytes, bool]:
    """A little more than ``max_bytes`` of the body, or all of it, and whether it is all."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > max_bytes:
            return bytes(body), False
    return bytes(body), True


async def _with(first: bytes, pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for piece in pieces:
        yield piece
