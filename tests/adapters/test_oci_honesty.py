"""Every operation of the OCI adapter meets every fault at every one of its calls, before and after the service acted.

The result is right, or an honest problem that may be tried again; afterwards the old or the new stands there, whole,
and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web

from adapters.oci import creation, errors, par
from gateway.contents.backend import Backend, SupportsMove
from gateway.contents.model import Absent, Document, Entry, Listing, Matches, Precondition, Written
from gateway.contents.notebook import same_notebook
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem
from tests.adapters.oci_steps import NOTEBOOK, OTHER, Stand, standing

parse = ContentPath.parse
Stored = Mapping[str, bytes | None]

NEW = b"\x00new bytes\xff" * 4
BEFORE: Stored = {"a.txt": b"old", "n.ipynb": NOTEBOOK, "full": None, "full/b.txt": b"b", "full/m.ipynb": OTHER}
FAULTS = ("reset_before", "reset_after", "truncated", "unavailable", "internal_error", "html", "throttled", "busy")
NOT_DONE = ("throttled", "busy")
"""Of these the service says that it has not acted: such a change may go twice."""


@dataclass(frozen=True)
class Operation:
    """``adds`` and ``removes`` are what it changes of ``BEFORE``; ``is_right`` judges what it returns."""

    act: Callable[[Backend], Awaitable[object]]
    adds: Stored = field(default_factory=dict)
    removes: tuple[str, ...] = ()
    is_right: Callable[[object], bool] = lambda _: True
    past_the_api: bool = False

    @property
    def after(self) -> Stored:
        return {name: body for name, body in {**BEFORE, **self.adds}.items() if name not in self.removes}


@pytest.fixture
async def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    monkeypatch.setattr(errors, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(creation, "CLEANING_PAUSES", (0, 0))
    async with standing(tmp_path) as stand:
        yield stand


def reading(name: str, body: bytes) -> Operation:
    def is_right(found: object) -> bool:
        return isinstance(found, Document) and is_same(name, found.body, body)

    return Operation(lambda backend: backend.read(parse(name)), is_right=is_right)


def writing(
    name: str, body: bytes, *, absent: bool = False, matching: bool = False, past_the_api: bool = False
) -> Operation:
    async def act(backend: Backend) -> Written:
        precondition: Precondition = Absent() if absent else None
        if matching:
            etag = (await backend.stat(parse(name))).etag
            assert etag
            precondition = Matches(etag)
        written = await backend.write(parse(name), body, precondition=precondition)
        assert written.created is (name not in BEFORE)
        return written

    return Operation(act, {name: body}, past_the_api=past_the_api)


def deleting(name: str, *removes: str, matching: bool = False) -> Operation:
    async def act(backend: Backend) -> None:
        etag = (await backend.stat(parse(name))).etag if matching else None
        await backend.delete(parse(name), precondition=Matches(etag) if etag else None)

    return Operation(act, removes=(name, *removes))


def making(name: str) -> Operation:
    return Operation(lambda backend: backend.make_directory(parse(name)), {name: None})


def moving(source: str, target: str, *below: str) -> Operation:
    async def act(backend: Backend) -> Entry:
        assert isinstance(backend, SupportsMove)
        return await backend.move(parse(source), parse(target))

    moved = {f"{target}{each}": BEFORE[f"{source}{each}"] for each in ("", *below)}
    return Operation(act, moved, tuple(f"{source}{each}" for each in ("", *below)))


OPERATIONS = {
    "read-a-file": reading("a.txt", b"old"),
    "read-a-notebook": reading("n.ipynb", NOTEBOOK),
    "stat": Operation(lambda backend: backend.stat(parse("a.txt"))),
    "list": Operation(
        lambda backend: backend.list(parse("full")),
        is_right=lambda found: isinstance(found, Listing) and len(found.entries) == 2,
    ),
    "write-a-file": writing("a.txt", NEW),
    "write-a-file-that-matches": writing("a.txt", NEW, matching=True),
    "write-a-new-file": writing("b.txt", NEW),
    "write-a-file-that-is-absent": writing("b.txt", NEW, absent=True),
    "write-a-file-that-fits-no-header": writing("ü.txt", NEW),
    "write-a-file-past-the-api": writing("a.txt", NEW, past_the_api=True),
    "write-a-new-file-past-the-api": writing("b.txt", NEW, past_the_api=True),
    "write-an-absent-file-past-the-api": writing("b.txt", NEW, absent=True, past_the_api=True),
    "write-a-notebook": writing("n.ipynb", OTHER),
    "write-a-notebook-that-matches": writing("n.ipynb", OTHER, matching=True),
    "write-a-new-notebook": writing("o.ipynb", OTHER),
    "write-a-notebook-that-is-absent": writing("o.ipynb", OTHER, absent=True),
    "delete-a-file": deleting("a.txt"),
    "delete-a-file-that-matches": deleting("a.txt", matching=True),
    "delete-a-notebook-that-matches": deleting("n.ipynb", matching=True),
    "delete-a-folder": deleting("full", "full/b.txt", "full/m.ipynb"),
    "make-a-folder": making("new"),
    "make-a-folder-that-fits-no-header": making("ü"),
    "move-a-file": moving("a.txt", "full/c.txt"),
    "move-a-notebook": moving("n.ipynb", "o.ipynb"),
    "move-a-folder": moving("full", "moved", "/b.txt", "/m.ipynb"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", OPERATIONS)
async def test_the_result_is_right_or_an_honest_problem(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, name: str, fault: str
) -> None:
    operation = OPERATIONS[name]
    if operation.past_the_api:
        monkeypatch.setattr(par, "LARGE_BYTES", 0)
    for position in count(1):
        if not await is_met(stand, operation, fault, position):
            assert position > 1
            return


async def is_met(stand: Stand, operation: Operation, fault: str, position: int) -> bool:
    """Run the operation in a folder of its own, with the fault at its ``position``-th call; whether it made so many."""
    folder = f"run{position}"
    for path, body in {"": None, **BEFORE}.items():
        stand.put(f"{folder}/{path}".rstrip("/"), body)
    backend = stand.backend(folder=f"Workspace/{folder}")
    stand.workspace.requests.clear()
    stand.workspace.par_requests.clear()
    arm(stand, fault, position)
    result = await outcome(operation.act(backend))
    expected = [operation.after]
    if isinstance(result, Problem):
        assert result.retryable, result.detail
        expected.append(BEFORE)
    else:
        assert operation.is_right(result)
    asked = len(stand.workspace.requests) + len(stand.workspace.par_requests)
    disarm(stand, fault)
    found = stand.stored(folder)
    assert any(is_same_tree(found, each) for each in expected), (position, found)
    check_wire(stand, fault)
    return asked >= position


@pytest.mark.parametrize("fault", ["reset_before", "unavailable"])
@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_service_that_stays_away_keeps_the_old_or_the_new(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, name: str, fault: str
) -> None:
    operation = OPERATIONS[name]
    if operation.past_the_api:
        monkeypatch.setattr(par, "LARGE_BYTES", 0)
    for position in range(1, 5):
        folder = f"run{position}"
        for path, body in {"": None, **BEFORE}.items():
            stand.put(f"{folder}/{path}".rstrip("/"), body)
        arm(stand, fault, position, times=1000)
        result = await outcome(operation.act(stand.backend(folder=f"Workspace/{folder}")))
        disarm(stand, fault)
        assert not isinstance(result, Problem) or result.retryable
        expected = [operation.after, BEFORE] if isinstance(result, Problem) else [operation.after]
        found = {name: body for name, body in stand.stored(folder).items() if not is_spare(name)}
        assert any(is_same_tree(found, each) for each in expected), (position, found)


async def outcome(attempt: Awaitable[object]) -> object:
    try:
        return await attempt
    except Problem as problem:
        return problem


def is_spare(name: str) -> bool:
    """What could not be removed while the service was away stands under such a name."""
    return name.lower().startswith(("untitled", ".nbgw-"))


def arm(stand: Stand, fault: str, position: int, times: int = 1) -> None:
    """The emulator counts faults down on its own: this one is set while the call before is on its way."""
    habits, left = stand.workspace.habits, [position - 1]

    def counting(_request: web.Request) -> None:
        left[0] -= 1
        if left[0] == 0:
            setattr(habits, f"{fault}_calls", times)

    habits.fault = counting
    if position == 1:
        setattr(habits, f"{fault}_calls", times)


def disarm(stand: Stand, fault: str) -> None:
    habits = stand.workspace.habits
    setattr(habits, f"{fault}_calls", 0)
    habits.fault = lambda _request: None


def check_wire(stand: Stand, fault: str) -> None:
    """A read goes at most twice, a change once, unless the service says that it was not done; a creation under its
    retry token, and what is to leave nothing behind, may go again."""
    asked = Counter(stand.workspace.requests)
    for (method, target), times in asked.items():
        if method in ("PUT", "PATCH"):
            assert times <= (2 if fault in NOT_DONE else 1), (method, target)
        elif method == "POST":
            assert times <= 3, (method, target)


def is_same(name: str, one: bytes, other: bytes) -> bool:
    return same_notebook(one, other) if name.endswith(".ipynb") else one == other


def is_same_tree(found: Stored, wanted: Stored) -> bool:
    if found.keys() != wanted.keys():
        return False
    pairs = [(name, found[name], wanted[name]) for name in found]
    return all(
        one is other is None or (one is not None and other is not None and is_same(name, one, other))
        for name, one, other in pairs
    )
