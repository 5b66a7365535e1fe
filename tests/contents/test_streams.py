"""The service that opens files: whose they are, how many at once, and what becomes of one that cannot be opened."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from gateway.contents import streams
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Caller, Credential, Span
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Reason
from gateway.contents.streams import PIECE_BYTES, Streams
from tests.contract.steps import refused
from tests.contract.streaming import bytes_of
from tests.fakes.memory import File, MemoryBackend

ADA, AL = Caller("ada", Credential.TOKEN), Caller("al", Credential.TOKEN)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG = bytes(range(256)) * 3000
PATH = ContentPath.parse("m/a.bin")


def service(*, is_root: bool = False, readers: frozenset[str] = frozenset({"ada"})) -> Streams:
    """Ada's mount ``m`` with one file."""
    backend = MemoryBackend()
    backend.files[ContentPath.parse("a.bin")] = File(LONG, NOW, NOW)
    return Streams(Mounts([Mount("m", backend, is_root=is_root, readers=readers)]), ProcessLocks())


async def test_a_store_that_gives_no_pieces_is_read_whole() -> None:
    stream = await service().open(ADA, PATH)
    assert (stream.entry.path, stream.entry.size) == (PATH, len(LONG))
    async with aclosing(stream.pieces(Span(1, len(LONG)))) as pieces:
        sizes = [len(piece) async for piece in pieces]
    assert (max(sizes), sum(sizes)) == (PIECE_BYTES, len(LONG) - 1)
    await stream.aclose()


async def test_what_is_no_file_of_the_caller_is_not_opened() -> None:
    await refused(service().open(AL, PATH), Code.FORBIDDEN)
    await refused(service().open(ADA, ContentPath.parse("other/a.bin")), Code.NOT_FOUND)
    await refused(service().open(ADA, ContentPath.parse("m/.hidden")), Code.NOT_FOUND)
    for directory in (service().open(ADA, ContentPath.ROOT), service(is_root=True).open(ADA, ContentPath.ROOT)):
        assert (await refused(directory, Code.INVALID)).reason is Reason.BAD_TYPE


async def test_so_many_are_open_at_once_and_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_OPEN", 2)
    files = service()
    first, second = await files.open(ADA, PATH), await files.open(ADA, PATH)
    third = asyncio.create_task(files.open(ADA, PATH))
    await asyncio.wait({third}, timeout=0.05)
    assert not third.done()
    await first.aclose()
    opened = await asyncio.wait_for(third, 5)
    assert await bytes_of(opened) == LONG
    await opened.aclose()
    await second.aclose()


async def test_one_caller_leaves_places_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_OPEN", 3)
    monkeypatch.setattr(streams, "MOST_OPEN_OF_ONE", 2)
    files = service(readers=frozenset({"ada", "al"}))
    first, second = await files.open(ADA, PATH), await files.open(ADA, PATH)
    third = asyncio.create_task(files.open(ADA, PATH))
    await (await asyncio.wait_for(files.open(AL, PATH), 5)).aclose()
    assert not third.done()
    await first.aclose()
    for stream in (await asyncio.wait_for(third, 5), second):
        await stream.aclose()


async def test_what_cannot_be_opened_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_OPEN", 1)
    files = service()
    for _ in range(3):
        await refused(files.open(ADA, ContentPath.parse("m/none")), Code.NOT_FOUND)
    await (await asyncio.wait_for(files.open(ADA, PATH), 5)).aclose()
