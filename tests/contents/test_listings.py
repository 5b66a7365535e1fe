"""Equal listings under way are shared, and none is given to who has seen a later change answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.contents import listings
from gateway.contents.model import Caller, Credential, Listing
from gateway.contents.mounts import Mount
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.service import Contents
from tests.contents.stand import ADA, BOB, BareBackend, contents_of, folder, names, parse
from tests.contract.steps import refused

ASKERS = 100


@dataclass
class Gated(BareBackend):
    """Looks at once, and answers when the gate opens; counts how often it is asked."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    answered: int = 0
    failure: Problem | None = None

    async def list(self, path: ContentPath) -> Listing:
        listing = await super().list(path)
        self.asked.append(str(path))
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.answered += 1
        return listing


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  what is waited for sets no event
            await asyncio.sleep(0.001)


@dataclass
class Stand:
    contents: Contents
    shared: Gated
    other: Gated

    async def asking(self, text: str = "shared/top", caller: Caller = ADA) -> asyncio.Task[list[str]]:
        """A caller whose listing has looked already."""
        before = len(self.shared.asked) + len(self.other.asked)
        task = asyncio.create_task(names(self.contents, text, caller))
        await until(lambda: len(self.shared.asked) + len(self.other.asked) > before)
        return task

    def open(self) -> None:
        self.shared.gate.set()
        self.other.gate.set()


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    shared, other = Gated(folder(tmp_path / "shared")), Gated(folder(tmp_path / "other"))
    for top in ("shared/top", "shared/apart", "other/top"):
        (tmp_path / top).mkdir()
    mounts = (Mount("shared", shared, readers=frozenset({"ada", "bob"})), Mount("other", other))
    return Stand(contents_of(*mounts), shared, other)


async def test_many_who_ask_at_once_cost_one_listing(stand: Stand) -> None:
    asking = [asyncio.create_task(names(stand.contents, "shared/top", caller)) for caller in (ADA, BOB) * (ASKERS // 2)]
    await asyncio.sleep(0.01)
    stand.open()
    assert await asyncio.gather(*asking) == [[]] * ASKERS
    assert stand.shared.asked == ["top"]


async def test_nothing_is_kept_beyond_the_listing(stand: Stand) -> None:
    stand.open()
    for _ in range(3):
        assert await names(stand.contents, "shared/top") == []
    assert stand.shared.asked == ["top"] * 3


async def test_other_directories_and_mounts_have_listings_of_their_own(stand: Stand) -> None:
    asking = [await stand.asking(text) for text in ("shared/top", "shared/apart", "other/top", "shared")]
    stand.open()
    assert await asyncio.gather(*asking) == [[], [], [], ["apart", "top"]]


async def test_each_caller_shows_the_right_to_it_first(stand: Stand) -> None:
    first = await stand.asking()
    stranger = Caller("eve", Credential.TOKEN)
    await refused(stand.contents.list(stranger, parse("shared/top")), Code.FORBIDDEN)
    stand.open()
    assert await first == []


async def test_each_caller_gets_paths_of_their_own(tmp_path: Path) -> None:
    homes = Gated(folder(tmp_path / "homes"))
    contents = contents_of(Mount("homes", homes, homes=True))
    for user in ("ada", "bob"):
        (tmp_path / "homes/home" / user).mkdir(parents=True)
        (tmp_path / "homes/home" / user / f"{user}.txt").write_bytes(b"")
    asking = [asyncio.create_task(names(contents, "homes", caller)) for caller in (ADA, BOB)]
    await until(lambda: len(homes.asked) == 2)
    homes.gate.set()
    assert await asyncio.gather(*asking) == [["ada.txt"], ["bob.txt"]]


async def test_a_failure_is_told_to_all(stand: Stand) -> None:
    asking = [asyncio.create_task(names(stand.contents, "shared/top")) for _ in range(3)]
    await asyncio.sleep(0.01)
    stand.shared.failure = Problem(Code.UNAVAILABLE, "The store is down.")
    stand.open()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert [isinstance(each, Problem) and each.code for each in found] == [Code.UNAVAILABLE] * 3
    assert stand.shared.asked == ["top"]


# -- changes -----------------------------------------------------------------------------------------------------------

Change = Callable[[Contents], Awaitable[object]]
CHANGES: dict[str, tuple[Change, list[str]]] = {
    "write": (lambda c: c.write(ADA, parse("shared/top/new.txt"), b"x"), ["new.txt", "old.txt"]),
    "make a directory": (lambda c: c.make_directory(ADA, parse("shared/top/new")), ["new", "old.txt"]),
    "delete": (lambda c: c.delete(ADA, parse("shared/top/old.txt")), []),
    "move away": (lambda c: c.move(ADA, parse("shared/top/old.txt"), parse("other/old.txt")), []),
    "move here": (lambda c: c.move(ADA, parse("other/a.txt"), parse("shared/top/a.txt")), ["a.txt", "old.txt"]),
    "copy here": (lambda c: c.copy_to(ADA, parse("other/a.txt"), parse("shared/top/a.txt")), ["a.txt", "old.txt"]),
    "copy a directory": (lambda c: c.copy_to(ADA, parse("other/top"), parse("shared/top/top")), ["old.txt", "top"]),
    "copy a file": (lambda c: c.copy_file(ADA, parse("other/a.txt"), parse("shared/top/a.txt")), ["a.txt", "old.txt"]),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_who_asks_after_a_change_was_answered_sees_it(stand: Stand, change: str) -> None:
    make, expected = CHANGES[change]
    stand.other.gate.set()
    await stand.contents.write(ADA, parse("shared/top/old.txt"), b"old")
    await stand.contents.write(ADA, parse("other/a.txt"), b"a")
    early = await stand.asking()
    await make(stand.contents)
    late = [asyncio.create_task(names(stand.contents, "shared/top")) for _ in range(5)]
    await asyncio.sleep(0.01)
    stand.open()
    assert await asyncio.gather(*late) == [expected] * 5
    assert await early == ["old.txt"]
    assert stand.shared.asked.count("top") == 2


async def test_a_new_directory_is_seen_from_above(stand: Stand) -> None:
    early = await stand.asking("shared")
    await stand.contents.make_directory(ADA, parse("shared/top/inner"))
    late = await stand.asking("shared")
    stand.open()
    await asyncio.gather(early, late)
    assert stand.shared.asked == ["", ""]


async def test_a_change_that_stands_apart_lets_a_listing_take_others_along(stand: Stand) -> None:
    early = await stand.asking()
    await stand.contents.write(ADA, parse("shared/apart/new.txt"), b"x")
    late = asyncio.create_task(names(stand.contents, "shared/top"))
    await asyncio.sleep(0.01)
    stand.open()
    await asyncio.gather(early, late)
    assert stand.shared.asked == ["top"]


async def test_a_change_through_a_mount_that_may_overlap_counts(tmp_path: Path) -> None:
    whole = Gated(folder(tmp_path / "m"))
    (tmp_path / "m/part").mkdir()
    part = folder(tmp_path / "m/part/inner")
    contents = contents_of(Mount("whole", whole), Mount("part", part))
    early = asyncio.create_task(names(contents, "whole/part/inner"))
    await until(lambda: len(whole.asked) == 1)
    await contents.write(ADA, parse("part/a.txt"), b"one")
    late = asyncio.create_task(names(contents, "whole/part/inner"))
    await until(lambda: len(whole.asked) == 2)
    whole.gate.set()
    assert await early == []
    assert await late == ["a.txt"]


async def test_a_change_that_fails_may_have_been_made(stand: Stand) -> None:
    early = await stand.asking()
    await refused(stand.contents.delete(ADA, parse("shared/top/missing.txt")), Code.NOT_FOUND)
    late = await stand.asking()
    stand.open()
    await asyncio.gather(early, late)
    assert stand.shared.asked == ["top", "top"]


async def test_an_old_listing_takes_nobody_along(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "JOINABLE_SECONDS", 0)
    early, late = await stand.asking(), await stand.asking()
    stand.open()
    await asyncio.gather(early, late)
    assert stand.shared.asked == ["top", "top"]


# -- who goes away -----------------------------------------------------------------------------------------------------


async def test_one_who_goes_away_takes_nobody_along(stand: Stand) -> None:
    first = await stand.asking()
    others = [asyncio.create_task(names(stand.contents, "shared/top")) for _ in range(2)]
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.wait({first})
    stand.open()
    assert await asyncio.gather(*others) == [[], []]
    assert (stand.shared.asked, first.cancelled()) == (["top"], True)


async def test_when_all_are_gone_the_listing_is_cancelled(stand: Stand) -> None:
    asking = [await stand.asking(), asyncio.create_task(names(stand.contents, "shared/top"))]
    await asyncio.sleep(0.01)
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    late = await stand.asking()
    stand.open()
    assert await late == []
    assert (len(stand.shared.asked), stand.shared.answered) == (2, 1)


async def test_what_fails_after_all_are_gone_is_heard_by_nobody(tmp_path: Path) -> None:
    class Stubborn(Gated):
        async def list(self, path: ContentPath) -> Listing:
            try:
                return await super().list(path)
            except asyncio.CancelledError as error:
                raise Problem(Code.UNAVAILABLE, "It broke.") from error

    stubborn = Stubborn(folder(tmp_path / "m"))
    contents = contents_of(Mount("m", stubborn))
    asking = asyncio.create_task(names(contents, "m"))
    await until(lambda: bool(stubborn.asked))
    asking.cancel()
    await asyncio.wait({asking})
    await asyncio.sleep(0.01)
    assert asking.cancelled()
