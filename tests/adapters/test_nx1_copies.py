"""Copies and checkpoints within a bucket: each of one revision, and never more than it says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.contents.model import sha256_hex
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Reason
from gateway.demo.s3 import S3Server
from tests.adapters.nx1_bench import (
    HOME,
    KEEPERS,
    NOTEBOOK,
    answering,
    files,
    foreign_put,
    keeping,
    names,
    problem_of,
    stranger_puts,
    through,
)
from tests.fakes.s3 import new_bucket, opened
from tests.fakes.s3_faults import Wire, is_copy, no_fault, refusal, wire_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

TARGET = ContentPath.parse("home/bo")
MOVED = TARGET.child("a.ipynb")


@pytest_asyncio.fixture(loop_scope="module")
async def wire(s3_server: S3Server) -> AsyncIterator[Wire]:
    async with wire_to(s3_server.endpoint_url) as between:
        yield between


async def test_a_moved_file_does_not_inherit_the_checkpoint_of_one_long_gone(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(MOVED, b"gone")
        await backend.create_checkpoint(MOVED)
        await backend._store.change("delete_object", Key="home/bo/a.ipynb")
        await backend.write(NOTEBOOK, b"{}")
        await backend.move(NOTEBOOK, MOVED)
        assert await backend.list_checkpoints(MOVED) == ()


async def test_a_file_larger_than_the_gateway_carries_is_copied_within_the_store(
    wire: Wire, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with through(wire, s3_server) as backend:
        await foreign_put(backend, "home/ada/big.bin", b"x" * 1000)
        monkeypatch.setattr(type(backend._settings), "max_body_bytes", 999)
        entry = await backend.move(HOME.child("big.bin"), HOME.child("moved.bin"))
        assert entry.size == 1000
        assert await names(backend, HOME) == ["moved.bin"]
        assert (await problem_of(backend.read(HOME.child("moved.bin")))).code is Code.TOO_LARGE


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_a_copy_of_a_file_that_is_just_changing_says_what_it_is_of(
    wire: Wire, s3_server: S3Server, keeper: str
) -> None:
    """Some stores copy the newer bytes all the same; then the digest must be theirs."""
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"old")

        async def change(request: web.Request) -> web.StreamResponse | None:
            if is_copy(request) or (request.method == "GET" and request.path.endswith("ada/a.ipynb")):
                await stranger_puts(s3_server, backend, "home/ada/a.ipynb", b"new")
            return None

        wire.fault = change
        if keeper == "writes":
            assert (await problem_of(backend.copy(NOTEBOOK, MOVED))).code is Code.CONFLICT
            assert await names(backend, ContentPath.parse("home")) == ["ada"]
            return
        entry = (await backend.copy(NOTEBOOK, MOVED)).entry
        wire.fault = no_fault
        document = await backend.read(MOVED)
        assert document.entry.etag == entry.etag
        assert entry.sha256 in (None, sha256_hex(document.body))
        assert (await backend.stat(MOVED)).sha256 in (None, sha256_hex(document.body))


async def test_a_checkpoint_of_a_file_that_is_just_changing_is_of_one_revision(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"old")
        has_changed = False

        async def change(request: web.Request) -> web.StreamResponse | None:
            nonlocal has_changed
            if is_copy(request) and not has_changed:
                has_changed = True
                async with opened(new_bucket(s3_server, bucket=backend._settings.bucket), probed=False) as other:
                    await other.write(NOTEBOOK, b"new")
            return None

        wire.fault = change
        checkpoint = await backend.create_checkpoint(NOTEBOOK)
        await backend.restore_checkpoint(NOTEBOOK, checkpoint.id)
        document = await backend.read(NOTEBOOK)
        assert document.body == b"new"
        assert (await backend.stat(NOTEBOOK)).sha256 == sha256_hex(b"new")


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_what_is_saved_or_stands_there_already_is_not_copied(
    wire: Wire, s3_server: S3Server, keeper: str
) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        saved = await backend.create_checkpoint(NOTEBOOK)
        assert saved.modified == (await backend.stat(NOTEBOOK)).modified
        wire.counts.clear()
        assert await backend.create_checkpoint(NOTEBOOK) == saved
        await backend.restore_checkpoint(NOTEBOOK, saved.id)
        assert wire.counts["PUT"] == 0
        await backend.write(NOTEBOOK, b'{"a": 1}')
        await backend.restore_checkpoint(NOTEBOOK, saved.id)
        wire.counts.clear()
        assert await backend.create_checkpoint(NOTEBOOK) == saved
        assert wire.counts["PUT"] == 0


async def test_a_checkpoint_whose_etag_is_another_is_known_by_the_revision_it_is_of(
    wire: Wire, s3_server: S3Server
) -> None:
    """As where copies are encrypted anew."""
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        etag = (await backend.stat(NOTEBOOK)).etag
        saved = await backend.create_checkpoint(NOTEBOOK)
        notes = {"nbgw-etag": etag, "nbgw-modified": "2026-01-02T03:04:05.000000Z"}
        await foreign_put(backend, f".ipynb_checkpoints/{NOTEBOOK}/checkpoint", b"another etag", Metadata=notes)
        wire.counts.clear()
        again = await backend.create_checkpoint(NOTEBOOK)
        assert (again.id, again.modified.year) == (saved.id, 2026)
        assert wire.counts["PUT"] == 0


async def test_notes_of_a_checkpoint_do_not_come_back_with_it(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        saved = await backend.create_checkpoint(NOTEBOOK)
        await backend.write(NOTEBOOK, b'{"a": 1}')
        await backend.restore_checkpoint(NOTEBOOK, saved.id)
        facts = await backend._objects.head(str(NOTEBOOK))
        assert facts is not None
        assert set(facts.metadata) == {"sha256"}


async def test_a_file_that_vanishes_while_its_checkpoint_is_made_is_missing(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"old")

        async def vanish(request: web.Request) -> web.StreamResponse | None:
            if not is_copy(request):
                return None
            async with opened(new_bucket(s3_server, bucket=backend._settings.bucket), probed=False) as other:
                await other.delete(NOTEBOOK)
            return refusal(412, "PreconditionFailed")

        wire.fault = vanish
        assert (await problem_of(backend.create_checkpoint(NOTEBOOK))).code is Code.NOT_FOUND


async def test_a_checkpoint_of_a_file_that_is_just_changing_may_be_tried_again(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")

        async def changed(request: web.Request) -> web.StreamResponse | None:
            return refusal(412, "PreconditionFailed") if is_copy(request) else None

        wire.fault = changed
        assert (await problem_of(backend.create_checkpoint(NOTEBOOK))).reason is Reason.BUSY


async def test_notes_of_other_tools_in_other_letters_do_not_hinder_a_checkpoint(
    wire: Wire, s3_server: S3Server
) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        headers = {
            "x-amz-meta-author": "Grüße",
            "ETag": f'"{(await backend.stat(NOTEBOOK)).etag}"',
            "Last-Modified": "Sat, 21 Nov 2026 02:42:25 GMT",
            "Content-Length": "2",
        }
        wire.fault = answering("HEAD", lambda: web.Response(headers=headers))
        assert (await backend.create_checkpoint(NOTEBOOK)).id


# -- paths whose checkpoint's key would be too long --------------------------------------------------------------------

DEEP = ContentPath.parse("/".join(["d" * 240] * 4))
LONGEST = DEEP.child("n" * (1024 - len(str(DEEP)) - 1))


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_a_file_of_the_longest_path_lives_as_any_other(wire: Wire, s3_server: S3Server, keeper: str) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        assert await backend.list_checkpoints(LONGEST) == ()
        await backend.write(LONGEST, b"one")
        saved = await backend.create_checkpoint(LONGEST)
        await backend.write(LONGEST, b"two")
        await backend.restore_checkpoint(LONGEST, saved.id)
        assert (await backend.read(LONGEST)).body == b"one"
        await backend.move(LONGEST, NOTEBOOK)
        assert await files(backend) == [f".ipynb_checkpoints/{NOTEBOOK}/checkpoint", str(NOTEBOOK)]
        await backend.move(NOTEBOOK, LONGEST)
        assert len(await backend.list_checkpoints(LONGEST)) == 1
        assert (await backend.read(LONGEST)).body == b"one"
        await backend.delete(LONGEST)
        assert await files(backend) == []


@pytest.mark.parametrize("keeper", KEEPERS)
async def test_a_folder_takes_its_checkpoints_along_however_long_the_paths_become(
    wire: Wire, s3_server: S3Server, keeper: str
) -> None:
    keeping(wire, keeper)
    async with through(wire, s3_server) as backend:
        name = LONGEST.name[: -len("/sub")]
        for path in (HOME.child(name), HOME.child("a.txt")):
            await backend.write(path, b"x")
            await backend.create_checkpoint(path)
        for source, target in ((HOME, DEEP.child("sub")), (DEEP.child("sub"), TARGET)):
            await backend.move(source, target)
            assert len(await files(backend)) == 4
            for child in (name, "a.txt"):
                assert len(await backend.list_checkpoints(target.child(child))) == 1
        await backend.move(TARGET, DEEP.child("sub"))
        await backend.delete(DEEP.child("sub"))
        assert await files(backend) == []


async def test_only_checkpoints_of_files_below_go_with_a_folder(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        await backend.write(NOTEBOOK, b"{}")
        for key in ("home/ada/checkpoint", "home/ada/a.ipynb/other"):
            await foreign_put(backend, f".ipynb_checkpoints/{key}", b"not of a file below")
        await backend.move(HOME, TARGET)
        assert await files(backend) == [
            ".ipynb_checkpoints/home/ada/a.ipynb/other",
            ".ipynb_checkpoints/home/ada/checkpoint",
            str(MOVED),
        ]
