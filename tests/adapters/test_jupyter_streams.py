"""Files of a Jupyter server that are larger than the gateway carries: never parts of two revisions in one."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio
from aiohttp import web

from adapters.jupyter.backend import JupyterBackend, create
from gateway.contents.model import Span
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code
from gateway.contents.streams import WholeStream
from gateway.wire.client import UpstreamClient, open_session
from tests.contract.steps import refused
from tests.contract.streaming import bytes_of
from tests.fakes.jupyter import JupyterServer
from tests.fakes.s3_faults import Wire, wire_to

PATH = ContentPath.parse("a.bin")
LONG = b"0123456789abcdef" * (1 << 16)


@dataclass(frozen=True)
class Stand:
    backend: JupyterBackend
    file: Path
    wire: Wire
    asked: list[str]


@pytest_asyncio.fixture
async def stand(jupyter_server: JupyterServer) -> AsyncIterator[Stand]:
    """A file of 1 MiB on a server whose gateway carries half of that, and what that asks the server."""
    options = jupyter_server.new_folder()
    file = jupyter_server.root / options["folder"] / "a.bin"
    file.write_bytes(LONG)
    os.utime(file, (1, 1))  # so that any change shows, however coarse the clock of the file system is
    asked: list[str] = []

    async def note(request: web.Request) -> None:
        asked.append(request.raw_path)

    async with wire_to(jupyter_server.url) as wire, open_session() as session:
        wire.fault = note
        backend = create(UpstreamClient(session, max_body_bytes=1 << 19), **{**options, "url": wire.url})
        assert isinstance(backend, JupyterBackend)
        yield Stand(backend, file, wire, asked)


async def test_a_file_changed_while_it_is_read_is_not_completed(stand: Stand) -> None:
    stream = await stand.backend.open(PATH)
    given = bytearray()

    async def read() -> None:
        async with aclosing(stream.pieces(Span(0, len(LONG)))) as pieces:
            async for piece in pieces:
                if not given:
                    stand.file.write_bytes(LONG[::-1])
                given.extend(piece)

    await refused(read(), Code.CONFLICT)
    assert 0 < len(given) < len(LONG)


async def test_a_part_of_a_file_that_has_changed_is_not_begun(stand: Stand) -> None:
    stream = await stand.backend.open(PATH)
    stand.file.write_bytes(LONG[::-1])
    await refused(bytes_of(stream, Span(5, 10)), Code.PRECONDITION)
    stand.file.unlink()
    await refused(bytes_of(stream, Span(5, 10)), Code.NOT_FOUND)


async def test_the_server_reads_the_file_for_its_digest_once(stand: Stand) -> None:
    for start in (0, 1000, 2000):
        stream = await stand.backend.open(PATH)
        assert await bytes_of(stream, Span(start, start + 20)) == LONG[start : start + 20]
    assert len([each for each in stand.asked if "hash=1" in each]) == 1
    stand.file.write_bytes(LONG + b"!")
    changed = await stand.backend.open(PATH)
    assert changed.entry.etag == (await stand.backend.stat(PATH)).etag


async def test_what_the_gateway_carries_is_read_whole(stand: Stand) -> None:
    stand.file.write_bytes(LONG[: 1 << 19])
    stream = await stand.backend.open(PATH)
    assert isinstance(stream, WholeStream)
    stand.file.unlink()
    assert await bytes_of(stream) == LONG[: 1 << 19]
