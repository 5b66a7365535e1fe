"""The contents service over real folders: scope, reading, writing, conditions, names, checkpoints."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from adapters.local.backend import LocalBackend
from gateway.contents.backend import Capability
from gateway.contents.model import (
    Absent,
    Caller,
    Condition,
    Credential,
    ETag,
    Kind,
    Matches,
    MatchesAny,
    Precondition,
    Written,
    sha256_hex,
)
from gateway.contents.mounts import Mount
from gateway.contents.notebook import EMPTY_NOTEBOOK
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.contents.service import Contents
from tests.contents.stand import (
    ADA,
    BOB,
    PLATFORM,
    SWEET,
    BareBackend,
    body_of,
    contents_of,
    folder,
    names,
    parse,
    write_all,
)
from tests.contract.steps import refused

ROOT = ContentPath.ROOT
ATOMIC = SWEET | {Capability.ATOMIC_REPLACE, Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE}


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    """A full backend, one that can do less, one with homes, and one that only bob may write."""
    bare = BareBackend(folder(tmp_path / "bare"))
    return contents_of(
        Mount("full", folder(tmp_path / "full")),
        Mount("bare", bare),
        Mount("homes", folder(tmp_path / "homes"), homes=True),
        Mount("shared", folder(tmp_path / "shared"), writers=frozenset({"bob"})),
    )


BOTH = pytest.mark.parametrize("top", ["full", "bare"])


# -- scope -------------------------------------------------------------------------------------------------------------


async def test_the_virtual_root_lists_the_mounts_and_holds_nothing_else(contents: Contents) -> None:
    assert await names(contents, "") == ["bare", "full", "homes", "shared"]
    entry = await contents.stat(ADA, ROOT)
    assert (entry.kind, entry.writable) == (Kind.DIRECTORY, False)
    assert (await refused(contents.read(ADA, ROOT), Code.INVALID)).reason is Reason.BAD_TYPE
    await refused(contents.write(ADA, ROOT, b""), Code.INVALID)
    await refused(contents.make_directory(ADA, ROOT), Code.INVALID)
    await refused(contents.delete(ADA, ROOT), Code.INVALID)
    await refused(contents.create_untitled(ADA, ROOT, Kind.NOTEBOOK), Code.INVALID)
    await refused(contents.write(ADA, parse("new.txt"), b""), Code.NOT_FOUND)


async def test_a_mount_itself_stays_as_it_is(contents: Contents) -> None:
    for text in ("full", "homes"):
        await refused(contents.write(ADA, parse(text), b""), Code.INVALID)
        await refused(contents.delete(ADA, parse(text)), Code.INVALID)
        await refused(contents.move(ADA, parse(text), parse("bare/x")), Code.INVALID)
        problem = await refused(contents.make_directory(ADA, parse(text)), Code.CONFLICT)
        assert problem.reason is Reason.EXISTS


async def test_hidden_names_are_neither_served_nor_written(contents: Contents, tmp_path: Path) -> None:
    (tmp_path / "full/.env").write_bytes(b"SECRET")
    await write_all(contents, ["full/a.txt"])
    assert await names(contents, "full") == ["a.txt"]
    await refused(contents.read(ADA, parse("full/.env")), Code.NOT_FOUND)
    await refused(contents.stat(ADA, parse("full/.git/config")), Code.NOT_FOUND)
    await refused(contents.list_checkpoints(ADA, parse("full/.env")), Code.NOT_FOUND)
    await refused(contents.write(ADA, parse("full/.env"), b""), Code.INVALID)
    await refused(contents.move(ADA, parse("full/a.txt"), parse("full/.a")), Code.INVALID)


async def test_who_may_not_write_may_not_change_anything(contents: Contents) -> None:
    await contents.write(BOB, parse("shared/a.txt"), b"one")
    path = parse("shared/a.txt")
    assert not (await contents.stat(ADA, path)).writable
    assert (await contents.stat(BOB, path)).writable
    attempts = [
        contents.write(ADA, path, b""),
        contents.delete(ADA, path),
        contents.move(ADA, path, parse("full/a.txt")),
        contents.make_directory(ADA, parse("shared/new")),
        contents.create_untitled(ADA, parse("shared"), Kind.FILE),
        contents.copy_into(ADA, path, parse("shared")),
        contents.create_checkpoint(ADA, path),
    ]
    for attempt in attempts:
        await refused(attempt, Code.FORBIDDEN)
    assert await names(contents, "shared") == ["a.txt"]


async def test_each_caller_has_an_own_home(contents: Contents) -> None:
    path = parse("homes/a.txt")
    assert await names(contents, "homes") == []
    assert (await contents.stat(ADA, parse("homes"))).kind is Kind.DIRECTORY
    await contents.write(ADA, path, b"ada")
    await contents.write(BOB, path, b"bob")
    await contents.make_directory(ADA, parse("homes/folder"))
    assert await body_of(contents, "homes/a.txt") == b"ada"
    assert await body_of(contents, "homes/a.txt", BOB) == b"bob"
    assert await names(contents, "homes") == ["a.txt", "folder"]
    assert await names(contents, "homes", BOB) == ["a.txt"]
    await refused(contents.list(PLATFORM, parse("homes")), Code.FORBIDDEN)
    await refused(contents.read(ADA, parse("homes/../bob/a.txt".replace("../", "home/"))), Code.NOT_FOUND)


async def test_a_home_is_only_made_for_what_lands_in_it(contents: Contents, tmp_path: Path) -> None:
    await refused(contents.write(ADA, parse("homes/missing/a.txt"), b""), Code.NOT_FOUND)
    assert not (tmp_path / "homes/home").exists()
    await refused(contents.list(ADA, parse("homes/missing")), Code.NOT_FOUND)


async def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    contents = contents_of(Mount("homes", folder(tmp_path / "homes"), homes=True))
    (tmp_path / "homes").rmdir()
    await refused(contents.write(ADA, parse("homes/a.txt"), b""), Code.UNAVAILABLE)


async def test_mounts_stand_beside_what_a_root_mount_holds(tmp_path: Path) -> None:
    top = folder(tmp_path / "top")
    contents = contents_of(Mount("top", top, is_root=True), Mount("side", folder(tmp_path / "side")))
    (tmp_path / "top/side").mkdir()
    await contents.write(ADA, parse("a.txt"), b"one")
    assert await names(contents, "") == ["a.txt", "side"]
    assert (await contents.stat(ADA, ROOT)).path == ROOT
    assert (await contents.create_untitled(ADA, ROOT, Kind.FILE)).name == "untitled"


# -- reading -----------------------------------------------------------------------------------------------------------


@BOTH
async def test_paths_come_back_as_the_caller_spells_them(contents: Contents, top: str) -> None:
    await write_all(contents, [f"{top}/folder/a.txt"])
    listing = await contents.list(ADA, parse(f"{top}/folder"))
    assert [str(entry.path) for entry in listing.entries] == [f"{top}/folder/a.txt"]
    assert str((await contents.read(ADA, parse(f"{top}/folder/a.txt"))).entry.path) == f"{top}/folder/a.txt"
    assert str((await contents.stat(ADA, parse(f"{top}/folder"))).path) == f"{top}/folder"


@BOTH
async def test_a_file_that_is_read_has_its_digest(contents: Contents, top: str) -> None:
    await contents.write(ADA, parse(f"{top}/a.txt"), b"one")
    assert (await contents.read(ADA, parse(f"{top}/a.txt"))).entry.sha256 == sha256_hex(b"one")


# -- writing and conditions --------------------------------------------------------------------------------------------


async def write(contents: Contents, text: str, body: bytes, condition: Condition = None) -> Written:
    return await contents.write(ADA, parse(text), body, condition)


@BOTH
async def test_every_condition_of_a_write_is_kept(contents: Contents, top: str) -> None:
    text = f"{top}/a.txt"
    await refused(write(contents, text, b"x", MatchesAny()), Code.PRECONDITION)
    await refused(write(contents, text, b"x", Matches(ETag("none"))), Code.PRECONDITION)
    first = (await write(contents, text, b"one", Absent())).entry.etag
    assert first
    await refused(write(contents, text, b"x", Absent()), Code.PRECONDITION)
    second = (await write(contents, text, b"two", Matches(first))).entry.etag
    assert second
    await refused(write(contents, text, b"x", Matches(first)), Code.PRECONDITION)
    await refused(write(contents, text, b"x", MatchesAny((first, ETag("none")))), Code.PRECONDITION)
    await write(contents, text, b"three", MatchesAny((first, second)))
    assert not (await write(contents, text, b"four", MatchesAny())).created
    assert await body_of(contents, text) == b"four"


@BOTH
async def test_every_condition_of_a_delete_is_kept(contents: Contents, top: str) -> None:
    path = parse(f"{top}/a.txt")
    first = (await contents.write(ADA, path, b"one")).entry.etag
    second = (await contents.write(ADA, path, b"two")).entry.etag
    assert first
    assert second
    await refused(contents.delete(ADA, path, Matches(first)), Code.PRECONDITION)
    await refused(contents.delete(ADA, path, MatchesAny((first,))), Code.PRECONDITION)
    await contents.delete(ADA, path, Matches(second))
    await refused(contents.delete(ADA, path, MatchesAny()), Code.PRECONDITION)
    await refused(contents.delete(ADA, path), Code.NOT_FOUND)


@BOTH
async def test_of_racing_writers_with_one_etag_one_wins(contents: Contents, top: str) -> None:
    etag = (await write(contents, f"{top}/a.txt", b"one")).entry.etag
    assert etag
    attempts = (write(contents, f"{top}/a.txt", b"%d" % number, Matches(etag)) for number in range(8))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, Written) for result in results) == 1
    assert {result.code for result in results if isinstance(result, Problem)} == {Code.PRECONDITION}


async def test_a_failure_to_look_is_not_taken_for_absence(tmp_path: Path) -> None:
    contents = contents_of(Mount("m", BareBackend(folder(tmp_path / "m"))))
    (tmp_path / "m").rmdir()
    await refused(write(contents, "m/a.txt", b"one", Absent()), Code.UNAVAILABLE)


@BOTH
async def test_a_directory_is_deleted_with_all_or_only_when_empty(contents: Contents, top: str) -> None:
    await write_all(contents, [f"{top}/folder/a.txt"])
    await refused(contents.delete(ADA, parse(f"{top}/folder"), recursive=False), Code.CONFLICT)
    await contents.delete(ADA, parse(f"{top}/folder"))
    await contents.make_directory(ADA, parse(f"{top}/empty"))
    await contents.delete(ADA, parse(f"{top}/empty"), recursive=False)
    await write(contents, f"{top}/a.txt", b"one")
    await contents.delete(ADA, parse(f"{top}/a.txt"), recursive=False)
    assert await names(contents, top) == []


# -- names -------------------------------------------------------------------------------------------------------------


@BOTH
async def test_untitled_things_take_the_first_free_name(contents: Contents, top: str) -> None:
    directory = parse(top)
    made = [
        await contents.create_untitled(ADA, directory, kind, extension)
        for kind, extension in ((Kind.NOTEBOOK, ""), (Kind.FILE, ".py"), (Kind.DIRECTORY, "")) * 2
    ]
    assert [entry.name for entry in made] == [
        "Untitled.ipynb",
        "untitled.py",
        "Untitled Folder",
        "Untitled1.ipynb",
        "untitled1.py",
        "Untitled Folder 1",
    ]
    assert await body_of(contents, f"{top}/Untitled.ipynb") == EMPTY_NOTEBOOK
    assert await body_of(contents, f"{top}/untitled.py") == b""


@BOTH
async def test_things_created_at_once_all_have_names_of_their_own(contents: Contents, top: str) -> None:
    entries = await asyncio.gather(*(contents.create_untitled(ADA, parse(top), Kind.NOTEBOOK) for _ in range(6)))
    assert len({entry.name for entry in entries}) == 6
    folders = await asyncio.gather(*(contents.create_untitled(ADA, parse(top), Kind.DIRECTORY) for _ in range(3)))
    assert len({entry.name for entry in folders}) == 3


async def test_names_run_out(contents: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.contents.naming._NAME_ATTEMPTS", 1)
    await contents.create_untitled(ADA, parse("full"), Kind.FILE)
    await refused(contents.create_untitled(ADA, parse("full"), Kind.FILE), Code.CONFLICT)
    await refused(contents.copy_into(ADA, parse("full/untitled"), parse("full")), Code.CONFLICT)


async def test_what_cannot_be_created_for_another_reason_is_told(contents: Contents, tmp_path: Path) -> None:
    await contents.write(ADA, parse("homes/a.txt"), b"")
    await refused(contents.create_untitled(ADA, parse("homes/missing"), Kind.FILE), Code.NOT_FOUND)
    (tmp_path / "full/.nbgw").write_bytes(b"in the way")
    await refused(contents.create_untitled(ADA, parse("full"), Kind.FILE), Code.CONFLICT)


# -- checkpoints -------------------------------------------------------------------------------------------------------


async def test_checkpoints_go_to_the_backend(contents: Contents) -> None:
    path = parse("full/a.txt")
    await contents.write(ADA, path, b"one")
    saved = await contents.create_checkpoint(ADA, path)
    assert await contents.list_checkpoints(ADA, path) == (saved,)
    await contents.write(ADA, path, b"two")
    await contents.restore_checkpoint(ADA, path, saved.id)
    assert await body_of(contents, "full/a.txt") == b"one"
    await contents.delete_checkpoint(ADA, path, saved.id)
    assert await contents.list_checkpoints(ADA, path) == ()


async def test_a_store_without_checkpoints_says_so(contents: Contents) -> None:
    path = parse("bare/a.txt")
    await contents.write(ADA, path, b"one")
    for attempt in (
        contents.list_checkpoints(ADA, path),
        contents.create_checkpoint(ADA, path),
        contents.restore_checkpoint(ADA, path, "1"),
        contents.delete_checkpoint(ADA, path, "1"),
    ):
        await refused(attempt, Code.UNSUPPORTED)


# -- conditions that meet each other -----------------------------------------------------------------------------------


async def test_a_checked_delete_and_a_native_write_with_one_etag_never_both_win(tmp_path: Path) -> None:
    class Slow(BareBackend):
        async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
            await asyncio.sleep(0.05)
            await super().delete(path, precondition=precondition)

    writes_natively = SWEET | {Capability.CONDITIONAL_WRITE, Capability.ATOMIC_REPLACE}
    contents = contents_of(Mount("m", Slow(folder(tmp_path / "m"), writes_natively)))
    etag = (await contents.write(ADA, parse("m/a.txt"), b"one")).entry.etag
    assert etag
    results = await asyncio.gather(
        contents.delete(ADA, parse("m/a.txt"), Matches(etag)),
        contents.write(ADA, parse("m/a.txt"), b"two", Matches(etag)),
        return_exceptions=True,
    )
    assert sorted(isinstance(result, Problem) for result in results) == [False, True]


async def test_two_mounts_over_one_store_share_its_locks(tmp_path: Path) -> None:
    class Slow(BareBackend):
        async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
            await asyncio.sleep(0.02)
            return await super().write(path, body, precondition=precondition)

    whole = folder(tmp_path / "m")
    (tmp_path / "m/below").mkdir()
    below = LocalBackend(tmp_path / "m/below")
    contents = contents_of(
        Mount("whole", Slow(whole), store="s"), Mount("part", Slow(below), store="s", below=parse("below"))
    )
    etag = (await contents.write(ADA, parse("whole/below/a.txt"), b"one")).entry.etag
    assert etag
    results = await asyncio.gather(
        contents.write(ADA, parse("whole/below/a.txt"), b"two", Matches(etag)),
        contents.write(ADA, parse("part/a.txt"), b"three", Matches(etag)),
        return_exceptions=True,
    )
    assert sorted(isinstance(result, Problem) for result in results) == [False, True]


@pytest.mark.parametrize("top", ["full", "bare"])
async def test_any_revision_will_do_for_a_star(contents: Contents, top: str) -> None:
    path = parse(f"{top}/a.txt")
    await contents.write(ADA, path, b"one")
    await asyncio.gather(*(contents.write(ADA, path, str(number).encode(), MatchesAny()) for number in range(8)))
    await refused(contents.write(ADA, parse(f"{top}/no.txt"), b"x", MatchesAny()), Code.PRECONDITION)


@pytest.mark.parametrize("top", ["full", "bare"])
async def test_a_directory_is_deleted_under_its_own_etag_only(contents: Contents, top: str) -> None:
    await write_all(contents, [f"{top}/folder/a.txt"])
    await refused(contents.delete(ADA, parse(f"{top}/folder"), Matches(ETag("stale"))), Code.PRECONDITION)
    await refused(contents.delete(ADA, parse(f"{top}/folder"), Absent()), Code.PRECONDITION)
    etag = (await contents.stat(ADA, parse(f"{top}/folder"))).etag
    assert etag
    await contents.delete(ADA, parse(f"{top}/folder"), Matches(etag))
    assert "folder" not in await names(contents, top)


@pytest.mark.parametrize("left", ["a.txt", "draft.txt~", ".hidden"])
async def test_only_an_empty_directory_is_deleted_without_recursion(
    contents: Contents, tmp_path: Path, left: str
) -> None:
    await contents.make_directory(ADA, parse("full/folder"))
    (tmp_path / "full/folder" / left).write_bytes(b"x")
    await refused(contents.delete(ADA, parse("full/folder"), recursive=False), Code.CONFLICT)
    assert (tmp_path / "full/folder" / left).exists()
    (tmp_path / "full/folder" / left).unlink()
    await contents.delete(ADA, parse("full/folder"), recursive=False)
    assert not (tmp_path / "full/folder").exists()


async def test_a_username_is_no_role(tmp_path: Path) -> None:
    closed = Mount("m", folder(tmp_path / "m"), readers=frozenset({"role:admin"}), writers=frozenset({"role:admin"}))
    contents = contents_of(closed)
    await refused(contents.list(Caller("role:admin", Credential.JWT), parse("m")), Code.FORBIDDEN)
    await contents.list(Caller("ada", Credential.JWT, frozenset({"admin"})), parse("m"))
