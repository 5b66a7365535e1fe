"""The OCI adapter when the service refuses, lies or loses a race: the right problem, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from adapters.oci.errors import problem_from
from gateway.contents.backend import Backend
from gateway.contents.model import Absent
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


async def test_a_write_without_condition_that_loses_a_race_may_be_tried_again(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.put_creates = False

    def taken(request: web.Request) -> web.Response | None:
        if request.method == "PATCH":
            workspace.tree.put(("Workspace", "a.ipynb"), OTHER)
        return None

    workspace.habits.fault = taken
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, NOTEBOOK)
    assert caught.value.reason is Reason.BUSY
    assert (await backend.read(PATH)).body == OTHER


async def test_a_folder_emptied_by_others_at_the_same_time_goes_too(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.recursive_delete = False
    await backend.make_directory(ContentPath.parse("a"))
    await backend.write(ContentPath.parse("a/b.txt"), b"b")

    def vanish(request: web.Request) -> web.Response | None:
        if request.method == "DELETE" and "b.txt" in request.raw_path:
            workspace.tree.remove(("Workspace", "a", "b.txt"), recursive=True)
        return None

    workspace.habits.fault = vanish
    await backend.delete(ContentPath.parse("a"))
    assert await names_of(backend) == []


async def test_a_folder_in_which_something_cannot_be_deleted_stays(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.recursive_delete = False
    await backend.make_directory(ContentPath.parse("a"))
    await backend.write(ContentPath.parse("a/b.txt"), b"b")

    def refuse(request: web.Request) -> web.Response | None:
        if request.method == "DELETE" and "b.txt" in request.raw_path:
            return web.json_response({"code": "Conflict", "message": ""}, status=409)
        return None

    workspace.habits.fault = refuse
    with pytest.raises(Problem) as caught:
        await backend.delete(ContentPath.parse("a"))
    assert caught.value.code is Code.CONFLICT
    assert await names_of(backend, ContentPath.parse("a")) == ["b.txt"]


async def test_a_folder_made_by_renaming_leaves_nothing_behind_when_that_fails(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.fault = failing(503, '{"code": "ServiceUnavailable", "message": ""}', method="PATCH")
    with pytest.raises(Problem) as caught:
        await backend.make_directory(ContentPath.parse("Prüfung"))
    assert caught.value.code is Code.UNAVAILABLE
    assert await names_of(backend) == []


async def test_a_name_of_the_services_choice_that_cannot_be_addressed_is_not_used(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.fault = failing(201, '{"name": "..", "path": "/Workspace/.."}', method="POST")
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, NOTEBOOK, precondition=Absent())
    assert caught.value.code is Code.UPSTREAM
    assert "PUT" not in [method for method, _ in workspace.requests]


async def test_answers_nested_without_end_are_nonsense(workspace: WorkspaceEmulator, backend: Backend) -> None:
    deep = "[" * 100_000
    for status, body in ((200, f'{{"other": {deep}'), (400, deep), (200, f'{{"type": "file", "content": {deep}')):
        workspace.habits.fault = failing(status, body)
        with pytest.raises(Problem) as caught:
            await backend.read(ContentPath.parse("a.txt"))
        assert caught.value.code is Code.UPSTREAM


@pytest.mark.parametrize("content", ["text", [], 7, None])
async def test_content_that_is_no_notebook_is_never_served(
    workspace: WorkspaceEmulator, backend: Backend, content: object
) -> None:
    model = json.dumps({"type": "notebook", "format": "json", "content": content})
    workspace.habits.fault = failing(200, model)
    with pytest.raises(Problem) as caught:
        await backend.read(PATH)
    assert caught.value.code is Code.UPSTREAM


@pytest.mark.parametrize("name", ["a.txt", "a.ipynb"])
async def test_a_file_without_an_etag_is_not_served(workspace: WorkspaceEmulator, backend: Backend, name: str) -> None:
    workspace.habits.fault = failing(200, '{"type": "file", "format": "json", "content": {}}', times=9)
    with pytest.raises(Problem) as caught:
        await backend.read(ContentPath.parse(name))
    assert caught.value.code is Code.UPSTREAM


async def test_a_directory_is_not_read_as_a_file(workspace: WorkspaceEmulator, backend: Backend) -> None:
    workspace.habits.fault = failing(200, '{"type": "directory", "content": null}')
    with pytest.raises(Problem) as caught:
        await backend.read(ContentPath.parse("a.txt"))
    assert caught.value.reason is Reason.BAD_TYPE


async def test_html_from_the_edge_is_unavailability(workspace: WorkspaceEmulator, backend: Backend) -> None:
    workspace.habits.fault = failing(502, "<html>Bad Gateway</html>", times=9)
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
        (403, b'{"code": "NotAllowed", "message": ""}', Code.UPSTREAM),
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
