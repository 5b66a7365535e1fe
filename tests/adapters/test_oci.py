"""What only the OCI adapter has: signed one-segment addresses, pages, creation by renaming."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.contents.backend import Backend
from gateway.contents.model import Absent, ETag, Kind, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.wire.client import open_session
from tests.adapters.oci_steps import NOTEBOOK, OTHER, PATH, backend_of, failing, names_of
from tests.fakes.workspace import OLDER, PREFIX, WorkspaceEmulator, running_workspace


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    session = open_session()
    yield session
    await session.close()


@pytest.fixture
def backend(workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path) -> Backend:
    return backend_of(workspace, session, tmp_path)


async def test_a_path_is_one_encoded_segment(workspace: WorkspaceEmulator, backend: Backend) -> None:
    await backend.make_directory(ContentPath.parse("a b"))
    path = ContentPath.parse("a b/ñ~x+y&z%2F'1.ipynb")
    await backend.write(path, NOTEBOOK)
    expected = "%2FWorkspace%2Fa%20b%2F%C3%B1~x%2By%26z%252F%271.ipynb"
    assert ("PUT", f"{PREFIX}/notebook/api/contents/{expected}") in workspace.requests
    assert (await backend.read(path)).entry.path == path


async def test_folder_and_base_path_are_configurable(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path, backend: Backend
) -> None:
    await backend.make_directory(ContentPath.parse("team"))
    inner = backend_of(workspace, session, tmp_path, folder="/Workspace/team/")
    await inner.write(PATH, NOTEBOOK)
    assert await names_of(backend, ContentPath.parse("team")) == ["a.ipynb"]
    other = backend_of(workspace, session, tmp_path, base_path="/api")
    workspace.habits.api_prefix = True
    assert await names_of(other) == ["team"]
    assert workspace.requests[-1][1].startswith(f"/api{PREFIX}/objects?")


async def test_the_older_generation_is_as_good(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with running_workspace(generation=OLDER) as workspace:
        backend = backend_of(workspace, session, tmp_path, generation="20240831")
        await backend.probe()
        await backend.write(PATH, NOTEBOOK)
        assert await names_of(backend) == ["a.ipynb"]
        assert {target.startswith(OLDER.prefix) for _, target in workspace.requests} == {True}


async def test_a_missing_base_folder_is_our_fault_and_not_an_empty_root(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    misplaced = backend_of(workspace, session, tmp_path, folder="Workspace/nowhere")
    with pytest.raises(Problem) as caught:
        await misplaced.list(ContentPath.ROOT)
    assert caught.value.code is Code.UPSTREAM


async def test_an_unregistered_key_is_the_gateways_problem(workspace: WorkspaceEmulator, backend: Backend) -> None:
    workspace.keys.clear()
    with pytest.raises(Problem) as caught:
        await backend.stat(PATH)
    assert caught.value.code is Code.UPSTREAM


async def test_a_listing_has_all_pages(workspace: WorkspaceEmulator, backend: Backend) -> None:
    for number in range(230):
        workspace.tree.put(("Workspace", f"{number:03}.txt"), b"")
    assert await names_of(backend) == [f"{number:03}.txt" for number in range(230)]
    assert len([target for _, target in workspace.requests if "/objects?" in target]) == 3


async def test_a_listing_that_repeats_its_pages_is_refused(workspace: WorkspaceEmulator, backend: Backend) -> None:
    def endless(request: web.Request) -> web.Response | None:
        if "/objects" not in request.raw_path:
            return None
        return web.json_response({"items": []}, headers={"opc-next-page": "again"})

    workspace.habits.fault = endless
    with pytest.raises(Problem) as caught:
        await backend.list(ContentPath.ROOT)
    assert caught.value.code is Code.UPSTREAM


async def test_the_composite_etag_is_never_taken_for_a_contents_etag(backend: Backend) -> None:
    await backend.write(PATH, NOTEBOOK)
    (entry,) = (await backend.list(ContentPath.ROOT)).entries
    assert (entry.etag, entry.size, entry.kind) == (None, None, Kind.NOTEBOOK)


async def test_listing_and_stat_agree_on_kind_and_date(backend: Backend) -> None:
    await backend.write(PATH, NOTEBOOK)
    await backend.write(ContentPath.parse("b.bin"), b"\xff\x00")
    await backend.make_directory(ContentPath.parse("c"))
    listing = await backend.list(ContentPath.ROOT)
    for entry in listing.entries:
        stood = await backend.stat(entry.path)
        assert (stood.kind, stood.modified, stood.created) == (entry.kind, entry.modified, entry.created)
    assert await backend.stat(ContentPath.ROOT) == listing.entry


async def test_creation_leaves_nothing_under_the_spare_name(workspace: WorkspaceEmulator, backend: Backend) -> None:
    written = await backend.write(PATH, NOTEBOOK, precondition=Absent())
    assert written.created
    assert written.entry == await backend.stat(PATH)
    assert [method for method, _ in workspace.requests[:4]] == ["GET", "POST", "PUT", "PATCH"]
    assert await names_of(backend) == ["a.ipynb"]


async def test_one_of_many_racing_creations_wins(backend: Backend) -> None:
    bodies = [NOTEBOOK.replace(b'"metadata": {}', f'"metadata": {{"n": {n}}}'.encode()) for n in range(8)]
    results = await asyncio.gather(
        *(backend.write(PATH, body, precondition=Absent()) for body in bodies), return_exceptions=True
    )
    codes = [result.code for result in results if isinstance(result, Problem)]
    assert codes == [Code.PRECONDITION] * 7
    assert await names_of(backend) == ["a.ipynb"]


async def test_a_name_taken_just_before_the_renaming_is_a_failed_precondition(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    def taken(request: web.Request) -> web.Response | None:
        if request.method == "PATCH":
            workspace.tree.put(("Workspace", "a.ipynb"), OTHER)
        return None

    workspace.habits.fault = taken
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, NOTEBOOK, precondition=Absent())
    assert caught.value.code is Code.PRECONDITION
    assert await names_of(backend) == ["a.ipynb"]
    assert (await backend.read(PATH)).body == OTHER


async def test_a_failed_creation_is_cleaned_up(workspace: WorkspaceEmulator, backend: Backend) -> None:
    workspace.habits.fault = failing(503, '{"code": "ServiceUnavailable", "message": "later"}', method="PUT")
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, NOTEBOOK, precondition=Absent())
    assert caught.value.code is Code.UNAVAILABLE
    assert await names_of(backend) == []


async def test_a_cancelled_creation_is_cleaned_up(workspace: WorkspaceEmulator, backend: Backend) -> None:
    writing: list[asyncio.Task[Any]] = []

    def cancel(request: web.Request) -> web.Response | None:
        if request.method != "PATCH":
            return None
        writing[0].cancel()
        return web.Response(status=503)

    workspace.habits.fault = cancel
    writing.append(asyncio.create_task(backend.write(PATH, NOTEBOOK, precondition=Absent())))
    with pytest.raises(asyncio.CancelledError):
        await writing[0]
    assert await names_of(backend) == []


async def test_where_a_save_does_not_create_the_file_is_made_first(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.put_creates = False
    for name, body in (("a.ipynb", NOTEBOOK), ("plain", b"text"), ("x.tar.gz", b"\xff")):
        written = await backend.write(ContentPath.parse(name), body)
        assert written.created
        assert (await backend.read(written.entry.path)).body.replace(b" ", b"") == body.replace(b" ", b"")
    assert await names_of(backend) == ["a.ipynb", "plain", "x.tar.gz"]
    assert not (await backend.write(PATH, OTHER)).created


async def test_a_save_below_a_missing_folder_is_not_found(workspace: WorkspaceEmulator, backend: Backend) -> None:
    with pytest.raises(Problem) as caught:
        await backend.write(ContentPath.parse("no/a.ipynb"), NOTEBOOK)
    assert caught.value.code is Code.NOT_FOUND
    assert not [path for path in workspace.tree.nodes if len(path) > 1]


async def test_if_match_on_a_path_where_nothing_stands_is_a_failed_precondition(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.fault = failing(404, '{"code": "NotAuthorizedOrNotFound", "message": ""}', method="PUT")
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, NOTEBOOK, precondition=Matches(ETag("old")))
    assert caught.value.code is Code.PRECONDITION


async def test_a_notebook_that_is_no_json_object_is_never_spliced(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    for body in (b"", b"[]", b"not json", NOTEBOOK + b', "type": "file"', b'{"a": "\xff"}', b'{"a": NaN}'):
        with pytest.raises(Problem) as caught:
            await backend.write(PATH, body)
        assert caught.value.code is Code.UNPROCESSABLE
    assert not [method for method, _ in workspace.requests if method == "PUT"]


async def test_integers_beyond_64_bits_survive(backend: Backend) -> None:
    body = NOTEBOOK.replace(b'"metadata": {}', b'"metadata": {"n": 123456789012345678901234567890}')
    await backend.write(PATH, body)
    assert b"123456789012345678901234567890" in (await backend.read(PATH)).body
