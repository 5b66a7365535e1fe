"""What only the local folder has: permissions, failures of the system, dates, and where checkpoints lie."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import pytest

from adapters.local import changes, files
from adapters.local.backend import LocalBackend
from adapters.local.errors import problem_from
from gateway.contents.model import sha256_hex
from gateway.contents.problem import Code, Problem, Reason
from tests.contract.steps import parse, put, refused

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


@contextmanager
def powerless() -> Iterator[None]:
    """As a user whom permissions bind; root is bound by none."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def there(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


# -- permissions and failures ------------------------------------------------------------------------------------------


def test_a_read_only_file_is_not_replaced(root: Path) -> None:
    (root / "a.txt").write_bytes(b"one\n")
    (root / "a.txt").chmod(0o444)
    for folder in takewhile(lambda each: each != Path(tempfile.gettempdir()), root.parents):
        folder.chmod(0o755)
    root.chmod(0o777)
    with powerless():
        with pytest.raises(PermissionError) as caught:
            changes.replace_file(root / "a.txt", b"two\n", bounds=root, must_be_absent=False)
        assert not files.Folder(root, 1 << 20).entry(parse("a.txt")).writable
    assert problem_from(caught.value).code is Code.FORBIDDEN
    assert (root / "a.txt").read_bytes() == b"one\n"
    assert there(root) == ["a.txt"]


async def test_the_mode_of_a_file_survives_its_replacement(backend: LocalBackend, root: Path) -> None:
    await put(backend, "run.sh")
    (root / "run.sh").chmod(0o750)
    await put(backend, "run.sh", b"two\n")
    assert (root / "run.sh").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOENT, Code.NOT_FOUND),
        (errno.ELOOP, Code.NOT_FOUND),
        (errno.EEXIST, Code.CONFLICT),
        (errno.ENOTEMPTY, Code.CONFLICT),
        (errno.ENOTDIR, Code.CONFLICT),
        (errno.EISDIR, Code.CONFLICT),
        (errno.EBUSY, Code.CONFLICT),
        (errno.EACCES, Code.FORBIDDEN),
        (errno.EPERM, Code.FORBIDDEN),
        (errno.EROFS, Code.FORBIDDEN),
        (errno.ENAMETOOLONG, Code.INVALID),
        (errno.ENOSPC, Code.UNAVAILABLE),
        (errno.EDQUOT, Code.UNAVAILABLE),
        (errno.EMFILE, Code.UNAVAILABLE),
        (errno.EIO, Code.UPSTREAM),
    ],
)
def test_each_error_of_the_system_has_its_problem_without_a_host_path(number: int, code: Code) -> None:
    problem = problem_from(OSError(number, os.strerror(number), "/srv/private/a.txt"))
    assert problem.code is code
    assert "/srv" not in problem.detail


async def test_a_failed_write_leaves_nothing_behind(backend: LocalBackend, root: Path) -> None:
    await backend.make_directory(parse("folder"))
    await refused(backend.write(parse("folder"), b"x"), Code.CONFLICT)
    assert there(root) == [".nbgw", "folder"]


async def test_what_fails_after_its_waiter_left_disturbs_nobody(backend: LocalBackend) -> None:
    attempt = asyncio.create_task(backend.read(parse("missing.txt")))
    await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    await backend.aclose()


# -- bytes, dates, etags -----------------------------------------------------------------------------------------------


async def test_what_another_program_changes_in_place_has_a_new_etag(backend: LocalBackend, root: Path) -> None:
    first = await put(backend, "a.txt", b"one\n")
    assert (await backend.stat(parse("a.txt"))).etag == first.entry.etag
    (root / "a.txt").write_bytes(b"two\n")
    entry = await backend.stat(parse("a.txt"))
    assert entry.etag == entry.sha256 == sha256_hex(b"two\n")


def test_a_digest_is_remembered_once_the_file_has_settled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_REMEMBERED_DIGESTS", 1)
    folder = files.Folder(root, 1 << 20)
    past = time.time_ns() - 60_000_000_000
    for name in ("a.txt", "b.txt"):
        (root / name).write_bytes(name.encode())
        os.utime(root / name, ns=(past, past))
        for _ in range(2):
            assert folder.entry(parse(name)).sha256 == sha256_hex(name.encode())
        assert len(folder._digests) == 1
    (root / "new.txt").write_bytes(b"new")
    assert folder.entry(parse("new.txt")).sha256 == sha256_hex(b"new")
    assert len(folder._digests) == 1


async def test_dates_are_of_the_file_and_creation_never_after_change(backend: LocalBackend, root: Path) -> None:
    await put(backend, "a.txt")
    os.utime(root / "a.txt", ns=(1_700_000_000_123_456_789,) * 2)
    entry = await backend.stat(parse("a.txt"))
    assert entry.modified.isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert entry.created <= entry.modified


@pytest.mark.parametrize(("seconds", "year"), [(1 << 36, 4147), (253_402_300_800, 9999), (-(1 << 31), 1901)])
async def test_dates_of_broken_archives_do_not_hide_a_folder(
    backend: LocalBackend, root: Path, seconds: int, year: int
) -> None:
    await put(backend, "a.txt")
    try:
        os.utime(root / "a.txt", (seconds, seconds))
    except OverflowError:
        pytest.skip("this file system keeps no such date")
    stored = int((root / "a.txt").stat().st_mtime)
    (entry,) = (await backend.list(parse(""))).entries
    assert entry.modified.year == year or stored != seconds
    assert (await backend.stat(parse("a.txt"))).modified == entry.modified


@pytest.mark.parametrize("seconds", [1 << 50, -(1 << 50)])
def test_a_date_that_no_calendar_has_is_the_nearest_that_it_has(seconds: int) -> None:
    assert files._date(seconds * 1_000_000_000).year in (1, 9999)


def test_a_file_that_keeps_changing_is_busy(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "a.log").write_bytes(b"x")
    real_fstat = os.fstat

    def growing(descriptor: int) -> os.stat_result:
        facts = real_fstat(descriptor)
        with (root / "a.log").open("ab") as file:
            file.write(b"more")
        return facts

    monkeypatch.setattr(os, "fstat", growing)
    with pytest.raises(Problem) as caught:
        files.Folder(root, 1 << 20).read(parse("a.log"))
    assert caught.value.reason is Reason.BUSY


# -- checkpoints -------------------------------------------------------------------------------------------------------


async def test_a_checkpoint_lies_where_jupyter_keeps_it(backend: LocalBackend, root: Path) -> None:
    entry = (await put(backend, "work/a.ipynb", b"{}")).entry
    saved = await backend.create_checkpoint(parse("work/a.ipynb"))
    assert (saved.id, saved.modified) == ("checkpoint", entry.modified)
    assert (root / "work/.ipynb_checkpoints/a-checkpoint.ipynb").read_bytes() == b"{}"


async def test_a_moved_file_does_not_inherit_the_checkpoint_of_one_long_gone(backend: LocalBackend, root: Path) -> None:
    await put(backend, "old.txt")
    await backend.create_checkpoint(parse("old.txt"))
    (root / "old.txt").unlink()
    assert await backend.list_checkpoints(parse("old.txt")) == ()
    await put(backend, "a.txt")
    await backend.move(parse("a.txt"), parse("old.txt"))
    assert await backend.list_checkpoints(parse("old.txt")) == ()


async def test_the_longest_name_has_checkpoints_too(backend: LocalBackend) -> None:
    path = parse("n" * 249 + ".ipynb")
    await backend.write(path, b"one\n")
    saved = await backend.create_checkpoint(path)
    await backend.write(path, b"two\n")
    await backend.restore_checkpoint(path, saved.id)
    assert (await backend.read(path)).body == b"one\n"
    await backend.delete(path)
    await backend.write(path, b"three\n")
    assert await backend.list_checkpoints(path) == ()


async def test_a_full_disk_is_told_and_the_old_bytes_stand(
    backend: LocalBackend, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(backend, "a.txt")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    problem = await refused(backend.write(parse("a.txt"), b"two\n"), Code.UNAVAILABLE)
    assert str(root) not in problem.detail
    assert (root / "a.txt").read_bytes() == b"one\n"
    assert there(root) == [".nbgw", "a.txt"]


async def test_what_is_saved_or_stands_there_already_is_not_written(backend: LocalBackend, root: Path) -> None:
    def revisions() -> list[tuple[int, int]]:
        files = (root / "work/.ipynb_checkpoints/a-checkpoint.ipynb", root / "work/a.ipynb")
        return [(facts.st_ino, facts.st_mtime_ns) for facts in (file.stat() for file in files)]

    path = parse("work/a.ipynb")
    await put(backend, "work/a.ipynb", b"{}")
    saved = await backend.create_checkpoint(path)
    before = revisions()
    await backend.restore_checkpoint(path, saved.id)
    assert await backend.create_checkpoint(path) == saved
    assert revisions() == before
    await backend.write(path, b"{}")
    assert await backend.create_checkpoint(path) == saved
    assert revisions()[0] == before[0]
