"""The OCI service's own ways: folders, busy resources, and the quirks its users have seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.contents.backend import Backend, SupportsMove
from gateway.contents.model import Absent, Kind, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.wire.client import open_session
from tests.adapters.oci_steps import NOTEBOOK, OTHER, PATH, backend_of, failing, names_of
from tests.fakes.workspace import WorkspaceEmulator, running_workspace


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


async def test_a_folder_whose_name_no_header_can_carry_is_made_by_renaming(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    path = ContentPath.parse("Prüfung")
    entry = await backend.make_directory(path)
    assert entry == await backend.stat(path)
    assert not [target for method, target in workspace.requests if method == "POST" and "/objects" in target]
    with pytest.raises(Problem) as caught:
        await backend.make_directory(path)
    assert caught.value.reason is Reason.EXISTS
    assert await names_of(backend) == ["Prüfung"]


async def test_a_folder_that_must_be_empty_to_go_is_emptied_first(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.recursive_delete = False
    folder = await backend.make_directory(ContentPath.parse("a"))
    await backend.make_directory(ContentPath.parse("a/b"))
    await backend.write(ContentPath.parse("a/b/c.ipynb"), NOTEBOOK)
    await backend.write(ContentPath.parse("a/d.txt"), b"d")
    await backend.delete(folder.path)
    assert await names_of(backend) == []


async def test_a_busy_resource_is_a_conflict_that_may_be_retried(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    await backend.write(PATH, NOTEBOOK)
    body = '{"code": "IncorrectState", "message": "try again later"}'
    workspace.habits.fault = failing(409, body, times=3, method="DELETE")
    with pytest.raises(Problem) as caught:
        await backend.delete(PATH)
    assert (caught.value.code, caught.value.reason, caught.value.retryable) == (Code.CONFLICT, Reason.BUSY, True)


async def test_a_renamed_folder_takes_its_contents_along(backend: Backend) -> None:
    assert isinstance(backend, SupportsMove)
    await backend.make_directory(ContentPath.parse("a"))
    await backend.write(ContentPath.parse("a/n.ipynb"), NOTEBOOK)
    moved = await backend.move(ContentPath.parse("a"), ContentPath.parse("b"))
    assert moved == await backend.stat(ContentPath.parse("b"))
    assert await names_of(backend, moved.path) == ["n.ipynb"]


async def test_a_missing_notebook_reported_as_internal_error_is_missing(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.missing_is_internal_error = True
    with pytest.raises(Problem) as caught:
        await backend.read(PATH)
    assert caught.value.code is Code.NOT_FOUND
    assert (await backend.write(PATH, NOTEBOOK)).created


async def test_paths_without_leading_slash_and_numeric_dates_are_understood(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    before = (await backend.write(PATH, NOTEBOOK, precondition=Absent())).entry
    workspace.habits.leading_slash, workspace.habits.numeric_dates = False, True
    after = await backend.stat(PATH)
    assert abs((after.modified - before.modified).total_seconds()) < 0.001
    assert await names_of(backend) == ["a.ipynb"]
    await backend.write(ContentPath.parse("b.ipynb"), NOTEBOOK, precondition=Absent())
    assert await names_of(backend) == ["a.ipynb", "b.ipynb"]


@pytest.mark.parametrize("form", ["{}", '"{}"', 'W/"{}"'])
async def test_an_etag_is_handed_back_as_it_came(workspace: WorkspaceEmulator, backend: Backend, form: str) -> None:
    workspace.habits.etag_form = form
    written = (await backend.write(PATH, NOTEBOOK)).entry
    assert written.etag == workspace.tree.get(("Workspace", "a.ipynb")).etag
    again = await backend.write(PATH, OTHER, precondition=Matches(written.etag))
    assert again.entry.etag != written.etag
    with pytest.raises(Problem) as caught:
        await backend.delete(PATH, precondition=Matches(written.etag))
    assert caught.value.code is Code.PRECONDITION


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"'])
async def test_a_gateway_that_has_just_started_hands_an_etag_back_as_the_service_writes_it(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path, form: str
) -> None:
    workspace.habits.etag_form = form
    written = (await backend_of(workspace, session, tmp_path).write(PATH, NOTEBOOK)).entry
    assert written.etag is not None
    other = backend_of(workspace, session, tmp_path)
    again = (await other.write(PATH, OTHER, precondition=Matches(written.etag))).entry
    third = backend_of(workspace, session, tmp_path)
    with pytest.raises(Problem) as caught:
        await third.delete(PATH, precondition=Matches(written.etag))
    assert caught.value.code is Code.PRECONDITION
    assert again.etag is not None
    await third.delete(PATH, precondition=Matches(again.etag))


async def test_a_name_that_is_on_two_pages_is_listed_once(workspace: WorkspaceEmulator, backend: Backend) -> None:
    await backend.write(PATH, NOTEBOOK)
    item = {"path": "/Workspace/a.ipynb", "type": "NOTEBOOK"}
    pages = [{"items": [item, {"path": "/Workspace/.."}]}, {"items": [item]}]

    def twice(request: web.Request) -> web.Response | None:
        if "/objects" not in request.raw_path:
            return None
        page = 1 if "page" in request.query else 0
        return web.json_response(pages[page], headers={} if page else {"Opc-Next-Page": "p1"})

    workspace.habits.fault = twice
    assert await names_of(backend) == ["a.ipynb"]


async def test_nothing_that_is_missing_is_moved_or_replaced(backend: Backend) -> None:
    assert isinstance(backend, SupportsMove)
    await backend.write(PATH, NOTEBOOK)
    with pytest.raises(Problem) as caught:
        await backend.move(PATH, ContentPath.parse("no/a.ipynb"))
    assert caught.value.code is Code.NOT_FOUND
    with pytest.raises(Problem) as caught:
        await backend.list(PATH)
    assert caught.value.reason is Reason.BAD_TYPE


async def test_an_answer_without_etag_after_a_save_is_asked_for(workspace: WorkspaceEmulator, backend: Backend) -> None:
    await backend.write(PATH, NOTEBOOK)

    def silent(request: web.Request) -> web.Response | None:
        if request.method != "PUT":
            return None
        workspace.tree.put(("Workspace", "a.ipynb"), OTHER)
        return web.json_response({})

    workspace.habits.fault = silent
    assert (await backend.write(PATH, OTHER)).entry == await backend.stat(PATH)


async def test_a_folder_that_contents_call_an_internal_error_is_a_folder(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    folder = await backend.make_directory(ContentPath.parse("a"))
    await backend.write(ContentPath.parse("a/n.ipynb"), NOTEBOOK)

    def failing_on_folders(request: web.Request) -> web.Response | None:
        if request.method != "GET" or "/contents/" not in request.raw_path or "n.ipynb" in request.raw_path:
            return None
        body = {"code": "InternalError", "message": "Error occurred while getting notebook content."}
        return web.json_response(body, status=500)

    workspace.habits.fault = failing_on_folders
    assert (await backend.stat(folder.path)).kind is Kind.DIRECTORY
    assert await names_of(backend, folder.path) == ["n.ipynb"]
    with pytest.raises(Problem) as caught:
        await backend.stat(ContentPath.parse("missing"))
    assert caught.value.code is Code.NOT_FOUND


async def test_a_rename_never_takes_the_place_of_what_stands_there(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    """Even where the service would let it."""
    assert isinstance(backend, SupportsMove)
    workspace.habits.patch_replaces = True
    await backend.write(PATH, NOTEBOOK)
    await backend.write(ContentPath.parse("b.ipynb"), OTHER)
    for attempt in (
        backend.move(PATH, ContentPath.parse("b.ipynb")),
        backend.write(ContentPath.parse("b.ipynb"), NOTEBOOK, precondition=Absent()),
    ):
        with pytest.raises(Problem):
            await attempt
    assert (await backend.read(ContentPath.parse("b.ipynb"))).body == OTHER
