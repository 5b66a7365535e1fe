"""What only the local folder has: the folder itself, symlinks, and what is never shown."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from adapters.local import files
from adapters.local.backend import LocalBackend, create
from gateway.contents.model import Absent, Kind, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.wire.client import UpstreamClient
from tests.contract.steps import body_of, names, parse, put, refused

NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(b"secret")
    return folder


@pytest.fixture
async def backend(root: Path) -> AsyncIterator[LocalBackend]:
    backend = LocalBackend(root)
    yield backend
    await backend.aclose()


def there(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


# -- the folder itself -------------------------------------------------------------------------------------------------


async def test_the_factory_takes_a_client_and_a_root(root: Path) -> None:
    async with aiohttp.ClientSession() as session:
        backend = create(UpstreamClient(session, max_body_bytes=1), root=str(root))
        await backend.probe()
        assert await names(backend) == []
        await backend.aclose()


async def test_a_missing_folder_is_unavailable_and_not_empty(tmp_path: Path) -> None:
    backend = LocalBackend(tmp_path / "gone")
    await refused(backend.probe(), Code.UNAVAILABLE)
    await refused(backend.stat(ContentPath.ROOT), Code.UNAVAILABLE)
    await refused(backend.list(ContentPath.ROOT), Code.UNAVAILABLE)
    await refused(backend.stat(parse("a.txt")), Code.UNAVAILABLE)
    await refused(backend.write(parse("a.txt"), b"x"), Code.UNAVAILABLE)


async def test_a_file_is_no_folder_to_serve(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    await refused(LocalBackend(tmp_path / "file").probe(), Code.UNAVAILABLE)


async def test_a_file_larger_than_the_gateway_carries_is_not_taken_into_memory(root: Path) -> None:
    async with aiohttp.ClientSession() as session:
        backend = create(UpstreamClient(session, max_body_bytes=1000), root=str(root))
        with (root / "huge.bin").open("wb") as file:
            file.truncate(1 << 40)
        (root / "fits.bin").write_bytes(b"x" * 1000)
        await refused(backend.read(parse("huge.bin")), Code.TOO_LARGE)
        assert len((await backend.read(parse("fits.bin"))).body) == 1000
        assert await names(backend) == ["fits.bin", "huge.bin"]
        await backend.aclose()


async def test_a_file_larger_than_the_gateway_carries_is_not_read_for_its_etag(root: Path) -> None:
    backend = LocalBackend(root, max_body_bytes=1000)
    with (root / "huge.bin").open("wb") as file:
        file.truncate(1 << 42)
    async with asyncio.timeout(5):
        entry = await backend.stat(parse("huge.bin"))
        assert (entry.size, entry.sha256) == (1 << 42, None)
        assert (await backend.stat(parse("huge.bin"))).etag == entry.etag
        os.utime(root / "huge.bin", (1, 1))
        changed = await backend.stat(parse("huge.bin"))
        assert entry.etag
        assert changed.etag
        assert changed.etag != entry.etag
        await refused(backend.delete(parse("huge.bin"), precondition=Matches(entry.etag)), Code.PRECONDITION)
        await backend.delete(parse("huge.bin"), precondition=Matches(changed.etag))
    assert await names(backend) == []
    await backend.aclose()


async def test_the_folder_itself_is_not_written(backend: LocalBackend, root: Path) -> None:
    await refused(backend.write(ContentPath.ROOT, b"x"), Code.CONFLICT)
    assert there(root.parent) == ["served"]


async def test_nothing_moves_into_itself(backend: LocalBackend) -> None:
    await put(backend, "a/b.txt")
    await refused(backend.move(parse("a"), parse("a/c")), Code.INVALID)
    assert await names(backend, "a") == ["b.txt"]


async def test_a_folder_that_hangs_leaves_other_folders_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    hanging, lively = LocalBackend(tmp_path), LocalBackend(tmp_path)
    monkeypatch.setattr(hanging._folder, "read", lambda _: held.wait(30))
    stuck = [asyncio.create_task(hanging.read(parse("a.txt"))) for _ in range(64)]
    try:
        async with asyncio.timeout(5):
            await put(lively, "a.txt")
            assert await body_of(lively, "a.txt") == b"one\n"
    finally:
        held.set()
        await asyncio.gather(*stuck, return_exceptions=True)
        await hanging.aclose()
        await lively.aclose()


# -- symlinks ----------------------------------------------------------------------------------------------------------


async def test_a_symlink_that_leaves_the_root_leads_nowhere(backend: LocalBackend, root: Path, outside: Path) -> None:
    (root / "file.txt").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "new.txt").symlink_to(outside / "new.txt")
    for text in ("file.txt", "folder", "folder/secret.txt", "new.txt", "folder/none.txt"):
        path = parse(text)
        await refused(backend.stat(path), Code.NOT_FOUND)
        await refused(backend.read(path), Code.NOT_FOUND)
        await refused(backend.list(path), Code.NOT_FOUND)
        await refused(backend.write(path, b"overwritten"), Code.NOT_FOUND)
        await refused(backend.delete(path), Code.NOT_FOUND)
    await refused(backend.make_directory(parse("folder/new")), Code.NOT_FOUND)
    assert await names(backend) == []
    assert there(outside) == ["secret.txt"]
    assert (outside / "secret.txt").read_bytes() == b"secret"


async def test_nothing_moves_or_copies_through_a_symlink_to_outside(
    backend: LocalBackend, root: Path, outside: Path
) -> None:
    (root / "folder").symlink_to(outside)
    await put(backend, "a.txt")
    await refused(backend.move(parse("a.txt"), parse("folder/a.txt")), Code.NOT_FOUND)
    await refused(backend.copy(parse("a.txt"), parse("folder/a.txt")), Code.NOT_FOUND)
    await refused(backend.move(parse("folder/secret.txt"), parse("b.txt")), Code.NOT_FOUND)
    await refused(backend.copy(parse("folder/secret.txt"), parse("b.txt")), Code.NOT_FOUND)
    assert there(outside) == ["secret.txt"]


async def test_checkpoints_never_land_outside(backend: LocalBackend, root: Path, outside: Path) -> None:
    (root / ".ipynb_checkpoints").symlink_to(outside)
    await put(backend, "a.txt")
    await refused(backend.create_checkpoint(parse("a.txt")), Code.NOT_FOUND)
    assert there(outside) == ["secret.txt"]


async def test_private_folders_that_lead_elsewhere_are_not_used(
    backend: LocalBackend, root: Path, outside: Path
) -> None:
    (outside / "locks").mkdir()
    (root / ".nbgw").symlink_to(outside)
    await refused(backend.write(parse("a.txt"), b"x"), Code.UPSTREAM)
    assert there(outside / "locks") == []


async def test_a_symlink_inside_the_root_is_followed_and_kept(backend: LocalBackend, root: Path) -> None:
    await put(backend, "real/a.txt")
    (root / "link.txt").symlink_to("real/a.txt")
    (root / "linked").symlink_to("real")
    assert await names(backend) == ["link.txt", "linked", "real"]
    assert (await backend.stat(parse("linked"))).kind is Kind.DIRECTORY
    await backend.write(parse("link.txt"), b"two\n")
    await backend.write(parse("linked/b.txt"), b"three\n")
    assert (root / "link.txt").is_symlink()
    assert await body_of(backend, "real/a.txt") == b"two\n"
    assert await body_of(backend, "real/b.txt") == b"three\n"


async def test_deleting_a_symlink_leaves_what_it_leads_to(backend: LocalBackend, root: Path) -> None:
    await put(backend, "real/a.txt")
    (root / "link.txt").symlink_to("real/a.txt")
    (root / "linked").symlink_to("real")
    await backend.delete(parse("link.txt"))
    await backend.delete(parse("linked"))
    assert await names(backend) == ["real"]
    assert await body_of(backend, "real/a.txt") == b"one\n"


async def test_a_symlink_in_a_deleted_directory_is_not_followed(
    backend: LocalBackend, root: Path, outside: Path
) -> None:
    await put(backend, "folder/a.txt")
    (root / "folder" / "link").symlink_to(outside)
    await backend.delete(parse("folder"))
    assert (outside / "secret.txt").exists()


async def test_symlinks_that_lead_nowhere_are_nothing_but_hold_their_name(backend: LocalBackend, root: Path) -> None:
    (root / "loop").symlink_to("loop")
    (root / "dangling.txt").symlink_to("nowhere.txt")
    for text in ("loop", "dangling.txt"):
        await refused(backend.stat(parse(text)), Code.NOT_FOUND)
        await refused(backend.write(parse(text), b"x", precondition=Absent()), Code.PRECONDITION)
    await put(backend, "a.txt")
    await refused(backend.move(parse("a.txt"), parse("dangling.txt")), Code.CONFLICT)
    assert await names(backend) == ["a.txt"]


# -- what is never shown -----------------------------------------------------------------------------------------------


async def test_names_and_things_that_cannot_be_served_are_left_out(backend: LocalBackend, root: Path) -> None:
    for name in ("back\\slash.txt", "line\nbreak.txt", "a.pyc", "a.pyo", "draft~", ".DS_Store", ".nbgw-0123"):
        (root / name).touch()
    (root / "__pycache__").mkdir()
    (root / os.fsdecode(b"not-utf8-\xff.txt")).touch()
    os.mkfifo(root / "pipe.txt")
    await put(backend, "a.txt")
    await backend.create_checkpoint(parse("a.txt"))
    assert await names(backend) == ["a.txt"]


async def test_a_pipe_is_neither_read_nor_waited_for(backend: LocalBackend, root: Path) -> None:
    os.mkfifo(root / "pipe.txt")
    async with asyncio.timeout(5):
        await refused(backend.stat(parse("pipe.txt")), Code.NOT_FOUND)
        await refused(backend.read(parse("pipe.txt")), Code.NOT_FOUND)
        await refused(backend.delete(parse("pipe.txt")), Code.NOT_FOUND)
    with pytest.raises(Problem) as caught:
        files._opened(root / "pipe.txt", root)
    assert caught.value.code is Code.NOT_FOUND


async def test_hidden_files_of_the_user_are_told_so_that_no_tree_copy_loses_them(
    backend: LocalBackend, root: Path
) -> None:
    (root / ".gitignore").touch()
    assert await names(backend) == [".gitignore"]


async def test_temporary_files_are_never_listed(backend: LocalBackend) -> None:
    path, seen = parse("a.bin"), set()
    body = b"x" * 2_000_000
    writing = asyncio.gather(*(backend.write(path, body) for _ in range(4)))
    while not writing.done():
        seen.update(await names(backend))
    await writing
    assert seen <= {"a.bin"}
