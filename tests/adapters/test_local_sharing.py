"""What only the local folder has: removal as a whole, disks without hard links, and several gateways on one folder."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.local.backend import LocalBackend
from gateway.contents.model import Absent, Matches
from gateway.contents.problem import Code, Problem
from tests.contract.steps import body_of, names, parse, put, race, refused

NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


@pytest.fixture
async def backend(root: Path) -> AsyncIterator[LocalBackend]:
    backend = LocalBackend(root)
    yield backend
    await backend.aclose()


def there(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_two_backends_on_one_folder_let_one_creator_win(root: Path) -> None:
    both = [LocalBackend(root), LocalBackend(root)]
    winners, losers = await race(
        both[number % 2].write(parse("a.txt"), b"%d" % number, precondition=Absent()) for number in range(16)
    )
    assert len(winners) == 1
    assert losers == Counter({Code.PRECONDITION: 15})
    assert await body_of(both[0], "a.txt") == b"%d" % winners[0]


async def test_two_backends_on_one_folder_let_one_writer_win(root: Path) -> None:
    both = [LocalBackend(root), LocalBackend(root)]
    etag = (await put(both[0], "a.txt")).entry.etag
    assert etag
    winners, losers = await race(
        both[number % 2].write(parse("a.txt"), b"%d" % number, precondition=Matches(etag)) for number in range(16)
    )
    assert len(winners) == 1
    assert losers == Counter({Code.PRECONDITION: 15})


ADDING = """
import asyncio, sys
from pathlib import Path
from adapters.local.backend import LocalBackend
from gateway.contents.model import Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem

async def add(root, times):
    backend, path = LocalBackend(Path(root)), ContentPath.parse("count.txt")
    while times:
        document = await backend.read(path)
        try:
            await backend.write(path, b"%d" % (int(document.body) + 1), precondition=Matches(document.entry.etag))
            times -= 1
        except Problem as problem:
            assert problem.code is Code.PRECONDITION, problem.detail

asyncio.run(add(sys.argv[1], int(sys.argv[2])))
"""


async def test_no_update_is_lost_between_processes(backend: LocalBackend, root: Path) -> None:
    await put(backend, "count.txt", b"0")
    command = [sys.executable, "-c", ADDING, str(root), "20"]
    processes = [await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        _, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
    assert await body_of(backend, "count.txt") == b"40"


async def test_concurrent_moves_of_one_file_lose_nothing(backend: LocalBackend) -> None:
    await put(backend, "a.txt")
    attempts = [backend.move(parse("a.txt"), parse(f"b{number}.txt")) for number in range(8)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(not isinstance(result, Problem) for result in results) == 1
    (name,) = await names(backend)
    assert await body_of(backend, name) == b"one\n"


async def test_what_a_killed_process_left_half_removed_goes_with_the_next_removal(
    backend: LocalBackend, root: Path
) -> None:
    left = root / ".nbgw/removed/left"
    left.mkdir(parents=True)
    (left / "a.txt").touch()
    await put(backend, "folder/a.txt")
    await backend.delete(parse("folder"))
    assert there(root / ".nbgw/removed") == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
async def test_where_hard_links_do_not_exist_creation_is_still_exclusive(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*names: object, **folders: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    attempts = (backend.write(parse("a.txt"), b"x", precondition=Absent()) for _ in range(4))
    winners, losers = await race(attempts)
    assert len(winners) == 1
    assert losers == Counter({Code.PRECONDITION: 3})


async def test_a_folder_on_another_disk_is_removed_where_it_stands(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def across(*names: object, **folders: int) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    await put(backend, "folder/inner/a.txt")
    monkeypatch.setattr(os, "rename", across)
    await backend.delete(parse("folder"))
    assert await names(backend) == []


async def test_a_folder_that_cannot_be_removed_stays(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*names: object, **folders: int) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    await put(backend, "folder/a.txt")
    monkeypatch.setattr(os, "rename", refuse)
    await refused(backend.delete(parse("folder")), Code.FORBIDDEN)
    assert await names(backend, "folder") == ["a.txt"]
