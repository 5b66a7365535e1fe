"""What only the S3 adapter has: pages, markers, metadata, and finding out which conditions the store keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from adapters.nx1.backend import Nx1Backend
from gateway.contents.backend import Capability
from gateway.contents.model import Absent, ETag, Kind, Matches, sha256_hex
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.demo.s3 import S3Server
from tests.adapters.nx1_bench import HOME, NOTEBOOK, foreign_put, keys, names, problem_of, through
from tests.fakes.s3 import new_bucket, opened
from tests.fakes.s3_faults import Wire, wire_to

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def backend(s3_server: S3Server) -> AsyncIterator[Nx1Backend]:
    async with opened(new_bucket(s3_server)) as fresh:
        assert isinstance(fresh, Nx1Backend)
        yield fresh


@pytest_asyncio.fixture(loop_scope="module")
async def wire(s3_server: S3Server) -> AsyncIterator[Wire]:
    async with wire_to(s3_server.endpoint_url) as between:
        yield between


# -- keys, pages, markers ----------------------------------------------------------------------------------------------


async def test_a_listing_of_more_than_a_thousand_keys_is_complete(wire: Wire, s3_server: S3Server) -> None:
    async with through(wire, s3_server) as backend:
        count = 1_050
        for start in range(0, count, 50):
            await asyncio.gather(*(foreign_put(backend, f"home/ada/{n:04d}.txt") for n in range(start, start + 50)))
        wire.counts.clear()
        listing = await backend.list(HOME)
        assert len(listing.entries) == count
        assert all(entry.etag for entry in listing.entries)
        assert wire.counts == {"GET": 2}
        await backend.delete(HOME)
        assert await keys(backend, "home/") == ["home/"]


async def test_markers_of_both_styles_make_folders_and_are_never_listed(backend: Nx1Backend) -> None:
    await foreign_put(backend, "home/ada/new/")
    await foreign_put(backend, "home/ada/old_$folder$")
    entries = {entry.name: entry.kind for entry in (await backend.list(HOME)).entries}
    assert entries == {"new": Kind.DIRECTORY, "old": Kind.DIRECTORY}
    for name in entries:
        assert (await backend.stat(HOME.child(name))).kind is Kind.DIRECTORY
        assert await names(backend, HOME.child(name)) == []
    await backend.delete(HOME.child("old"))
    assert await names(backend, HOME) == ["new"]


async def test_a_key_below_makes_a_folder_without_any_marker(backend: Nx1Backend) -> None:
    await foreign_put(backend, "x/y/z.txt", b"1")
    assert (await backend.stat(ContentPath.parse("x/y"))).kind is Kind.DIRECTORY
    assert await names(backend, ContentPath.parse("x")) == ["y"]


async def test_a_folder_stays_when_its_last_file_is_deleted_or_moved(backend: Nx1Backend) -> None:
    await backend.write(NOTEBOOK, b"{}")
    await backend.delete(NOTEBOOK)
    assert await names(backend, HOME) == []
    await backend.write(HOME.child("sub").child("b.txt"), b"1")
    await backend.move(HOME.child("sub").child("b.txt"), HOME.child("b.txt"))
    assert await names(backend, HOME) == ["b.txt", "sub"]


async def test_prefix_siblings_are_not_touched(backend: Nx1Backend) -> None:
    for name in ("al/x.txt", "alice/x.txt", "al.txt"):
        await backend.write(ContentPath.parse(f"home/{name}"), name.encode())
    assert await names(backend, ContentPath.parse("home/al")) == ["x.txt"]
    await backend.move(ContentPath.parse("home/al"), ContentPath.parse("home/bo"))
    await backend.delete(ContentPath.parse("home/bo"))
    assert await names(backend, ContentPath.parse("home")) == ["al.txt", "alice"]
    assert await names(backend, ContentPath.parse("home/alice")) == ["x.txt"]


async def test_private_prefixes_and_unaddressable_names_are_out_of_sight(backend: Nx1Backend) -> None:
    await backend.write(NOTEBOOK, b"{}")
    await backend.create_checkpoint(NOTEBOOK)
    await foreign_put(backend, ".nbgw/something")
    await foreign_put(backend, "home//double")
    await foreign_put(backend, "home/back\\slash")
    assert await names(backend, ContentPath.ROOT) == ["home"]
    assert await names(backend, ContentPath.parse("home")) == ["ada"]
    problem = await problem_of(backend.stat(ContentPath.parse(".ipynb_checkpoints/home")))
    assert problem.code is Code.NOT_FOUND


async def test_a_file_below_a_file_is_refused(backend: Nx1Backend) -> None:
    await backend.write(NOTEBOOK, b"{}")
    assert (await problem_of(backend.write(NOTEBOOK.child("b.txt"), b"1"))).code is Code.CONFLICT
    assert (await problem_of(backend.make_directory(NOTEBOOK.child("d")))).code is Code.CONFLICT


async def test_names_that_mark_folders_are_no_names_of_files(backend: Nx1Backend) -> None:
    assert (await problem_of(backend.write(HOME.child("a_$folder$"), b"1"))).code is Code.INVALID
    assert await keys(backend) == []


async def test_the_root_is_a_directory_in_every_way(backend: Nx1Backend) -> None:
    assert (await problem_of(backend.copy(ContentPath.ROOT, NOTEBOOK))).reason is Reason.BAD_TYPE
    assert (await problem_of(backend.create_checkpoint(ContentPath.ROOT))).reason is Reason.BAD_TYPE
    assert await backend.list_checkpoints(ContentPath.ROOT) == ()


async def test_a_path_longer_than_a_key_can_be_is_invalid(backend: Nx1Backend) -> None:
    deep = ContentPath(("home", *(["d" * 250] * 4), "e" * 40))
    assert (await problem_of(backend.write(deep, b"1"))).code is Code.INVALID


# -- etags, digests, dates ---------------------------------------------------------------------------------------------


async def test_an_object_of_a_foreign_tool_is_served_without_a_noted_digest(backend: Nx1Backend) -> None:
    await foreign_put(backend, "home/ada/a.ipynb", b"{}")
    assert (await backend.stat(NOTEBOOK)).sha256 is None
    assert (await backend.read(NOTEBOOK)).entry.sha256 == sha256_hex(b"{}")


async def test_bytes_are_trusted_over_a_digest_that_a_foreign_tool_has_carried_along(backend: Nx1Backend) -> None:
    await foreign_put(backend, "home/ada/a.ipynb", b"other", Metadata={"sha256": sha256_hex(b"{}")})
    assert (await backend.read(NOTEBOOK)).entry.sha256 == sha256_hex(b"other")


async def test_the_digest_and_the_content_type_are_stored_with_the_object(backend: Nx1Backend) -> None:
    written = await backend.write(NOTEBOOK, b"{}")
    facts = await backend._objects.head("home/ada/a.ipynb")
    assert facts is not None
    assert facts.content_type == "application/x-ipynb+json"
    assert facts.sha256 == written.entry.sha256 == sha256_hex(b"{}")


async def test_a_move_keeps_digest_and_checkpoint(backend: Nx1Backend) -> None:
    first = await backend.write(NOTEBOOK, b"{}")
    saved = await backend.create_checkpoint(NOTEBOOK)
    await backend.write(NOTEBOOK, b"[]")
    target = HOME.child("sub").child("b.ipynb")
    moved = await backend.move(NOTEBOOK, target)
    assert moved.sha256 == sha256_hex(b"[]")
    assert saved.modified == first.entry.modified
    assert await backend.list_checkpoints(NOTEBOOK) == ()
    assert await backend.list_checkpoints(target) == (saved,)
    await backend.restore_checkpoint(target, saved.id)
    assert (await backend.stat(target)).etag == first.entry.etag
    await backend.delete(target)
    assert await keys(backend, ".ipynb_checkpoints/") == []


# -- what the store honours --------------------------------------------------------------------------------------------


async def test_a_store_that_keeps_conditions_is_known_by_its_probe(backend: Nx1Backend) -> None:
    assert {Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE} <= backend.capabilities
    assert await keys(backend, ".nbgw/") == []


async def test_a_store_that_ignores_conditions_is_found_out_and_logged(wire: Wire, s3_server: S3Server) -> None:
    wire.ignores_conditions = True
    with structlog.testing.capture_logs() as logs:
        async with through(wire, s3_server) as backend:
            assert not {Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE} & backend.capabilities
            assert await keys(backend) == []
            await backend.write(NOTEBOOK, b"{}")
            await backend.move(NOTEBOOK, HOME.child("b.ipynb"))
            assert (await problem_of(backend.copy(HOME.child("b.ipynb"), HOME.child("b.ipynb")))).code is (
                Code.PRECONDITION
            )
    assert any(log["log_level"] == "warning" and log.get("missing") == ["create", "replace", "delete"] for log in logs)


async def test_a_store_that_wants_the_etag_unquoted_gets_it_so(wire: Wire, s3_server: S3Server) -> None:
    wire.keeps_conditions_only_unquoted = True
    async with through(wire, s3_server) as backend:
        assert Capability.CONDITIONAL_WRITE in backend.capabilities
        first = await backend.write(NOTEBOOK, b"{}", precondition=Absent())
        assert first.entry.etag is not None
        second = await backend.write(NOTEBOOK, b"[]", precondition=Matches(first.entry.etag))
        assert second.entry.sha256 == sha256_hex(b"[]")


async def test_nothing_is_claimed_before_the_probe(s3_server: S3Server) -> None:
    async with opened(new_bucket(s3_server), probed=False) as backend:
        assert Capability.CONDITIONAL_WRITE not in backend.capabilities


async def test_a_match_on_a_missing_file_is_a_failed_precondition(backend: Nx1Backend) -> None:
    problem = await problem_of(backend.write(NOTEBOOK, b"{}", precondition=Matches(ETag("0" * 32))))
    assert problem.code is Code.PRECONDITION
    assert await keys(backend) == []


async def test_of_racing_creates_one_wins(backend: Nx1Backend) -> None:
    results = await asyncio.gather(
        *(backend.write(NOTEBOOK, f"{n}".encode(), precondition=Absent()) for n in range(4)), return_exceptions=True
    )
    assert [type(each) for each in results].count(Problem) == 3


async def test_a_missing_bucket_is_the_upstreams_fault(s3_server: S3Server) -> None:
    async with opened(new_bucket(s3_server, create_bucket=False), probed=False) as backend:
        assert (await problem_of(backend.probe())).code is Code.UPSTREAM


async def test_a_directory_is_not_read_nor_copied_nor_saved(backend: Nx1Backend) -> None:
    await backend.make_directory(HOME)
    for attempt in (backend.read(HOME), backend.copy(HOME, NOTEBOOK), backend.create_checkpoint(HOME)):
        problem = await problem_of(attempt)
        assert (problem.code, problem.reason) == (Code.INVALID, Reason.BAD_TYPE)


async def test_settings_hide_their_secrets(s3_server: S3Server, tmp_path: Path) -> None:
    async with opened(new_bucket(s3_server, secret_access_key="hush"), probed=False) as backend:
        assert isinstance(backend, Nx1Backend)
        assert "hush" not in repr(backend._settings)
