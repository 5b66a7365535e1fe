"""Files that are opened and read piece by piece."""

from __future__ import annotations

import json
from contextlib import aclosing

import pytest

from gateway.contents.backend import Backend, Stream
from gateway.contents.model import Span
from gateway.contents.problem import Code, Problem, Reason
from tests.contract.steps import NAMES, NOTEBOOK, NOTEBOOK_TREE, ROOT, parse, put, refused, streamer

LONG = b"".join(b"%07d\n" % number for number in range(100_000))


async def bytes_of(stream: Stream, span: Span | None = None) -> bytes:
    async with aclosing(stream.pieces(span or Span(0, stream.entry.size or 0))) as pieces:
        return b"".join([piece async for piece in pieces])


async def whole_or_gone(stream: Stream, span: Span | None = None) -> bytes | None:
    """The bytes; None when the store says that the revision is no longer there."""
    try:
        return await bytes_of(stream, span)
    except Problem as problem:
        if problem.code not in (Code.NOT_FOUND, Code.PRECONDITION, Code.CONFLICT):
            raise
        return None


async def streamed(backend: Backend, text: str, span: Span | None = None) -> bytes:
    stream = await streamer(backend).open(parse(text))
    try:
        return await bytes_of(stream, span)
    finally:
        await stream.aclose()


class StreamingContract:
    async def test_a_stream_gives_the_bytes_and_the_facts_of_the_file(self, backend: Backend) -> None:
        for name, body in (("a.bin", LONG), ("a.ipynb", NOTEBOOK), ("empty.txt", b"")):
            await put(backend, name, body)
            stream = await streamer(backend).open(parse(name))
            stated = await backend.stat(parse(name))
            assert (stream.entry.path, stream.entry.kind, stream.entry.etag) == (parse(name), stated.kind, stated.etag)
            given = await bytes_of(stream)
            assert (stream.entry.modified, stream.entry.size) == (stated.modified, len(given))
            assert given == body or (name == "a.ipynb" and json.loads(given) == NOTEBOOK_TREE)
            await stream.aclose()

    @pytest.mark.parametrize(
        "span", [Span(0, 1), Span(5, 6), Span(0, 300_000), Span(262_143, 600_001), Span(799_999, 800_000), Span(9, 9)]
    )
    async def test_a_stream_gives_any_part_of_the_file(self, backend: Backend, span: Span) -> None:
        await put(backend, "a.bin", LONG)
        assert await streamed(backend, "a.bin", span) == LONG[span.start : span.stop]

    async def test_the_parts_of_one_stream_are_of_one_revision(self, backend: Backend) -> None:
        await put(backend, "a.bin", LONG)
        stream = await streamer(backend).open(parse("a.bin"))
        half = len(LONG) // 2
        assert await bytes_of(stream, Span(0, half)) == LONG[:half]
        await put(backend, "a.bin", LONG[::-1] + b"more")
        assert await whole_or_gone(stream, Span(half, len(LONG))) in (None, LONG[half:])
        await stream.aclose()
        assert await streamed(backend, "a.bin") == LONG[::-1] + b"more"

    async def test_a_file_that_is_deleted_while_it_is_open_is_whole_or_gone(self, backend: Backend) -> None:
        await put(backend, "a.bin", LONG)
        stream = await streamer(backend).open(parse("a.bin"))
        await backend.delete(parse("a.bin"))
        assert await whole_or_gone(stream) in (None, LONG)
        await stream.aclose()

    async def test_a_reader_may_leave_in_the_middle(self, backend: Backend) -> None:
        await put(backend, "a.bin", LONG)
        for _ in range(3):
            stream = await streamer(backend).open(parse("a.bin"))
            async with aclosing(stream.pieces(Span(0, len(LONG)))) as pieces:
                first = await anext(pieces)
                assert first == LONG[: len(first)]
            await stream.aclose()
        assert await streamed(backend, "a.bin") == LONG

    async def test_what_is_no_file_cannot_be_opened(self, backend: Backend) -> None:
        await put(backend, "folder/a.txt")
        await refused(streamer(backend).open(parse("none.txt")), Code.NOT_FOUND)
        await refused(streamer(backend).open(parse("folder/none.ipynb")), Code.NOT_FOUND)
        await refused(streamer(backend).open(parse("folder/a.txt/below.txt")), Code.NOT_FOUND)
        for path in (parse("folder"), ROOT):
            problem = await refused(streamer(backend).open(path), Code.INVALID)
            assert problem.reason is Reason.BAD_TYPE

    async def test_a_file_of_any_name_can_be_opened(self, backend: Backend) -> None:
        for name in NAMES[:9]:
            body = name.encode()
            await put(backend, name, body)
            assert await streamed(backend, name) == body
