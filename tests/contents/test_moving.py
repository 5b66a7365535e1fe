"""Copying and moving within one mount, between mounts, and where the store cannot do it by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path

import pytest

from gateway.contents import transfer
from gateway.contents.backend import Capability
from gateway.contents.model import Absent, Document, ETag, Matches, Precondition, Written
from gateway.contents.mounts import Mount
from gateway.contents.notebook import EMPTY_NOTEBOOK
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.contents.service import Contents
from tests.contents.stand import ADA, SWEET, BareBackend, body_of, contents_of, folder, names, parse, write_all
from tests.contract.steps import refused

WAYS = pytest.mark.parametrize(
    ("origin", "goal"), [("full", "full"), ("bare", "bare"), ("full", "bare"), ("bare", "full"), ("full", "keen")]
)
KEEN = SWEET | {Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE, Capability.ATOMIC_REPLACE}


class Spoiling(BareBackend):
    """Stores something else than it was given: notebooks respelled, ``changed.txt`` with other bytes."""

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        spoiled = body.replace(b"\n", b" ") if path.name.endswith(".ipynb") else b"spoiled"
        return await super().write(path, spoiled, precondition=precondition)


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    return contents_of(
        Mount("full", folder(tmp_path / "full")),
        Mount("bare", BareBackend(folder(tmp_path / "bare"))),
        Mount("keen", BareBackend(folder(tmp_path / "keen"), KEEN)),
        Mount("spoiling", Spoiling(folder(tmp_path / "spoiling"), frozenset({Capability.EMPTY_DIRECTORIES}))),
        Mount("homes", folder(tmp_path / "homes"), homes=True),
    )


# -- moving ------------------------------------------------------------------------------------------------------------


@WAYS
async def test_a_file_is_moved(contents: Contents, origin: str, goal: str) -> None:
    await write_all(contents, [f"{origin}/a.txt"])
    entry = await contents.move(ADA, parse(f"{origin}/a.txt"), parse(f"{goal}/b.txt"))
    assert str(entry.path) == f"{goal}/b.txt"
    assert await body_of(contents, f"{goal}/b.txt") == f"{origin}/a.txt".encode()
    assert "a.txt" not in await names(contents, origin)


@WAYS
async def test_a_directory_is_moved_with_all_below(contents: Contents, origin: str, goal: str) -> None:
    texts = [f"{origin}/top/a.txt", f"{origin}/top/inner/b.txt"]
    await write_all(contents, texts)
    entry = await contents.move(ADA, parse(f"{origin}/top"), parse(f"{goal}/new"))
    assert str(entry.path) == f"{goal}/new"
    assert await names(contents, f"{goal}/new") == ["a.txt", "inner"]
    assert await body_of(contents, f"{goal}/new/inner/b.txt") == texts[1].encode()
    assert "top" not in await names(contents, origin)


@WAYS
async def test_nothing_is_replaced_by_a_move(contents: Contents, origin: str, goal: str) -> None:
    await write_all(contents, [f"{origin}/a.txt", f"{goal}/b.txt", f"{origin}/top/c.txt"])
    for source in ("a.txt", "top"):
        problem = await refused(contents.move(ADA, parse(f"{origin}/{source}"), parse(f"{goal}/b.txt")), Code.CONFLICT)
        assert problem.reason is Reason.EXISTS
    assert await body_of(contents, f"{goal}/b.txt") == f"{goal}/b.txt".encode()
    assert await names(contents, f"{origin}/top") == ["c.txt"]


async def test_what_a_store_does_not_list_is_copied_beside_itself(contents: Contents) -> None:
    await write_all(contents, ["full/a.txt~"])
    copied = await contents.copy_into(ADA, parse("full/a.txt~"), parse("full"))
    assert copied.name == "a-Copy1.txt~"


@WAYS
async def test_what_is_missing_cannot_be_moved(contents: Contents, origin: str, goal: str) -> None:
    await refused(contents.move(ADA, parse(f"{origin}/a.txt"), parse(f"{goal}/b.txt")), Code.NOT_FOUND)


@WAYS
async def test_the_condition_of_a_move_speaks_of_the_source(contents: Contents, origin: str, goal: str) -> None:
    source, target = parse(f"{origin}/a.txt"), parse(f"{goal}/b.txt")
    etag = (await contents.write(ADA, source, b"one")).entry.etag
    assert etag
    await refused(contents.move(ADA, source, target, Matches(ETag("stale"))), Code.PRECONDITION)
    await refused(contents.move(ADA, source, target, Absent()), Code.PRECONDITION)
    await contents.move(ADA, source, target, Matches(etag))
    assert await body_of(contents, f"{goal}/b.txt") == b"one"


async def test_a_move_onto_itself_changes_nothing(contents: Contents) -> None:
    await write_all(contents, ["full/a.txt"])
    assert (await contents.move(ADA, parse("full/a.txt"), parse("full/a.txt"))).name == "a.txt"


async def test_a_directory_goes_neither_into_itself_nor_copies_there(contents: Contents) -> None:
    await write_all(contents, ["full/top/a.txt"])
    await refused(contents.move(ADA, parse("full/top"), parse("full/top/inner")), Code.INVALID)
    await refused(contents.copy_into(ADA, parse("full/top"), parse("full/top")), Code.INVALID)


async def test_a_move_into_a_home_makes_the_home(contents: Contents) -> None:
    await write_all(contents, ["full/a.txt"])
    await contents.move(ADA, parse("full/a.txt"), parse("homes/a.txt"))
    assert await names(contents, "homes") == ["a.txt"]


async def test_a_target_taken_at_the_last_moment_is_not_replaced(tmp_path: Path) -> None:
    class Overtaken(BareBackend):
        async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
            await self.inner.write(path, b"someone else's")
            return await super().write(path, body, precondition=precondition)

    source, target = folder(tmp_path / "source"), Overtaken(folder(tmp_path / "target"), KEEN)
    contents = contents_of(Mount("source", source), Mount("target", target))
    await write_all(contents, ["source/a.txt"])
    problem = await refused(contents.move(ADA, parse("source/a.txt"), parse("target/a.txt")), Code.CONFLICT)
    assert problem.reason is Reason.EXISTS
    assert await body_of(contents, "target/a.txt") == b"someone else's"
    assert await names(contents, "source") == ["a.txt"]


async def test_another_failure_of_the_target_is_passed_on(contents: Contents) -> None:
    await write_all(contents, ["full/a.txt"])
    await refused(contents.move(ADA, parse("full/a.txt"), parse("keen/missing/a.txt")), Code.NOT_FOUND)
    assert await names(contents, "full") == ["a.txt"]


async def test_a_source_changed_meanwhile_is_not_deleted(tmp_path: Path) -> None:
    source = BareBackend(folder(tmp_path / "source"), KEEN)

    class Meddling(BareBackend):
        async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
            await source.inner.write(parse("a.txt"), b"newer")
            return await super().write(path, body, precondition=precondition)

    target = Meddling(folder(tmp_path / "target"))
    contents = contents_of(Mount("source", source), Mount("target", target))
    await write_all(contents, ["source/a.txt"])
    await refused(contents.move(ADA, parse("source/a.txt"), parse("target/a.txt")), Code.CONFLICT)
    assert await body_of(contents, "source/a.txt") == b"newer"
    assert await names(contents, "target") == []


@pytest.mark.parametrize("capabilities", [SWEET, KEEN])
@pytest.mark.parametrize("meddled", ["top/a.txt", "top/new.txt"])
async def test_what_changes_in_a_tree_while_it_moves_is_not_deleted(
    tmp_path: Path, capabilities: frozenset[Capability], meddled: str
) -> None:
    source = BareBackend(folder(tmp_path / "source"), capabilities)

    class Meddling(BareBackend):
        async def read(self, path: ContentPath) -> Document:
            await source.inner.write(parse(meddled), b"newer")
            return await super().read(path)

    target = Meddling(folder(tmp_path / "target"))
    contents = contents_of(Mount("source", source), Mount("target", target))
    await write_all(contents, ["source/top/a.txt"])
    await refused(contents.move(ADA, parse("source/top"), parse("target/top")), Code.CONFLICT)
    assert await body_of(contents, f"source/{meddled}") == b"newer"
    assert await body_of(contents, "target/top/a.txt") == b"source/top/a.txt"


async def test_what_somebody_else_deletes_meanwhile_has_moved_all_the_same(tmp_path: Path) -> None:
    source = BareBackend(folder(tmp_path / "source"), KEEN)

    class Meddling(BareBackend):
        async def read(self, path: ContentPath) -> Document:
            await source.inner.delete(parse("top"))
            return await super().read(path)

    contents = contents_of(Mount("source", source), Mount("target", Meddling(folder(tmp_path / "target"))))
    await write_all(contents, ["source/top/a.txt"])
    await contents.move(ADA, parse("source/top"), parse("target/top"))
    assert (tmp_path / "target/top/a.txt").read_bytes() == b"source/top/a.txt"
    assert await names(contents, "source") == []


# -- verification ------------------------------------------------------------------------------------------------------


async def test_a_copy_that_reads_back_differently_removes_nothing(contents: Contents) -> None:
    await write_all(contents, ["full/a.txt", "full/top/b.txt"])
    await refused(contents.move(ADA, parse("full/a.txt"), parse("spoiling/a.txt")), Code.CONFLICT)
    await refused(contents.move(ADA, parse("full/top"), parse("spoiling/top")), Code.CONFLICT)
    assert await names(contents, "full") == ["a.txt", "top"]
    assert "top" not in await names(contents, "spoiling")


async def test_a_respelled_notebook_is_the_same_where_bytes_are_not_kept(contents: Contents) -> None:
    await contents.write(ADA, parse("full/a.ipynb"), EMPTY_NOTEBOOK)
    await contents.move(ADA, parse("full/a.ipynb"), parse("spoiling/a.ipynb"))
    assert await body_of(contents, "spoiling/a.ipynb") == EMPTY_NOTEBOOK.replace(b"\n", b" ")


async def test_a_respelled_notebook_is_another_where_bytes_are_kept(tmp_path: Path) -> None:
    exact = Spoiling(folder(tmp_path / "exact"), SWEET)
    contents = contents_of(Mount("source", folder(tmp_path / "source")), Mount("exact", exact))
    await contents.write(ADA, parse("source/a.ipynb"), EMPTY_NOTEBOOK)
    await refused(contents.move(ADA, parse("source/a.ipynb"), parse("exact/a.ipynb")), Code.CONFLICT)
    assert await names(contents, "source") == ["a.ipynb"]


async def test_a_tree_too_large_is_refused_before_anything_is_written(
    contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MAX_TREE_ENTRIES", 2)
    await write_all(contents, ["full/top/a.txt", "full/top/b.txt", "full/top/c.txt"])
    await refused(contents.move(ADA, parse("full/top"), parse("bare/top")), Code.INVALID)
    assert await names(contents, "bare") == []
    assert await names(contents, "full/top") == ["a.txt", "b.txt", "c.txt"]


async def test_hidden_files_are_not_lost_when_a_tree_moves_to_another_mount(contents: Contents, tmp_path: Path) -> None:
    await write_all(contents, ["full/top/a.txt"])
    (tmp_path / "full/top/.gitignore").write_bytes(b"*.log\n")
    await contents.move(ADA, parse("full/top"), parse("bare/top"))
    assert (tmp_path / "bare/top/.gitignore").read_bytes() == b"*.log\n"


# -- copying -----------------------------------------------------------------------------------------------------------


@WAYS
async def test_a_copy_takes_its_own_name_and_then_the_next(contents: Contents, origin: str, goal: str) -> None:
    await write_all(contents, [f"{origin}/sources/a.ipynb"])
    source = parse(f"{origin}/sources/a.ipynb")
    made = [(await contents.copy_into(ADA, source, parse(goal))).name for _ in range(3)]
    assert made == ["a.ipynb", "a-Copy1.ipynb", "a-Copy2.ipynb"]
    assert await body_of(contents, f"{goal}/a-Copy2.ipynb") == await body_of(contents, f"{origin}/sources/a.ipynb")
    assert await names(contents, f"{origin}/sources") == ["a.ipynb"]


@WAYS
async def test_a_directory_is_copied_with_all_below(contents: Contents, origin: str, goal: str) -> None:
    await write_all(contents, [f"{origin}/sources/a.txt", f"{origin}/sources/inner/b.txt"])
    entry = await contents.copy_into(ADA, parse(f"{origin}/sources"), parse(goal))
    expected = "sources-Copy1" if origin == goal else "sources"
    assert str(entry.path) == f"{goal}/{expected}"
    assert await body_of(contents, f"{goal}/{expected}/inner/b.txt") == f"{origin}/sources/inner/b.txt".encode()


async def test_what_is_missing_cannot_be_copied(contents: Contents) -> None:
    await refused(contents.copy_into(ADA, parse("full/a.txt"), parse("bare")), Code.NOT_FOUND)
    await write_all(contents, ["full/a.txt"])
    await refused(contents.copy_into(ADA, parse("full/a.txt"), parse("bare/missing")), Code.NOT_FOUND)
    await refused(contents.copy_into(ADA, parse("full/a.txt"), ContentPath.ROOT), Code.INVALID)


async def test_a_name_taken_between_listing_and_copying_is_passed_over(tmp_path: Path) -> None:
    class Crowded(BareBackend):
        async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
            if path.name == "a.txt":
                raise Problem(Code.PRECONDITION, "Someone was quicker.")
            return await super().write(path, body, precondition=precondition)

    contents = contents_of(Mount("m", folder(tmp_path / "m")), Mount("n", Crowded(folder(tmp_path / "n"), KEEN)))
    await write_all(contents, ["m/a.txt"])
    assert (await contents.copy_into(ADA, parse("m/a.txt"), parse("n"))).name == "a-Copy1.txt"


# -- what breaks half-way ----------------------------------------------------------------------------------------------


async def test_a_broken_copy_takes_away_only_what_it_made_itself(tmp_path: Path) -> None:
    target = folder(tmp_path / "target")

    class Crowded(BareBackend):
        async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
            written = await super().write(path, body, precondition=precondition)
            (tmp_path / "target/top/others.txt").write_bytes(b"somebody else's")
            (tmp_path / "target/top/b.txt").write_bytes(b"somebody else's too")
            return written

    contents = contents_of(Mount("source", folder(tmp_path / "source")), Mount("target", Crowded(target, KEEN)))
    await write_all(contents, ["source/top/a.txt", "source/top/b.txt", "source/top/c.txt"])
    problem = await refused(contents.copy_into(ADA, parse("source/top"), parse("target")), Code.CONFLICT)
    assert problem.reason is Reason.BUSY
    left = {path.name: path.read_bytes() for path in (tmp_path / "target/top").iterdir()}
    assert left.keys() >= {"b.txt", "others.txt"}
    assert left["b.txt"] == b"somebody else's too"
    assert await names(contents, "target") == ["top"]
    assert len(await names(contents, "source/top")) == 3


async def test_a_copy_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    class Slow(BareBackend):
        async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
            await asyncio.sleep(0.02)
            return await super().write(path, body, precondition=precondition)

    contents = contents_of(
        Mount("source", folder(tmp_path / "source")), Mount("target", Slow(folder(tmp_path / "target"), KEEN))
    )
    await write_all(contents, [f"source/top/{number}.txt" for number in range(20)])
    for attempt in (contents.copy_into(ADA, parse("source/top"), parse("target")), _move(contents)):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(attempt, 0.15)
        assert await names(contents, "target") == []
    assert len(await names(contents, "source/top")) == 20


async def test_a_file_move_that_is_cut_off_can_be_made_again(tmp_path: Path) -> None:
    class Slow(BareBackend):
        async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
            await asyncio.sleep(0.1)
            return await super().write(path, body, precondition=precondition)

    contents = contents_of(
        Mount("source", folder(tmp_path / "source")), Mount("target", Slow(folder(tmp_path / "target"), KEEN))
    )
    await write_all(contents, ["source/a.txt"])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(contents.move(ADA, parse("source/a.txt"), parse("target/a.txt")), 0.05)
    assert await names(contents, "target") == []
    await contents.move(ADA, parse("source/a.txt"), parse("target/a.txt"))
    assert await names(contents, "source") == []


def _move(contents: Contents) -> Coroutine[None, None, object]:
    return contents.move(ADA, parse("source/top"), parse("target/top"))


async def test_a_file_whose_copy_cannot_be_verified_can_be_moved_again(tmp_path: Path) -> None:
    class Unreadable(BareBackend):
        broken = True

        async def read(self, path: ContentPath) -> Document:
            if self.broken:
                raise Problem(Code.UNAVAILABLE, "The store is down.")
            return await super().read(path)

    target = Unreadable(folder(tmp_path / "target"), KEEN)
    contents = contents_of(Mount("source", folder(tmp_path / "source")), Mount("target", target))
    await write_all(contents, ["source/a.txt"])
    await refused(contents.move(ADA, parse("source/a.txt"), parse("target/a.txt")), Code.UNAVAILABLE)
    target.broken = False
    await contents.move(ADA, parse("source/a.txt"), parse("target/a.txt"))
    assert await names(contents, "source") == []


@pytest.mark.parametrize("unlisted", ["draft.txt~", "module.pyc", "back\\slash.csv"])
async def test_what_listings_leave_out_is_not_lost_in_a_move(contents: Contents, tmp_path: Path, unlisted: str) -> None:
    await write_all(contents, ["full/top/a.txt"])
    (tmp_path / "full/top" / unlisted).write_bytes(b"kept")
    await refused(contents.move(ADA, parse("full/top"), parse("bare/top")), Code.CONFLICT)
    assert (tmp_path / "full/top" / unlisted).read_bytes() == b"kept"
    assert await body_of(contents, "bare/top/a.txt") == b"full/top/a.txt"


@pytest.mark.parametrize("capabilities", [SWEET, SWEET | {Capability.CONDITIONAL_WRITE, Capability.ATOMIC_REPLACE}])
async def test_a_checked_move_and_a_checked_save_never_both_win(
    tmp_path: Path, capabilities: frozenset[Capability]
) -> None:
    class Slow(BareBackend):
        async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
            await asyncio.sleep(0.05)
            await super().delete(path, precondition=precondition)

    source = Slow(folder(tmp_path / "source"), capabilities)
    contents = contents_of(Mount("source", source), Mount("target", folder(tmp_path / "target")))
    await write_all(contents, ["source/top/a.txt"])
    etag = (await contents.stat(ADA, parse("source/top/a.txt"))).etag
    assert etag
    moving = asyncio.create_task(contents.move(ADA, parse("source/top"), parse("target/top")))
    await asyncio.sleep(0.02)
    saved = await asyncio.gather(
        contents.write(ADA, parse("source/top/a.txt"), b"newer", Matches(etag)), return_exceptions=True
    )
    moved = await asyncio.gather(moving, return_exceptions=True)
    there = [path.read_bytes() for path in tmp_path.rglob("a.txt")]
    if not isinstance(saved[0], BaseException):
        assert b"newer" in there, "an acknowledged save is lost"
    else:
        assert not isinstance(moved[0], BaseException)
