"""jupyter_server answers 500 to much that is the caller's doing; the adapter looks again and says what it was."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web

from adapters.jupyter.backend import JupyterBackend
from gateway.contents.model import Kind
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.server.listening import listening
from tests.fakes.jupyter import opened

DATE = "2026-01-01T00:00:00Z"
FOLDER, PATH, OTHER = (ContentPath.parse(text) for text in ("folder", "folder/a.txt", "other/b.txt"))


@dataclass(slots=True)
class Server:
    """Refuses each change with one status, and knows what stands where."""

    standing: dict[str, Kind]
    status: int = 500
    body: str = '{"message": "/home/somebody/secret", "reason": null}'
    changes: list[str] = field(default_factory=list)
    removed_by_others: bool = False

    async def handle(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix("/api/contents").strip("/")
        if request.method != "GET":
            self.changes.append(f"{request.method} {path}")
            if self.removed_by_others:
                self.standing.pop(path, None)
            return web.Response(status=self.status, text=self.body, content_type="application/json")
        kind = self.standing.get(path)
        if kind is None:
            return web.json_response({"message": "No such file"}, status=404)
        wanted = request.query.get("type")
        if wanted is not None and wanted != kind.value:
            return web.json_response({"message": "", "reason": "bad type"}, status=400)
        return web.json_response(self._model(path, kind))

    def _model(self, path: str, kind: Kind) -> dict[str, object]:
        below = [each for each in self.standing if each.rpartition("/")[0] == path and each != path]
        facts = {"type": kind.value, "last_modified": DATE, "created": DATE, "size": 1}
        content = [{"name": each.rpartition("/")[2], **facts, "type": self.standing[each].value} for each in below]
        digest = {"hash": "0" * 64, "hash_algorithm": "sha256"}
        return {"name": path.rpartition("/")[2], **facts, **digest, "content": content, "format": "json"}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    yield Server({"": Kind.DIRECTORY, "folder": Kind.DIRECTORY, "folder/a.txt": Kind.FILE, "other": Kind.DIRECTORY})


@pytest_asyncio.fixture
async def backend(server: Server) -> AsyncIterator[JupyterBackend]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.handle)
    async with listening(app, "127.0.0.1", 0, shutdown_seconds=0.1) as url, opened({"url": url}) as backend:
        assert isinstance(backend, JupyterBackend)
        yield backend


async def problem_of(attempt: Awaitable[object]) -> Problem:
    with pytest.raises(Problem) as caught:
        await attempt
    assert "secret" not in caught.value.detail
    return caught.value


async def test_a_save_says_what_was_in_its_way(server: Server, backend: JupyterBackend) -> None:
    assert (await problem_of(backend.write(PATH, b"x"))).code is Code.UPSTREAM
    server.standing["folder/a.txt"] = Kind.DIRECTORY
    assert (await problem_of(backend.write(PATH, b"x"))).code is Code.CONFLICT
    server.standing["folder"] = Kind.FILE
    assert (await problem_of(backend.write(PATH, b"x"))).reason is Reason.BAD_TYPE
    del server.standing["folder"]
    assert (await problem_of(backend.write(PATH, b"x"))).code is Code.NOT_FOUND
    assert server.changes == ["PUT folder/a.txt"] * 4


async def test_a_folder_that_is_not_made_says_why(server: Server, backend: JupyterBackend) -> None:
    path = ContentPath.parse("other/new")
    assert (await problem_of(backend.make_directory(path))).code is Code.UPSTREAM
    server.standing["other"] = Kind.FILE
    assert (await problem_of(backend.make_directory(path))).reason is Reason.BAD_TYPE
    del server.standing["other"]
    assert (await problem_of(backend.make_directory(path))).code is Code.NOT_FOUND


async def test_a_rename_says_which_side_was_wrong(server: Server, backend: JupyterBackend) -> None:
    assert (await problem_of(backend.move(PATH, OTHER))).code is Code.UPSTREAM
    server.standing["other"] = Kind.FILE
    assert (await problem_of(backend.move(PATH, OTHER))).reason is Reason.BAD_TYPE
    del server.standing["folder/a.txt"]
    assert (await problem_of(backend.move(PATH, OTHER))).code is Code.NOT_FOUND


async def test_a_failed_delete_of_what_is_missing_is_not_found(server: Server, backend: JupyterBackend) -> None:
    assert (await problem_of(backend.delete(PATH))).code is Code.UPSTREAM
    del server.standing["folder/a.txt"]
    assert (await problem_of(backend.delete(PATH))).code is Code.NOT_FOUND


async def test_only_a_directory_is_emptied_before_it_is_deleted(server: Server, backend: JupyterBackend) -> None:
    server.status = 400
    assert (await problem_of(backend.delete(PATH))).code is Code.INVALID
    assert server.changes == ["DELETE folder/a.txt"]


async def test_what_others_delete_from_a_directory_meanwhile_is_no_fault(
    server: Server, backend: JupyterBackend
) -> None:
    server.status, server.removed_by_others = 404, True
    assert (await problem_of(backend.delete(PATH))).code is Code.NOT_FOUND
    server.standing["folder/a.txt"] = Kind.FILE
    await backend._empty(FOLDER, await backend._server.ask(FOLDER, "?content=0"))
    assert server.changes == ["DELETE folder/a.txt"] * 2


async def test_a_directory_in_which_something_cannot_be_deleted_stays(server: Server, backend: JupyterBackend) -> None:
    server.status = 400
    problem = await problem_of(backend.delete(FOLDER))
    assert problem.code is Code.INVALID
    assert server.changes == ["DELETE folder", "DELETE folder/a.txt"]


async def test_a_checkpoint_that_is_not_made_says_why(server: Server, backend: JupyterBackend) -> None:
    assert (await problem_of(backend.create_checkpoint(FOLDER))).reason is Reason.BAD_TYPE
    assert (await problem_of(backend.create_checkpoint(PATH))).code is Code.UPSTREAM
    assert (await problem_of(backend.create_checkpoint(OTHER))).code is Code.NOT_FOUND


async def test_checkpoints_of_what_is_missing_are_none(backend: JupyterBackend) -> None:
    assert await backend.list_checkpoints(OTHER) == ()


@pytest.mark.parametrize("body", ["<html>", "[" * 50_000])
async def test_a_refusal_in_no_known_words_is_nonsense(server: Server, backend: JupyterBackend, body: str) -> None:
    server.status, server.body = 400, body
    assert (await problem_of(backend.move(PATH, OTHER))).code is Code.UPSTREAM


async def test_a_refusal_without_a_reason_is_the_requests_fault(server: Server, backend: JupyterBackend) -> None:
    server.status, server.body = 400, json.dumps({"message": "secret"})
    assert (await problem_of(backend.move(PATH, OTHER))).code is Code.INVALID


async def test_a_taken_name_is_said_to_be_taken(server: Server, backend: JupyterBackend) -> None:
    server.status = 409
    assert (await problem_of(backend.move(PATH, OTHER))).reason is Reason.EXISTS
