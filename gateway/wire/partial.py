"""Bytes of a file from an HTTP upstream, which may keep to the range that it is asked for or send the whole file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from yarl import URL

from gateway.contents.model import Span
from gateway.contents.problem import stale
from gateway.contents.streams import complete
from gateway.wire.client import OpenAnswer, UpstreamClient, nonsense
from gateway.wire.ranges import range_header, received_part


async def received(
    client: UpstreamClient,
    url: URL,
    headers: Mapping[str, str],
    span: Span,
    size_bytes: int,
    accept: Callable[[OpenAnswer], None],
) -> AsyncGenerator[bytes, None]:
    """The bytes of the span of a file of ``size_bytes``; nothing is asked for where the span is empty.

    ``accept`` raises what an answer means that is no success, or not the one wanted. PRECONDITION when the file has
    another size by now, UPSTREAM when the answer is not of such bytes.
    """
    if not span.size_bytes:
        return
    asked = {**headers, "Range": range_header(span)} if span != Span(0, size_bytes) else headers
    answer = await client.open(url, headers=asked)
    try:
        if answer.status == 416:
            raise stale()
        accept(answer)
        given = _given(answer, span, size_bytes)
        async with aclosing(_within(complete(answer.pieces(), given.size_bytes), given, span)) as pieces:
            async for piece in pieces:
                yield piece
    finally:
        answer.close()


def _given(answer: OpenAnswer, span: Span, size_bytes: int) -> Span:
    """Which bytes the answer holds: those asked for or, where it keeps to no range, all."""
    if "Content-Encoding" in answer.headers:
        raise nonsense("The storage behind this mount compresses what it was asked not to.")
    given, total = _announced(answer, size_bytes)
    if total != size_bytes:
        raise stale()
    if given not in (span, Span(0, size_bytes)):
        raise nonsense("The storage behind this mount gave other bytes than it was asked for.")
    return given


def _announced(answer: OpenAnswer, size_bytes: int) -> tuple[Span, int]:
    """The bytes that the answer says it holds, and of how many. What says nothing is counted as it comes."""
    if answer.status == 206:
        part = received_part(answer.headers.get("Content-Range"))
        if part is None:
            raise nonsense("The storage behind this mount does not say which bytes it gave.")
        return part
    length = answer.length_bytes
    total = size_bytes if length is None else length
    return Span(0, total), total


async def _within(pieces: AsyncGenerator[bytes, None], given: Span, span: Span) -> AsyncGenerator[bytes, None]:
    """Of the bytes ``given`` those of the span; what comes behind it is not waited for."""
    position = given.start
    async with aclosing(pieces):
        async for piece in pieces:
            kept = piece[max(span.start - position, 0) : max(span.stop - position, 0)]
            position += len(piece)
            if kept:
                yield kept
            if position >= span.stop < given.stop:
                return
