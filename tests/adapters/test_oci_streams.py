"""Files of an OCI workspace that are larger than the gateway carries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from adapters.oci import par
from adapters.oci.backend import OciBackend
from gateway.contents.backend import Stream
from gateway.contents.model import Span
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code
from gateway.contents.streams import WholeStream
from tests.adapters.oci_steps import NOTEBOOK, Stand, standing
from tests.contract.steps import refused
from tests.contract.streaming import bytes_of

PATH = ContentPath.parse("a.bin")
LONG = b"0123456789abcdef" * (1 << 16)


@pytest.fixture(params=[False, True], ids=["through the API", "past the API"])
async def stand(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stand]:
    if request.param:
        monkeypatch.setattr(par, "LARGE_BYTES", 0)
    async with standing(tmp_path) as stand:
        stand.put("a.bin", LONG)
        yield stand


@pytest.fixture
def backend(stand: Stand) -> OciBackend:
    return stand.backend(max_body_bytes=1 << 19)


async def read_around(stream: Stream, stand: Stand, body: bytes) -> bytes:
    """All of the stream, while somebody replaces the file after the first piece."""
    given = bytearray()
    async with aclosing(stream.pieces(Span(0, len(LONG)))) as pieces:
        async for piece in pieces:
            if not given:
                stand.put("a.bin", body)
            given.extend(piece)
    return bytes(given)


async def test_a_file_changed_while_it_is_read_is_not_completed(stand: Stand, backend: OciBackend) -> None:
    await refused(read_around(await backend.open(PATH), stand, LONG[::-1]), Code.CONFLICT)


async def test_a_part_of_a_file_that_has_changed_is_not_begun(stand: Stand, backend: OciBackend) -> None:
    stream = await backend.open(PATH)
    stand.put("a.bin", LONG[::-1])
    await refused(bytes_of(stream, Span(5, 10)), Code.PRECONDITION)


async def test_what_the_gateway_carries_and_any_notebook_is_read_whole(stand: Stand) -> None:
    stand.put("n.ipynb", NOTEBOOK)
    stand.put("small.bin", b"small")
    for backend, name in ((stand.backend(max_body_bytes=5), "small.bin"), (stand.backend(max_body_bytes=0), "n.ipynb")):
        assert isinstance(await backend.open(ContentPath.parse(name)), WholeStream)


@pytest.mark.parametrize("status", [302, 404, 500, None])
async def test_where_the_storage_fails_the_file_comes_through_the_api(
    stand: Stand, backend: OciBackend, monkeypatch: pytest.MonkeyPatch, status: int | None
) -> None:
    monkeypatch.setattr(par, "LARGE_BYTES", 0)

    def fail(request: web.Request) -> web.Response | None:
        if not request.raw_path.startswith("/p/"):
            return None
        if status is None:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 500)

    stand.workspace.habits.fault = fail
    assert await bytes_of(await backend.open(PATH), Span(3, 9)) == LONG[3:9]
    assert await bytes_of(await backend.open(PATH)) == LONG
    assert len({each for _, each in stand.workspace.par_requests}) == 1


async def test_bytes_that_are_shown_late_are_not_given(stand: Stand, backend: OciBackend) -> None:
    stream = await backend.open(PATH)
    node = stand.node("a.bin")
    node.modified -= timedelta(minutes=1)
    await refused(bytes_of(stream), Code.PRECONDITION)
    node.modified += timedelta(minutes=1)
    assert await bytes_of(stream) == LONG


@pytest.mark.parametrize(("status", "code"), [(404, Code.NOT_FOUND), (429, Code.THROTTLED), (503, Code.UNAVAILABLE)])
async def test_what_the_api_refuses_is_told(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, status: int, code: Code
) -> None:
    monkeypatch.setattr(par, "LARGE_BYTES", 1 << 40)
    stream = await stand.backend(max_body_bytes=0).open(PATH)
    stand.workspace.habits.fault = lambda _: web.Response(status=status)
    await refused(bytes_of(stream), code)
