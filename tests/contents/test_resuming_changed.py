"""Moves that were cut off, where somebody has touched what they were about, or a store does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from adapters.local.backend import LocalBackend
from gateway.contents.backend import Backend, Capability
from gateway.contents.journal import Move, NoJournal, Record, Spot, Stage, Step
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import ETag, Precondition, Written, sha256_hex
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.notebook import EMPTY_NOTEBOOK
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.service import Contents
from gateway.state.journal import StateJournal
from gateway.state.store import StateStore
from tests.contents.stand import ADA, SWEET, BareBackend, body_of, folder, names, parse, write_all
from tests.contract.steps import refused

KEEN = SWEET | {Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE, Capability.ATOMIC_REPLACE}
ROOT = ContentPath.ROOT
DOWN = Problem(Code.UNAVAILABLE, "The store is down.")


@dataclass
class Fickle(BareBackend):
    """Fails at what it is told to: before it does it, or after."""

    failing: dict[str, Problem] = field(default_factory=dict)

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        self._fail("before write")
        written = await super().write(path, body, precondition=precondition)
        self._fail("after write")
        return written

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        self._fail("before delete")
        await super().delete(path, precondition=precondition)
        self._fail("after delete")

    def _fail(self, moment: str) -> None:
        if moment in self.failing:
            raise self.failing[moment]


@dataclass
class Stand:
    """A gateway whose leases run out at once, over folders that can fail."""

    contents: Contents
    journal: StateJournal
    source: Fickle
    target: Fickle
    vacated: list[tuple[str, str | None]]

    async def step(self, text: str, path: str = "", copy_etag: str | None = None) -> Step:
        entry = (document := await self.contents.read(ADA, parse(text))).entry
        etag = None if copy_etag is None else ETag(copy_etag)
        return Step(parse(path), entry.etag, entry.modified, sha256_hex(document.body), etag)

    async def cut_off(self, stage: Stage, *files: Step, name: str = "top", directories: tuple[str, ...] = ()) -> None:
        origin, goal = (Spot(mount, "", parse(name)) for mount in ("source", "target"))
        await self.journal.begin(Move("1", origin, goal, None, stage), [parse(each) for each in directories], files)

    async def etag(self, text: str) -> str:
        return (await self.contents.stat(ADA, parse(text))).etag or ""

    async def resume(self) -> None:
        await self.contents.resume_moves()

    async def is_over(self) -> bool:
        return not await self.journal.abandoned()

    async def both(self, text: str) -> tuple[bool, bool]:
        """Whether something stands at the source, and at the target."""
        path = parse(text)
        found = [await names(self.contents, f"{top}/{path.parent}".rstrip("/")) for top in ("source", "target")]
        return path.name in found[0], path.name in found[1]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    opened = await StateStore.open(f"sqlite+aiosqlite:///{tmp_path / 'state.db'}")
    yield opened
    await opened.aclose()


@pytest.fixture(params=[SWEET, KEEN], ids=["checked", "native"])
def stand(request: pytest.FixtureRequest, tmp_path: Path, store: StateStore) -> Stand:
    source, target = (Fickle(folder(tmp_path / name), request.param) for name in ("source", "target"))
    return stand_over(store, source, target)


def stand_over(store: StateStore, source: Fickle, target: Fickle) -> Stand:
    vacated: list[tuple[str, str | None]] = []

    async def tell(path: ContentPath, owner: str | None) -> None:
        vacated.append((str(path), owner))

    journal = StateJournal(store, lease_seconds=0)
    mounts = Mounts([Mount("source", source), Mount("target", target)])
    return Stand(Contents(mounts, ProcessLocks(), tell, journal), journal, source, target, vacated)


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

TEXTS = ("top/a.txt", "top/b.txt", "top/c.txt")


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


# -- moves that nothing hinders ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("moved", "writes"), [("file.txt", 2), ("top", 3 + len(TEXTS))])
async def test_a_move_costs_few_transactions_and_leaves_no_trace(
    stand: Stand, store: StateStore, moved: str, writes: int
) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in (*TEXTS, "file.txt")])
    mounts = Mounts([Mount("source", stand.source), Mount("target", stand.target)])
    contents = Contents(mounts, ProcessLocks(), journal=StateJournal(store))
    commits: list[object] = []
    event.listen(store.engine.sync_engine, "commit", commits.append)
    await contents.move(ADA, parse(f"source/{moved}"), parse(f"target/{moved}"))
    assert len(commits) == writes
    assert await stand.both(moved) == (False, True)
    assert await stand.is_over()


# -- what breaks while the process lives -------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", ["top", "file.txt"])
@pytest.mark.parametrize("moment", ["before delete", "after delete"])
async def test_a_source_that_could_not_be_deleted_is_deleted_later(stand: Stand, moved: str, moment: str) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in (*TEXTS, "file.txt")])
    stand.source.failing[moment] = DOWN
    await refused(stand.contents.move(ADA, parse(f"source/{moved}"), parse(f"target/{moved}")), Code.UNAVAILABLE)
    stand.source.failing.clear()
    await stand.resume()
    assert await stand.both(moved) == (False, True)
    assert await stand.is_over()


@pytest.mark.parametrize("moved", ["top", "file.txt"])
async def test_a_move_told_as_a_failure_is_taken_back_however_late_its_copy_comes(stand: Stand, moved: str) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in (*TEXTS, "file.txt")])
    stand.target.failing["after write"] = Problem(Code.TIMEOUT, "No answer.")
    await refused(stand.contents.move(ADA, parse(f"source/{moved}"), parse(f"target/{moved}")), Code.TIMEOUT)
    stand.target.failing.clear()
    assert await stand.both(moved) == (True, True)
    await stand.resume()
    assert await stand.both(moved) == (True, False)
    assert await stand.is_over()


async def test_copies_that_could_not_be_taken_back_are_taken_back_later(stand: Stand) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in TEXTS])
    stand.target.failing["before delete"] = DOWN
    stop = asyncio.Event()
    reads: list[ContentPath] = []

    async def read_until_stopped(path: ContentPath) -> object:
        reads.append(path)
        if len(reads) == 2:
            stop.set()
            await asyncio.sleep(60)
        return await BareBackend.read(stand.source, path)

    stand.source.read = read_until_stopped  # type: ignore[method-assign,assignment]  # one store's only
    moving = asyncio.create_task(stand.contents.move(ADA, parse("source/top"), parse("target/top")))
    await stop.wait()
    moving.cancel()
    await asyncio.wait({moving})
    assert await names(stand.contents, "target") == ["top"]
    stand.target.failing.clear()
    await stand.resume()
    assert await stand.both("top") == (True, False)


async def test_who_was_taken_over_takes_back_what_it_has_copied(stand: Stand, store: StateStore) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in TEXTS])
    other = StateJournal(store)

    async def write(path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        await other.abandoned()
        return await BareBackend.write(stand.target, path, body, precondition=precondition)

    stand.target.write = write  # type: ignore[method-assign]  # one store's only
    await refused(stand.contents.move(ADA, parse("source/top"), parse("target/top")), Code.CONFLICT)
    assert await stand.both("top") == (True, False)


@pytest.mark.parametrize("moved", ["top", "file.txt"])
async def test_a_state_store_that_is_lost_on_the_way_loses_nothing(stand: Stand, store: StateStore, moved: str) -> None:
    await write_all(stand.contents, [f"source/{text}" for text in (*TEXTS, "file.txt")])
    last = "c.txt" if moved == "top" else "file.txt"

    async def read(inner: ContentPath) -> object:
        if inner.name == last:
            store.transaction = _lost  # type: ignore[method-assign,assignment]  # until the end of the test
        return await BareBackend.read(stand.target, inner)

    stand.target.read = read  # type: ignore[method-assign,assignment]  # one store's only
    attempt = stand.contents.move(ADA, parse(f"source/{moved}"), parse(f"target/{moved}"))
    if moved == "top":
        await refused(attempt, Code.UNAVAILABLE)
        assert await stand.both(moved) == (True, False)
    else:
        await attempt
        assert await stand.both(moved) == (False, True)


def _lost() -> object:
    raise DOWN


async def test_without_a_journal_nothing_is_kept_of_a_move(tmp_path: Path) -> None:
    journal = NoJournal()
    contents = Contents(Mounts([Mount("m", folder(tmp_path / "m"))]), ProcessLocks(), journal=journal)
    await contents.resume_moves()
    move = Move("1", Spot("m", "", ROOT), Spot("m", "", ROOT), None, Stage.FILE)
    assert await journal.touch(move)
    assert await journal.progress(move) is None


async def test_nothing_is_begun_that_cannot_be_noted(stand: Stand, store: StateStore) -> None:
    await write_all(stand.contents, ["source/a.txt"])
    store.transaction = _lost  # type: ignore[method-assign,assignment]  # until the end of the test
    await refused(stand.contents.move(ADA, parse("source/a.txt"), parse("target/a.txt")), Code.UNAVAILABLE)
    assert await stand.both("a.txt") == (True, False)


async def test_a_lease_that_cannot_be_renewed_is_told(store: StateStore, tmp_path: Path) -> None:
    move = Move("1", Spot("a", "", ROOT), Spot("b", "", ROOT), None, Stage.FILE)
    journal = StateJournal(store, lease_seconds=0.03)
    with capture_logs() as logs:
        async with Record(journal, move):
            async with asyncio.timeout(10):
                while not logs:  # noqa: ASYNC110  a log line is no event
                    await asyncio.sleep(0.01)
        assert [log["log_level"] for log in logs] == ["error"]
        store.transaction = _lost  # type: ignore[method-assign,assignment]  # until the end of the test
        async with Record(journal, move):
            async with asyncio.timeout(10):
                while len(logs) < 3:  # noqa: ASYNC110  a log line is no event
                    await asyncio.sleep(0.01)
    assert {log["log_level"] for log in logs[1:]} == {"warning"}
