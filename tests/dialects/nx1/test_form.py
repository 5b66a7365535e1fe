"""A form's parts are the same however its bytes arrive, and nothing but a whole form is one."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from hypothesis import given
from hypothesis import strategies as some

from gateway.contents.problem import Code, Problem
from gateway.dialects.nx1.form import Form

BOUNDARY = "b-b"
TYPE = f'multipart/form-data; boundary="{BOUNDARY}"'
DELIMITER = f"\r\n--{BOUNDARY}".encode()
HEAD = b'Content-Disposition: form-data; name="f"\r\n\r\n'

Parts = list[tuple[str | None, bytes]]


def encoded(*bodies: bytes) -> bytes:
    return b"".join(DELIMITER + b"\r\n" + HEAD + body for body in bodies)[2:] + DELIMITER + b"--\r\n"


def fed(chunks: list[bytes]) -> StreamReader:
    stream = StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 16)
    for chunk in chunks:
        stream.feed_data(chunk)
    stream.feed_eof()
    return stream


class OneByOne(StreamReader):
    """Gives what it was fed chunk by chunk, however much there is."""

    async def readany(self) -> bytes:
        return self._read_nowait_chunk(-1) if self._buffer else b""


def trickling(chunks: list[bytes]) -> StreamReader:
    stream = OneByOne(BaseProtocol(asyncio.get_running_loop()), 1 << 16)
    for chunk in chunks:
        stream.feed_data(chunk)
    stream.feed_eof()
    return stream


async def parts_of(stream: StreamReader, *, max_bytes: int = 1 << 20) -> Parts:
    form = Form(stream, TYPE, max_bytes)
    parts: Parts = []
    while (disposition := await form.next()) is not None:
        body = b""
        while piece := await form.piece():
            body += piece
        parts.append((disposition.name, body))
    return parts


LOOKALIKES = some.sampled_from([b"\r", b"\n", b"-", b"--", DELIMITER[:-1], b"--" + BOUNDARY.encode(), b"x", b"\x00"])
BODIES = some.lists(some.lists(LOOKALIKES, max_size=8).map(b"".join), max_size=4).filter(
    lambda bodies: all(DELIMITER not in b"\r\n" + body for body in bodies)
)


@given(BODIES, some.integers(1, 9))
async def test_parts_are_the_same_in_whatever_chunks_they_arrive(bodies: list[bytes], size: int) -> None:
    whole = encoded(*bodies) if bodies else DELIMITER[2:] + b"--"
    chunks = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert await parts_of(trickling(chunks)) == [("f", body) for body in bodies]


@given(BODIES.filter(bool), some.data())
async def test_a_form_cut_short_anywhere_is_refused(bodies: list[bytes], data: some.DataObject) -> None:
    whole = encoded(*bodies).removesuffix(b"--\r\n")
    kept = data.draw(some.integers(0, len(whole) - 1))
    with pytest.raises(Problem) as raised:
        await parts_of(fed([whole[:kept]]))
    assert raised.value.code is Code.INVALID


@given(some.binary(max_size=300))
async def test_noise_is_a_form_or_refused_and_never_an_accident(noise: bytes) -> None:
    if noise.startswith(b"--"):
        assert await parts_of(fed([DELIMITER, noise])) == []
        return
    with pytest.raises(Problem) as raised:
        await parts_of(fed([DELIMITER, noise]))
    assert raised.value.code is Code.INVALID


@pytest.mark.parametrize("tail", [b"x", b" \t", b"-"])
async def test_text_behind_a_boundary_is_refused(tail: bytes) -> None:
    whole = encoded(b"x").replace(f"{BOUNDARY}\r\n".encode(), BOUNDARY.encode() + tail + b"\r\n", 1)
    with pytest.raises(Problem, match="malformed"):
        await parts_of(fed([whole]))


async def test_what_is_read_is_bounded() -> None:
    whole = encoded(b"x" * 1000)
    assert await parts_of(fed([whole]), max_bytes=len(whole)) == [("f", b"x" * 1000)]
    with pytest.raises(Problem) as raised:
        await parts_of(fed([whole]), max_bytes=len(whole) - 1)
    assert raised.value.code is Code.TOO_LARGE
