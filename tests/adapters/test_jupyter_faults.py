"""The Jupyter adapter when the server refuses, breaks off, lies or falls silent: the right problem and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web
from multidict import CIMultiDictProxy

from adapters.jupyter.backend import JupyterBackend
from gateway.contents.backend import Backend
from gateway.contents.model import sha256_hex
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Source
from gateway.server.listening import listening
from gateway.wire import client as upstream_client
from tests.fakes.jupyter import opened

PATH, OTHER = ContentPath.parse("a.txt"), ContentPath.parse("b.txt")
NOBODY_LISTENS = "http://127.0.0.1:1"
SECRET = "/home/somebody/secret"
MODEL = {"name": "a.txt", "type": "file", "last_modified": "2026-01-01T00:00:00Z", "created": "2026-01-01T00:00:00Z"}
HASHED = {**MODEL, "hash": "0" * 64, "hash_algorithm": "sha256"}

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]
Operation = Callable[[JupyterBackend], Awaitable[object]]

READS: dict[str, Operation] = {
    "stat": lambda backend: backend.stat(PATH),
    "read": lambda backend: backend.read(PATH),
    "list": lambda backend: backend.list(ContentPath.ROOT),
    "probe": lambda backend: backend.probe(),
    "list checkpoints": lambda backend: backend.list_checkpoints(PATH),
}
WRITES: dict[str, Operation] = {
    "write": lambda backend: backend.write(PATH, b"x"),
    "delete": lambda backend: backend.delete(PATH),
    "make directory": lambda backend: backend.make_directory(PATH),
    "move": lambda backend: backend.move(PATH, OTHER),
    "create checkpoint": lambda backend: backend.create_checkpoint(PATH),
    "restore checkpoint": lambda backend: backend.restore_checkpoint(PATH, "checkpoint"),
    "delete checkpoint": lambda backend: backend.delete_checkpoint(PATH, "checkpoint"),
}
OPERATIONS = READS | WRITES


def canned(status: int, body: str, content_type: str = "application/json", **headers: str) -> Respond:
    async def respond(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type=content_type, headers=headers)

    return respond


def refusal(status: int, message: str = SECRET) -> Respond:
    return canned(status, json.dumps({"message": message, "reason": None}))


async def truncated(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(json.dumps(MODEL).encode())
    assert request.transport is not None
    request.transport.close()
    return response


async def silent(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.Response()


WRONG_ANSWERS: dict[str, tuple[Respond, Code]] = {
    "html": (canned(200, f"<html>{SECRET}</html>", "text/html"), Code.UPSTREAM),
    "nothing": (canned(200, ""), Code.UPSTREAM),
    "another shape": (canned(200, '{"name": 1}'), Code.UPSTREAM),
    "unfinished JSON": (canned(200, '{"name": "a'), Code.UPSTREAM),
    "a redirect to the login": (canned(302, "", Location=f"/login?next={SECRET}"), Code.UPSTREAM),
    "an unknown token": (refusal(403, "Forbidden"), Code.UPSTREAM),
    "no token": (refusal(401), Code.UPSTREAM),
    "a file without rights": (refusal(403, f"Permission denied: {SECRET}"), Code.FORBIDDEN),
    "a 404 of something else": (canned(404, "404 page not found", "text/plain"), Code.UPSTREAM),
    "a 405": (refusal(405), Code.UPSTREAM),
    "too much": (canned(413, SECRET, "text/html"), Code.TOO_LARGE),
    "too often": (canned(429, SECRET), Code.THROTTLED),
    "an error": (refusal(500), Code.UPSTREAM),
    "an error page": (canned(500, SECRET, "text/html"), Code.UPSTREAM),
    "a bad gateway": (canned(502, SECRET, "text/html"), Code.UNAVAILABLE),
    "overload": (canned(503, SECRET, "text/html"), Code.UNAVAILABLE),
    "a slow upstream": (canned(504, SECRET, "text/html"), Code.UNAVAILABLE),
    "a body cut short": (truncated, Code.UNAVAILABLE),
}


@dataclass(slots=True)
class Stub:
    """Answers every request in the same way, and remembers the headers."""

    respond: Respond
    url: str = ""
    seen: list[tuple[str, CIMultiDictProxy[str]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((f"{request.method} {request.raw_path}", request.headers))
        return await self.respond(request)


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[Stub]:
    stub = Stub(canned(200, json.dumps(MODEL)))
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", stub.handle)
    async with listening(app, "127.0.0.1", 0, shutdown_seconds=0.1) as stub.url:
        yield stub


@pytest_asyncio.fixture
async def backend(stub: Stub) -> AsyncIterator[Backend]:
    async with opened({"url": stub.url, "token": "sesame"}, probed=False) as backend:
        yield backend


async def problem_of(attempt: Awaitable[object]) -> Problem:
    with pytest.raises(Problem) as caught:
        await attempt
    assert SECRET not in caught.value.detail
    return caught.value


@pytest.mark.parametrize("wrong", WRONG_ANSWERS)
async def test_a_wrong_answer_is_one_problem_in_every_operation(
    stub: Stub, backend: JupyterBackend, wrong: str
) -> None:
    stub.respond, code = WRONG_ANSWERS[wrong]
    for name, operation in OPERATIONS.items():
        problem = await problem_of(operation(backend))
        assert (name, problem.code) == (name, code)
        assert problem.source is Source.UPSTREAM


@pytest.mark.parametrize(
    "answer",
    [
        {**HASHED, "format": "text", "content": "not these bytes"},
        {**HASHED, "format": "base64", "content": "%%%"},
        {**HASHED, "format": "json", "content": {}},
        {**HASHED, "format": None, "content": None},
        {**MODEL, "format": "text", "content": "x"},
        {**HASHED, "hash": "0\r\nSet-Cookie: x", "format": "text", "content": "x"},
        {**HASHED, "hash": "A" * 64, "format": "text", "content": "x"},
        {**HASHED, "format": "text", "content": "\ud800"},
        {**HASHED, "hash_algorithm": "md5", "format": "text", "content": "x"},
        {**HASHED, "type": "directory", "format": "text", "content": "x"},
        {**HASHED, "created": "yesterday", "format": "text", "content": "x"},
        {**HASHED, "last_modified": "yesterday", "format": "text", "content": "x"},
    ],
)
async def test_content_that_does_not_agree_with_itself_is_never_served(
    stub: Stub, backend: JupyterBackend, answer: dict[str, object]
) -> None:
    stub.respond = canned(200, json.dumps(answer))
    assert (await problem_of(backend.read(PATH))).code is Code.UPSTREAM


async def test_a_file_that_changed_while_the_server_read_it_is_read_once_more(
    stub: Stub, backend: JupyterBackend
) -> None:
    good = {**HASHED, "hash": sha256_hex(b"new"), "size": 3, "format": "text", "content": "new"}
    answers = [{**good, "size": 1}, good]

    async def respond(request: web.Request) -> web.StreamResponse:
        return web.json_response(answers.pop(0))

    stub.respond = respond
    assert (await backend.read(PATH)).body == b"new"
    assert not answers


async def test_an_empty_400_is_a_body_too_large(stub: Stub, backend: JupyterBackend) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        folder = {**MODEL, "type": "directory"} if request.path == "/api/contents" else MODEL
        return web.Response(status=400) if request.method == "PUT" else web.json_response(folder)

    stub.respond = respond
    assert (await problem_of(backend.write(PATH, b"x"))).code is Code.TOO_LARGE


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_silent_server_is_a_timeout(
    stub: Stub, backend: JupyterBackend, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_client, "READ_SECONDS", 0.1)
    monkeypatch.setattr(upstream_client, "WRITE_SECONDS", 0.1)
    stub.respond = silent
    assert (await problem_of(OPERATIONS[name](backend))).code is Code.TIMEOUT


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_dead_server_is_unavailable(name: str) -> None:
    async with opened({"url": NOBODY_LISTENS}, probed=False) as backend:
        assert isinstance(backend, JupyterBackend)
        problem = await problem_of(OPERATIONS[name](backend))
    assert problem.code is Code.UNAVAILABLE
    assert problem.retryable


@pytest.mark.parametrize("name", WRITES)
async def test_a_refused_change_is_never_repeated(stub: Stub, backend: JupyterBackend, name: str) -> None:
    stub.respond = refusal(503)
    await problem_of(OPERATIONS[name](backend))
    assert len([line for line, _ in stub.seen if not line.startswith("GET")]) <= 1


def failing_looks(failures: int, fault: Respond) -> Respond:
    """Stores whatever is saved, and then fails the first looks at it."""
    left = failures

    async def respond(request: web.Request) -> web.StreamResponse:
        nonlocal left
        if request.method in ("PUT", "PATCH"):
            return web.json_response({**MODEL, "size": 7}, status=201 if request.method == "PUT" else 200)
        left -= 1
        return await fault(request) if left >= 0 else web.json_response({**HASHED, "size": 1})

    return respond


@pytest.mark.parametrize("fault", [silent, truncated, refusal(429), refusal(503)])
async def test_a_look_that_fails_after_a_change_is_made_once_more(
    stub: Stub, backend: JupyterBackend, fault: Respond, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_client, "READ_SECONDS", 0.1)
    stub.respond = failing_looks(1, fault)
    written = await backend.write(ContentPath.parse("a.ipynb"), b"{}")
    assert (written.created, written.entry.etag) == (True, "0" * 64)
    stub.respond = failing_looks(1, fault)
    assert (await backend.move(OTHER, PATH)).etag == "0" * 64


@pytest.mark.parametrize(("fault", "code"), [(silent, Code.TIMEOUT), (refusal(503), Code.UNAVAILABLE)])
async def test_a_stored_file_is_no_failure_though_no_look_at_it_succeeds(
    stub: Stub, backend: JupyterBackend, fault: Respond, code: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_client, "READ_SECONDS", 0.1)
    stub.respond = failing_looks(9, fault)
    written = await backend.write(PATH, b"x")
    assert written.created
    assert (written.entry.etag, written.entry.sha256, written.entry.size) == (*[sha256_hex(b"x")] * 2, 1)
    assert (await problem_of(backend.write(ContentPath.parse("a.ipynb"), b"{}"))).code is code
    assert len([line for line, _ in stub.seen if line.startswith("PUT")]) == 2


async def test_only_the_gateways_own_token_is_sent(stub: Stub, backend: JupyterBackend) -> None:
    stub.respond = refusal(503)
    for operation in OPERATIONS.values():
        await problem_of(operation(backend))
    for _, headers in stub.seen:
        assert headers["Authorization"] == "token sesame"
        assert not {"Cookie", "If-Match", "If-None-Match", "X-Forwarded-For"} & set(headers)


async def test_the_servers_base_path_is_kept_and_names_are_escaped_once(stub: Stub) -> None:
    async with opened({"url": f"{stub.url}/user/ada/", "folder": "my work"}, probed=False) as backend:
        await problem_of(backend.stat(ContentPath(("a%2Fb?#.txt",))))
    (line, headers), *_ = stub.seen
    assert line == "GET /user/ada/api/contents/my%20work/a%252Fb%3F%23.txt?type=file&content=0&hash=1"
    assert "Authorization" not in headers


async def test_a_cancelled_write_ends_when_the_server_has_ended_it(stub: Stub, backend: JupyterBackend) -> None:
    started, may_end = asyncio.Event(), asyncio.Event()

    async def respond(request: web.Request) -> web.StreamResponse:
        started.set()
        await may_end.wait()
        return web.json_response(MODEL, status=201)

    stub.respond = respond
    writing = asyncio.create_task(backend.write(PATH, b"x"))
    await started.wait()
    writing.cancel()
    await asyncio.sleep(0.05)
    assert not writing.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
