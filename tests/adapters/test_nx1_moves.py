"""Moves within a bucket while others write there, and when they break: nothing replaced, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from adapters.nx1 import transfer
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Reason
from gateway.demo.s3 import S3Server
from tests.adapters.nx1_bench import (
    HOME,
    KEEPERS,
    NOTEBOOK,
    arrives,
    files,
    foreign_put,
    keeping,
    keys,
    names,
    problem_of,
    stranger_puts,
    through,
)
from tests.fakes.s3_faults import Wire, is_copy, no_fault, refusal, wire_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

TARGET = ContentPath.parse("home/bo")
MOVED = TARGET.child("a.ipynb")


@pytest_asyncio.fixture(loop_scope="module")
async def wire(s3_server: S3Server) -> AsyncIterator[Wire]:
    async with wire_to(s3_server.endpoint_url) as between:
        yield between


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_files_and_folders_move_whatever_the_store_keeps(wire: Wire, s3_server: S3Server, keeper: str) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        await backend.create_checkpoint(NOTEBOOK)
        await foreign_put(backend, "home/ada/empty/")
        await foreign_put(backend, "home/ada/odd//\x01 \r+%?.txt", b"odd")
        await backend.move(HOME, TARGET)
        assert await keys(backend, "home/") == [
            "home/",
            "home/bo/",
            "home/bo/a.ipynb",
            "home/bo/empty/",
            "home/bo/odd//\x01 \r+%?.txt",
        ]
        assert len(await backend.list_checkpoints(MOVED)) == 1
        entry = await backend.move(MOVED, NOTEBOOK)
        assert entry == await backend.stat(NOTEBOOK)
        assert entry.sha256 is not None
        await backend.delete(TARGET)
        assert await files(backend) == [".ipynb_checkpoints/home/ada/a.ipynb/checkpoint", "home/ada/a.ipynb"]


async def test_a_store_that_keeps_conditions_on_copies_copies_by_itself(wire: Wire, s3_server: S3Server) -> None:
    wire.keeps_conditions_of_copies = True
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        reads: list[str] = []

        async def note(request: web.Request) -> web.StreamResponse | None:
            if request.method == "GET" and request.path.endswith("a.ipynb"):
                reads.append(request.path)
            return None

        wire.fault = note
        await backend.move(HOME, TARGET)
        assert await names(backend, TARGET) == ["a.ipynb"]
        assert reads == []


@pytest.mark.parametrize("keeper", ["copies", "writes"])
async def test_what_someone_writes_at_the_target_meanwhile_is_neither_replaced_nor_removed(
    wire: Wire, s3_server: S3Server, keeper: str
) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        for name in ("a.ipynb", "b.txt", "c.txt"):
            await backend.write(HOME.child(name), name.encode())

        async def write_first(request: web.Request) -> web.StreamResponse | None:
            if arrives(request, "home/bo/b.txt"):
                await stranger_puts(s3_server, backend, "home/bo/b.txt", b"theirs")
            return None

        wire.fault = write_first
        problem = await problem_of(backend.move(HOME, TARGET))
        assert problem.code is Code.CONFLICT
        assert (await backend.read(TARGET.child("b.txt"))).body == b"theirs"
        assert await names(backend, TARGET) == ["b.txt"]
        assert await names(backend, HOME) == ["a.ipynb", "b.txt", "c.txt"]


@pytest.mark.parametrize("keeper", ["copies", "writes"])
async def test_a_name_taken_just_before_a_file_arrives_is_said_to_be_taken(
    wire: Wire, s3_server: S3Server, keeper: str
) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")

        async def take(request: web.Request) -> web.StreamResponse | None:
            if arrives(request, "home/bo/a.ipynb"):
                await stranger_puts(s3_server, backend, "home/bo/a.ipynb", b"theirs")
            return None

        wire.fault = take
        assert (await problem_of(backend.move(NOTEBOOK, MOVED))).reason is Reason.EXISTS
        wire.fault = no_fault
        assert (await backend.read(MOVED)).body == b"theirs"
        assert (await backend.read(NOTEBOOK)).body == b"{}"


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_a_file_that_changes_before_it_is_copied_is_not_moved(
    wire: Wire, s3_server: S3Server, keeper: str
) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"old")
        changes: list[bytes] = []

        async def change(request: web.Request) -> web.StreamResponse | None:
            if is_copy(request) or (request.method == "GET" and request.path.endswith("a.ipynb")):
                changes.append(b"new" * (len(changes) + 1))
                await stranger_puts(s3_server, backend, "home/ada/a.ipynb", changes[-1])
            return None

        wire.fault = change
        assert (await problem_of(backend.move(NOTEBOOK, MOVED))).code is Code.CONFLICT
        wire.fault = no_fault
        assert (await backend.read(NOTEBOOK)).body == changes[-1]
        assert await keys(backend, "home/bo/") == []


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_a_file_that_changes_after_it_was_copied_stays_and_its_copy_goes(
    wire: Wire, s3_server: S3Server, keeper: str
) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"old")

        async def change(request: web.Request) -> web.StreamResponse | None:
            if is_copy(request) and request.path.endswith("/checkpoint"):
                await stranger_puts(s3_server, backend, "home/ada/a.ipynb", b"new")
            return None

        wire.fault = change
        assert (await problem_of(backend.move(NOTEBOOK, MOVED))).code is Code.CONFLICT
        assert (await backend.read(NOTEBOOK)).body == b"new"
        assert await keys(backend, "home/bo/") == []


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_a_file_changed_after_its_folder_was_copied_stays_at_the_source(
    wire: Wire, s3_server: S3Server, keeper: str
) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        for name in ("a.ipynb", "b.txt", "c.txt"):
            await backend.write(HOME.child(name), b"old")
        has_copied = False

        async def change(request: web.Request) -> web.StreamResponse | None:
            nonlocal has_copied
            has_copied |= request.method == "PUT" and request.path.endswith("home/bo/c.txt")
            is_late = request.method == "DELETE" or "list-type" in request.query
            if has_copied and is_late:
                await stranger_puts(s3_server, backend, "home/ada/b.txt", b"new")
            return None

        wire.fault = change
        assert (await problem_of(backend.move(HOME, TARGET))).code is Code.CONFLICT
        wire.fault = no_fault
        assert await names(backend, TARGET) == ["a.ipynb", "b.txt", "c.txt"]
        assert await names(backend, HOME) == ["b.txt"]
        assert (await backend.read(HOME.child("b.txt"))).body == b"new"


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_a_copy_whose_answer_was_lost_is_removed_when_the_folder_stays(
    wire: Wire, s3_server: S3Server, keeper: str
) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        for name in ("a.ipynb", "b.txt", "c.txt"):
            await backend.write(HOME.child(name), name.encode())
        before = await files(backend)
        wire.loses = lambda request: arrives(request, "home/bo/b.txt")
        assert (await problem_of(backend.move(HOME, TARGET))).code is Code.UNAVAILABLE
        assert await files(backend) == before


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_a_cancelled_folder_move_leaves_all_as_it_was(wire: Wire, s3_server: S3Server, keeper: str) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        for name in ("a.ipynb", "b.txt", "c.txt"):
            await backend.write(HOME.child(name), name.encode())
        before = await files(backend)
        moving: list[asyncio.Task[object]] = []

        async def cancel(request: web.Request) -> web.StreamResponse | None:
            if arrives(request, "home/bo/b.txt"):
                moving[0].cancel()
                await asyncio.sleep(0.2)
                return refusal(503, "SlowDown")
            return None

        wire.fault = cancel
        moving.append(asyncio.ensure_future(backend.move(HOME, TARGET)))
        with pytest.raises(asyncio.CancelledError):
            await moving[0]
        assert await files(backend) == before


async def test_a_move_whose_checkpoint_cannot_be_copied_leaves_all_as_it_was(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        await backend.create_checkpoint(NOTEBOOK)
        before = await files(backend)

        async def refuse(request: web.Request) -> web.StreamResponse | None:
            return refusal(503, "SlowDown") if is_copy(request) and "checkpoint" in request.path else None

        wire.fault = refuse
        assert (await problem_of(backend.move(NOTEBOOK, MOVED))).code is Code.UNAVAILABLE
        wire.fault = no_fault
        assert await files(backend) == before


async def test_a_move_whose_delete_is_refused_keeps_both(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")

        async def refuse(request: web.Request) -> web.StreamResponse | None:
            return refusal(503, "SlowDown") if request.method == "DELETE" and "/ada/" in request.path else None

        wire.fault = refuse
        assert (await problem_of(backend.move(NOTEBOOK, MOVED))).code is Code.UNAVAILABLE
        assert (await backend.read(NOTEBOOK)).body == (await backend.read(MOVED)).body == b"{}"


async def test_copies_that_cannot_be_removed_do_not_hide_why_the_move_failed(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")

        async def refuse(request: web.Request) -> web.StreamResponse | None:
            if request.method == "DELETE":
                return refusal(503, "SlowDown")
            return refusal(500, "InternalError") if arrives(request, "home/bo/a.ipynb") else None

        wire.fault = refuse
        assert (await problem_of(backend.move(HOME, TARGET))).code is Code.UPSTREAM
        assert (await backend.read(NOTEBOOK)).body == b"{}"


async def test_a_folder_of_too_many_files_is_not_moved_at_all(
    wire: Wire, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MAX_MOVED_KEYS", 2)
    async with through(wire, s3_server) as backend:
        for number in range(3):
            await foreign_put(backend, f"home/ada/{number}")
        assert (await problem_of(backend.move(HOME, TARGET))).code is Code.INVALID
        assert await keys(backend, "home/bo") == []


@pytest.mark.parametrize("path", ["", "home", "home/ada", "home/ada/below"])
async def test_nothing_moves_into_itself_or_over_the_root(wire: Wire, s3_server: S3Server, path: str) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        target = ContentPath.parse(path)
        assert (await problem_of(backend.move(HOME, target))).code in (Code.INVALID, Code.CONFLICT)
        assert (await problem_of(backend.move(ContentPath.ROOT, target))).code is Code.INVALID
        assert (await backend.read(NOTEBOOK)).body == b"{}"
