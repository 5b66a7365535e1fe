"""Files of a folder while they are read: replaced, written to in place, or on a drive that hangs."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from adapters.local import streams
from adapters.local.backend import LocalBackend
from adapters.local.files import Folder, OpenFile
from gateway.contents.backend import Stream
from gateway.contents.model import Span
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code
from tests.contract.steps import refused
from tests.contract.streaming import bytes_of

PATH = ContentPath.parse("a.bin")
LONG = b"0123456789abcdef" * (1 << 16)


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[LocalBackend]:
    (tmp_path / "a.bin").write_bytes(LONG)
    os.utime(tmp_path / "a.bin", (1, 1))  # so that any change shows, however coarse the clock of the file system is
    backend = LocalBackend(tmp_path)
    yield backend
    await backend.aclose()


async def read_around(stream: Stream, change: object) -> bytes:
    """All of the stream, with ``change`` called after the first piece."""
    given = bytearray()
    async with aclosing(stream.pieces(Span(0, len(LONG)))) as pieces:
        async for piece in pieces:
            if not given and callable(change):
                change()
            given.extend(piece)
    return bytes(given)


async def test_a_file_that_is_replaced_is_read_to_its_end(backend: LocalBackend, tmp_path: Path) -> None:
    stream = await backend.open(PATH)
    await backend.write(PATH, b"new")
    assert await bytes_of(stream) == LONG
    (tmp_path / "a.bin").unlink()
    assert await bytes_of(stream, Span(5, 10)) == LONG[5:10]
    await stream.aclose()


@pytest.mark.parametrize("body", [LONG[::-1], LONG + b"!", LONG[:100], b""])
async def test_a_file_written_to_in_place_is_not_completed(backend: LocalBackend, tmp_path: Path, body: bytes) -> None:
    stream = await backend.open(PATH)
    await refused(read_around(stream, lambda: (tmp_path / "a.bin").write_bytes(body)), Code.CONFLICT)
    await stream.aclose()


async def test_a_drive_that_hangs_in_the_middle_ends_it(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, released = await backend.open(PATH), threading.Event()
    monkeypatch.setattr(streams, "STALL_SECONDS", 0.1)
    monkeypatch.setattr(OpenFile, "piece", lambda *_: released.wait(20))
    await refused(bytes_of(stream), Code.TIMEOUT)
    released.set()
    await stream.aclose()


async def test_a_file_that_nobody_waits_for_any_longer_is_closed(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the reader leaves before the file is open or just then."""
    begun, released, opened = threading.Event(), threading.Event(), list[OpenFile]()
    open_now = Folder.opened

    def open_late(folder: Folder, path: ContentPath) -> OpenFile:
        begun.set()
        released.wait(20)
        opened.append(open_now(folder, path))
        return opened[0]

    monkeypatch.setattr(Folder, "opened", open_late)
    opening = asyncio.create_task(backend.open(PATH))
    await asyncio.to_thread(begun.wait, 20)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    released.set()
    await backend.aclose()
    assert opened[0].file.closed


async def test_a_file_that_keeps_changing_is_busy(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenFile, "is_unchanged", property(lambda _: False))
    await refused(backend.open(PATH), Code.CONFLICT)
