"""The OCI service's own ways: folders, busy resources, and the quirks its users have seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from adapters.oci.errors import problem_from
from gateway.contents.backend import Backend, SupportsMove
from gateway.contents.model import Absent, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.wire.client import Answer, open_session
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


async def test_an_answer_without_etag_after_a_save_is_asked_for(workspace: WorkspaceEmulator, backend: Backend) -> None:
    await backend.write(PATH, NOTEBOOK)
    workspace.habits.fault = failing(200, "{}", method="PUT")
    assert (await backend.write(PATH, OTHER)).entry == await backend.stat(PATH)


async def test_html_from_the_edge_is_unavailability(workspace: WorkspaceEmulator, backend: Backend) -> None:
    workspace.habits.fault = failing(502, "<html>Bad Gateway</html>")
    with pytest.raises(Problem) as caught:
        await backend.read(PATH)
    assert caught.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize("body", ["", "<html></html>", "[]", '{"content": 1}', '{"type": "notebook", "content": null}'])
async def test_nonsense_with_status_200_is_an_upstream_problem(
    workspace: WorkspaceEmulator, backend: Backend, body: str
) -> None:
    workspace.habits.fault = failing(200, body)
    with pytest.raises(Problem) as caught:
        await backend.read(PATH)
    assert caught.value.code is Code.UPSTREAM


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"code": "InvalidParameter", "message": "secret path", "reason": "bad type"}', Code.INVALID),
        (401, b'{"code": "NotAuthenticated", "message": ""}', Code.UPSTREAM),
        (401, b"<html>", Code.UPSTREAM),
        (403, b'{"code": "NotAllowed", "message": ""}', Code.FORBIDDEN),
        (404, b'{"code": "NotAuthorizedOrNotFound", "message": ""}', Code.NOT_FOUND),
        (404, b"", Code.NOT_FOUND),
        (404, b"<html>", Code.UPSTREAM),
        (405, b'{"code": "MethodNotAllowed", "message": ""}', Code.UPSTREAM),
        (409, b'{"code": "Conflict", "message": ""}', Code.CONFLICT),
        (412, b'{"code": "NoEtagMatch", "message": ""}', Code.PRECONDITION),
        (413, b'{"code": "PayloadTooLarge", "message": ""}', Code.TOO_LARGE),
        (422, b'{"code": "UnprocessableEntity", "message": ""}', Code.UNPROCESSABLE),
        (429, b'{"code": "TooManyRequests", "message": ""}', Code.THROTTLED),
        (500, b'{"code": "InternalError", "message": "while getting notebook content"}', Code.NOT_FOUND),
        (500, b'{"code": "InternalError", "message": "else"}', Code.UPSTREAM),
        (500, b"<html>", Code.UNAVAILABLE),
        (501, b'{"code": "MethodNotImplemented", "message": ""}', Code.UNSUPPORTED),
        (503, b'{"code": "ServiceUnavailable", "message": ""}', Code.UNAVAILABLE),
        (504, b'{"code": "ExternalServerTimeout", "message": ""}', Code.TIMEOUT),
        (302, b"", Code.UPSTREAM),
    ],
)
def test_every_answer_of_the_service_is_a_problem(status: int, body: bytes, code: Code) -> None:
    problem = problem_from(Answer(status, CIMultiDictProxy(CIMultiDict({"Retry-After": "7"})), body))
    assert problem.code is code
    assert "secret" not in problem.detail
    if code in (Code.THROTTLED, Code.UNAVAILABLE):
        assert problem.retry_after_seconds == 7
