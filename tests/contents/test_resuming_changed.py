"""Moves that were cut off, where somebody has touched what they were about, or a store does not answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.local.backend import LocalBackend
from gateway.contents.backend import Backend, Capability
from gateway.contents.journal import Move, Spot, Stage
from gateway.contents.locks import ProcessLocks
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.notebook import EMPTY_NOTEBOOK
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code
from gateway.contents.service import Contents
from gateway.state.journal import StateJournal
from gateway.state.store import StateStore
from tests.contents.fickle import DOWN, KEEN, TEXTS, Fickle, Stand, stand_over
from tests.contents.stand import ADA, body_of, folder, names, parse, write_all
from tests.contract.steps import refused

ROOT = ContentPath.ROOT

# -- one file ----------------------------------------------------------------------------------------------------------


async def test_a_file_that_was_copied_goes_from_its_source(stand: Stand) -> None:
    await write_all(stand.contents, ["source/top"])
    await stand.cut_off(Stage.FILE, await stand.step("source/top"))
    await stand.contents.write(ADA, parse("target/top"), b"source/top")
    await stand.resume()
    assert await stand.both("top") == (False, True)
    assert (await stand.is_over(), stand.vacated) == (True, [("source/top", None)])


async def test_a_file_that_was_not_copied_stays(stand: Stand) -> None:
    await write_all(stand.contents, ["source/top"])
    await stand.cut_off(Stage.FILE, await stand.step("source/top"))
    await stand.resume()
    assert await stand.both("top") == (True, False)
    assert (await stand.is_over(), stand.vacated) == (True, [])


@pytest.mark.parametrize("other", ["file", "directory"])
async def test_what_is_no_copy_counts_as_none(stand: Stand, other: str) -> None:
    await write_all(stand.contents, ["source/top"])
    await stand.cut_off(Stage.FILE, await stand.step("source/top"))
    if other == "file":
        await stand.contents.write(ADA, parse("target/top"), b"somebody else's")
    else:
        await stand.contents.make_directory(ADA, parse("target/top"))
    await stand.resume()
    assert await stand.both("top") == (True, True)
    assert await stand.is_over()


async def test_a_copy_of_what_was_changed_since_is_taken_back(stand: Stand) -> None:
    await write_all(stand.contents, ["source/top"])
    await stand.cut_off(Stage.FILE, await stand.step("source/top"))
    await stand.contents.write(ADA, parse("target/top"), b"source/top")
    await stand.contents.write(ADA, parse("source/top"), b"newer")
    await stand.resume()
    assert await stand.both("top") == (True, False)
    assert await body_of(stand.contents, "source/top") == b"newer"


async def test_a_file_that_is_gone_has_moved(stand: Stand) -> None:
    await write_all(stand.contents, ["source/top"])
    await stand.cut_off(Stage.FILE, await stand.step("source/top"))
    await stand.contents.delete(ADA, parse("source/top"))
    await stand.contents.write(ADA, parse("target/top"), b"changed since")
    await stand.resume()
    assert await stand.both("top") == (False, True)
    assert await stand.is_over()


@pytest.mark.parametrize("changes", [False, True])
async def test_a_notebook_that_the_store_spells_otherwise_is_known_as_a_copy(
    tmp_path: Path, store: StateStore, changes: bool
) -> None:
    respelling = Fickle(folder(tmp_path / "target"), KEEN - {Capability.BYTE_EXACT})
    stand = stand_over(store, Fickle(folder(tmp_path / "source"), KEEN), respelling)
    await stand.contents.write(ADA, parse("source/a.ipynb"), EMPTY_NOTEBOOK)
    step = await stand.step("source/a.ipynb")
    respelled = EMPTY_NOTEBOOK.replace(b"\n", b" ")
    await stand.contents.write(ADA, parse("target/a.ipynb"), respelled if not changes else b"{}")
    await stand.cut_off(Stage.FILE, step, name="a.ipynb")
    await stand.resume()
    assert await stand.both("a.ipynb") == (changes, True)


async def test_a_notebook_spelled_otherwise_is_no_copy_of_a_newer_one(tmp_path: Path, store: StateStore) -> None:
    respelling = Fickle(folder(tmp_path / "target"), KEEN - {Capability.BYTE_EXACT})
    stand = stand_over(store, Fickle(folder(tmp_path / "source"), KEEN), respelling)
    await stand.contents.write(ADA, parse("source/a.ipynb"), EMPTY_NOTEBOOK)
    step = await stand.step("source/a.ipynb")
    await stand.contents.write(ADA, parse("target/a.ipynb"), EMPTY_NOTEBOOK.replace(b"\n", b" "))
    await stand.contents.write(ADA, parse("source/a.ipynb"), b"{}")
    await stand.cut_off(Stage.FILE, step, name="a.ipynb")
    await stand.resume()
    assert await stand.both("a.ipynb") == (True, True)


# -- a directory of which not all was copied ---------------------------------------------------------------------------


async def copying(stand: Stand) -> None:
    """``a`` was copied and noted, ``b`` copied only, ``c`` not at all."""
    await write_all(stand.contents, [f"source/{text}" for text in TEXTS])
    await stand.contents.make_directory(ADA, parse("target/top"))
    for text in TEXTS[:2]:
        await stand.contents.write(ADA, parse(f"target/{text}"), f"source/{text}".encode())
    await stand.cut_off(
        Stage.COPYING,
        await stand.step("source/top/a.txt", "a.txt", await stand.etag("target/top/a.txt")),
        await stand.step("source/top/b.txt", "b.txt"),
        directories=("", "inner"),
    )


async def test_copies_are_taken_back(stand: Stand) -> None:
    await copying(stand)
    await stand.resume()
    assert await stand.both("top") == (True, False)
    assert await names(stand.contents, "source/top") == ["a.txt", "b.txt", "c.txt"]
    assert (await stand.is_over(), stand.vacated) == (True, [])


@pytest.mark.parametrize("name", ["a.txt", "b.txt"])
async def test_a_copy_that_somebody_has_changed_is_not_taken_back(stand: Stand, name: str) -> None:
    await copying(stand)
    await stand.contents.write(ADA, parse(f"target/top/{name}"), b"changed")
    await stand.resume()
    assert await names(stand.contents, "target/top") == [name]
    assert await stand.is_over()


@pytest.mark.parametrize("name", ["a.txt", "b.txt"])
async def test_a_copy_is_not_taken_back_when_its_source_is_gone(stand: Stand, name: str) -> None:
    await copying(stand)
    await stand.contents.delete(ADA, parse(f"source/top/{name}"))
    await stand.resume()
    assert await body_of(stand.contents, f"target/top/{name}") == f"source/top/{name}".encode()
    assert await names(stand.contents, "target/top") == [name]


async def test_what_others_have_put_beside_copies_stays(stand: Stand) -> None:
    await copying(stand)
    await stand.contents.write(ADA, parse("target/top/others.txt"), b"x")
    await stand.resume()
    assert await names(stand.contents, "target/top") == ["others.txt"]


# -- a directory of which all was copied -------------------------------------------------------------------------------


async def deleting(stand: Stand) -> None:
    """``a`` is gone from the source already."""
    await write_all(stand.contents, [f"source/{text}" for text in TEXTS])
    await stand.contents.make_directory(ADA, parse("target/top"))
    steps = []
    for text in TEXTS:
        await stand.contents.write(ADA, parse(f"target/{text}"), f"source/{text}".encode())
        steps.append(await stand.step(f"source/{text}", text[4:], await stand.etag(f"target/{text}")))
    await stand.cut_off(Stage.DELETING, *steps, directories=("",))
    await stand.contents.delete(ADA, parse("source/top/a.txt"))


async def test_the_deleting_goes_on(stand: Stand) -> None:
    await deleting(stand)
    await stand.resume()
    assert await stand.both("top") == (False, True)
    assert (await stand.is_over(), stand.vacated[-1]) == (True, ("source/top", None))


@pytest.mark.parametrize("spoiled", ["source/top/b.txt", "target/top/b.txt"])
@pytest.mark.parametrize("body", [b"changed", None])
async def test_what_has_changed_since_it_was_copied_is_not_deleted(
    stand: Stand, spoiled: str, body: bytes | None
) -> None:
    await deleting(stand)
    if body is None:
        await stand.contents.delete(ADA, parse(spoiled))
    else:
        await stand.contents.write(ADA, parse(spoiled), body)
    await stand.resume()
    is_deleted = body is None and spoiled.startswith("source")
    assert await names(stand.contents, "source") == ([] if is_deleted else ["top"])
    if not is_deleted:
        assert await names(stand.contents, "source/top") == ["b.txt"]
    assert await stand.is_over()


async def test_the_same_bytes_written_anew_are_no_longer_what_was_copied(stand: Stand) -> None:
    await deleting(stand)
    await stand.contents.write(ADA, parse("source/top/b.txt"), b"source/top/b.txt")
    await stand.resume()
    assert await names(stand.contents, "source/top") == ["b.txt"]


# -- stores and mounts that are not there ------------------------------------------------------------------------------


async def test_a_move_waits_while_a_store_is_down_and_others_are_ended(stand: Stand, tmp_path: Path) -> None:
    await copying(stand)
    await write_all(stand.contents, ["source/other.txt"])
    other = Move("2", Spot("source", "", parse("other.txt")), Spot("source", "", parse("new.txt")), None, Stage.FILE)
    await stand.journal.begin(other, (), (await stand.step("source/other.txt"),))
    (tmp_path / "target").rename(tmp_path / "away")
    with capture_logs() as logs:
        await stand.resume()
    assert [(log["move"], log["log_level"]) for log in logs] == [("1", "warning"), ("2", "info")]
    assert [move.id for move in await stand.journal.abandoned()] == ["1"]
    (tmp_path / "away").rename(tmp_path / "target")
    await stand.resume()
    assert await stand.both("top") == (True, False)
    assert await stand.is_over()


@pytest.mark.parametrize(("mount", "store_name"), [("gone", ""), ("source", "another store")])
async def test_a_move_waits_for_a_mount_that_leads_where_it_led(stand: Stand, mount: str, store_name: str) -> None:
    await write_all(stand.contents, ["source/top"])
    step = await stand.step("source/top")
    origin = Spot(mount, store_name, parse("top"))
    await stand.journal.begin(Move("1", origin, Spot("target", "", parse("top")), None, Stage.FILE), (), (step,))
    with capture_logs() as logs:
        await stand.resume()
    assert [log["log_level"] for log in logs] == ["warning"]
    assert not await stand.is_over()


async def test_what_another_process_has_ended_meanwhile_is_left(
    stand: Stand, store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await copying(stand)
    moves = await stand.journal.abandoned()
    other = StateJournal(store)
    assert await other.abandoned() == moves

    async def late() -> list[Move]:
        return list(moves)

    monkeypatch.setattr(stand.journal, "abandoned", late)
    await stand.resume()
    assert await names(stand.contents, "target/top") == ["a.txt", "b.txt"]


async def test_moves_in_homes_and_at_the_root_are_told_as_their_owner_spells_them(
    tmp_path: Path, store: StateStore
) -> None:
    told: list[tuple[str, str | None]] = []

    async def tell(path: ContentPath, owner: str | None) -> None:
        told.append((str(path), owner))

    journal = StateJournal(store, lease_seconds=0)
    mounts = [
        Mount("homes", Fickle(folder(tmp_path / "homes"), KEEN), homes=True),
        Mount("top", Fickle(folder(tmp_path / "top"), KEEN), is_root=True),
    ]
    contents = Contents(Mounts(mounts), ProcessLocks(), tell, journal)
    for source, target in (("homes/a.txt", "b.txt"), ("b.txt", "homes/c.txt")):
        if source.startswith("homes"):
            await contents.write(ADA, parse(source), b"one")
        failing = mounts[0 if source.startswith("homes") else 1].backend
        assert isinstance(failing, Fickle)
        failing.failing["before delete"] = DOWN
        await refused(contents.move(ADA, parse(source), parse(target)), Code.UNAVAILABLE)
        failing.failing.clear()
        await contents.resume_moves()
    assert told == [("homes/a.txt", "user:ada"), ("b.txt", None)]
    assert await body_of(contents, "homes/c.txt") == b"one"


@dataclass
class Personal(Fickle):
    """Each user's folder in it is a store of their own."""

    def of(self, username: str | None) -> Backend:
        assert username is not None
        assert isinstance(self.inner, LocalBackend)
        return replace(self, inner=LocalBackend(self.inner._folder.root / username))


async def test_a_move_out_of_a_users_own_store_is_ended_there(tmp_path: Path, store: StateStore) -> None:
    personal = Personal(folder(tmp_path / "users"), KEEN)
    (tmp_path / "users/ada").mkdir()
    mounts = [
        Mount("own", personal, store="hub", is_personal=True),
        Mount("target", Fickle(folder(tmp_path / "target"), KEEN)),
    ]
    contents = Contents(Mounts(mounts), ProcessLocks(), journal=StateJournal(store, lease_seconds=0))
    await contents.write(ADA, parse("own/a.txt"), b"one")
    personal.failing["before delete"] = DOWN
    await refused(contents.move(ADA, parse("own/a.txt"), parse("target/a.txt")), Code.UNAVAILABLE)
    personal.failing.clear()
    await contents.resume_moves()
    assert await names(contents, "own") == []
    assert await names(contents, "target") == ["a.txt"]
