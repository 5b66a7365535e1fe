"""What tests of moves that are cut off stand on: folders that fail when told to, leases that run out at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.contents.backend import Capability
from gateway.contents.journal import Move, Spot, Stage, Step
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import ETag, Precondition, Written, sha256_hex
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.service import Contents
from gateway.state.journal import StateJournal
from gateway.state.store import StateStore
from tests.contents.stand import ADA, SWEET, BareBackend, names, parse

KEEN = SWEET | {Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE, Capability.ATOMIC_REPLACE}
TEXTS = ("top/a.txt", "top/b.txt", "top/c.txt")
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


def stand_over(store: StateStore, source: Fickle, target: Fickle) -> Stand:
    vacated: list[tuple[str, str | None]] = []

    async def tell(path: ContentPath, owner: str | None) -> None:
        vacated.append((str(path), owner))

    journal = StateJournal(store, lease_seconds=0)
    mounts = Mounts([Mount("source", source), Mount("target", target)])
    return Stand(Contents(mounts, ProcessLocks(), tell, journal), journal, source, target, vacated)
