"""What a Jupyter server does wrong never reaches a client: slow, silent, confused, and talkative ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.server import road
from gateway.wire import client
from tests.dialects.jupyter.compute.steps import Compute, computing
from tests.dialects.jupyter.compute.upstreams import UNKNOWN_ID

PAGE = "<html><body data-token='upstream-token'>Traceback /home/x</body></html>"
KERNEL = {"id": UNKNOWN_ID, "name": "python3", "last_activity": "2026-11-24T00:00:00.000000Z", "more": {"a": [1, 2]}}
SESSION = {"id": UNKNOWN_ID, "path": "a.ipynb", "name": "a.ipynb", "type": "notebook", "kernel": KERNEL}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class FakeUpstream:
    """Answers each method and path as ``answers`` say, and 404 to all else."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        question = f"{request.method} {request.path}"
        self.asked.append(question)
        self.sent.append(await request.read())
        if question not in self.answers:
            return web.json_response({"message": "none", "reason": None}, status=404)
        return await self.answers[question](request)

    def says(self, question: str, value: object, status: int = 200) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            if isinstance(value, str):
                return web.Response(text=value, content_type="text/html", status=status)
            return web.json_response(value, status=status)

        self.answers[question] = answer


@pytest.fixture
def upstream() -> FakeUpstream:
    return FakeUpstream()


@pytest.fixture
async def compute(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[Compute]:
    async with before(upstream, tmp_path) as compute:
        yield compute


@asynccontextmanager
async def before(upstream: FakeUpstream, folder: Path) -> AsyncIterator[Compute]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", upstream.answer)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        mount = {"name": "lab", "kind": "jupyter", "url": url, "token": "upstream-token", "root": True}
        async with computing(folder, [mount]) as compute:
            yield compute


ASKS: list[tuple[str, str, Any]] = [
    ("GET", "/kernels", None),
    ("POST", "/kernels", {"name": "python3"}),
    ("GET", f"/kernels/{UNKNOWN_ID}", None),
    ("POST", f"/kernels/{UNKNOWN_ID}/restart", None),
    ("GET", "/kernelspecs", None),
    ("GET", "/kernelspecs/python3", None),
    ("GET", "/sessions", None),
    ("POST", "/sessions", {"path": "a.ipynb", "type": "notebook"}),
    ("GET", f"/sessions/{UNKNOWN_ID}", None),
    ("GET", "/terminals", None),
    ("POST", "/terminals", {}),
    ("GET", "/terminals/1", None),
]


@pytest.mark.parametrize("status", [200, 201, 302, 401, 403, 429, 502, 503, 504])
async def test_a_page_in_place_of_an_answer_is_told_as_a_server_that_is_away(
    compute: Compute, upstream: FakeUpstream, status: int
) -> None:
    for method, path, body in ASKS:
        upstream.says(f"{method} /api{path}", PAGE, status)
        refusal = await compute.refused(method, path, body, 503)
        assert "upstream-token" not in str(refusal)
        upstream.answers.clear()


async def test_a_proxy_that_knows_no_server_kills_nothing(compute: Compute, upstream: FakeUpstream) -> None:
    for method, path, _ in ASKS:
        upstream.says(f"{method} /api{path}", PAGE, 404)
    for method, path, body in ASKS:
        if not path.startswith("/terminals"):
            await compute.refused(method, path, body, 503)


@pytest.mark.parametrize("value", [None, 1, [1], {"id": 1}, [{"id": 1}], {"kernelspecs": 1}, {"name": None}])
async def test_json_of_another_shape_is_no_answer_either(
    compute: Compute, upstream: FakeUpstream, value: object
) -> None:
    for method, path, body in ASKS:
        upstream.says(f"{method} /api{path}", value, 201 if path in ("/kernels", "/sessions") and body else 200)
        await compute.refused(method, path, body, 503)
        upstream.answers.clear()


async def test_a_list_that_fails_while_a_kernel_starts_is_asked_for_again(
    compute: Compute, upstream: FakeUpstream
) -> None:
    async def first(_: web.Request) -> web.StreamResponse:
        upstream.says("GET /api/kernels", [KERNEL])
        return web.json_response({"message": "Unhandled error", "reason": None}, status=500)

    upstream.answers["GET /api/kernels"] = first
    answer = await compute.ask("GET", "/kernels")
    assert (answer.status, answer.json()) == (200, [KERNEL])
    assert upstream.asked.count("GET /api/kernels") == 2


@pytest.mark.parametrize(("status", "told"), [(400, 400), (409, 409), (500, 501), (501, 501), (404, 404)])
async def test_the_refusal_of_a_session_is_worded_anew(
    compute: Compute, upstream: FakeUpstream, status: int, told: int
) -> None:
    upstream.says("POST /api/sessions", {"message": "/home/x/kernel.json Traceback", "reason": None}, status)
    refusal = await compute.refused("POST", "/sessions", {"path": "a.ipynb", "type": "notebook"}, told)
    assert "/home" not in str(refusal)


async def test_a_failure_that_is_none_of_the_clients_is_told_as_one_to_try_again(
    compute: Compute, upstream: FakeUpstream
) -> None:
    upstream.says(f"GET /api/sessions/{UNKNOWN_ID}", SESSION)
    upstream.says(f"GET /api/kernels/{UNKNOWN_ID}", KERNEL)
    for method, path, body in (
        ("PATCH", f"/sessions/{UNKNOWN_ID}", {"path": "b.ipynb"}),
        ("DELETE", f"/sessions/{UNKNOWN_ID}", None),
        ("POST", f"/kernels/{UNKNOWN_ID}/restart", None),
        ("DELETE", f"/kernels/{UNKNOWN_ID}", None),
    ):
        upstream.says(f"{method} /api{path}", {"message": "Unhandled error", "reason": None}, 500)
        await compute.refused(method, path, body, 503)


async def test_unknown_fields_pass(compute: Compute, upstream: FakeUpstream) -> None:
    upstream.says("GET /api/kernels", [KERNEL])
    upstream.says("GET /api/sessions", [SESSION | {"extra": None, "kernel": None}, SESSION | {"path": "../x"}])
    upstream.says("GET /api/terminals", [{"name": "1", "shell": "sh"}])
    upstream.says(
        "GET /api/kernelspecs/odd", {"name": "odd", "spec": {}, "resources": {"a": "/x", "b": "/u/kernelspecs/odd/b"}}
    )
    assert (await compute.ask("GET", "/kernels")).json() == [KERNEL]
    assert (await compute.ask("GET", "/sessions")).json() == [SESSION | {"extra": None, "kernel": None}]
    assert (await compute.ask("GET", "/terminals")).json() == [{"name": "1", "shell": "sh"}]
    spec = (await compute.ask("GET", "/kernelspecs/odd")).json()
    assert spec == {"name": "odd", "spec": {}, "resources": {"b": "/kernelspecs/odd/b"}}


async def test_what_a_client_says_beside_what_is_known_passes_too(compute: Compute, upstream: FakeUpstream) -> None:
    upstream.says("POST /api/kernels", KERNEL, 201)
    upstream.says("POST /api/sessions", SESSION, 201)
    await compute.ask("POST", "/kernels", {"env": {"A": "b"}, "name": None}, status=201)
    body = {"path": "/a.ipynb/", "type": "notebook", "env": 1, "kernel": {"name": "python3"}}
    await compute.ask("POST", "/sessions", body, status=201)
    kernel, session = (json.loads(sent) for sent in upstream.sent if sent)
    assert kernel == {"env": {"A": "b"}, "path": ""}
    assert session == {"path": "a.ipynb", "type": "notebook", "env": 1, "kernel": {"name": "python3"}}


async def test_a_session_of_another_path_is_not_told(compute: Compute, upstream: FakeUpstream) -> None:
    upstream.says("POST /api/sessions", SESSION | {"path": "../../etc"}, 201)
    await compute.refused("POST", "/sessions", {"path": "a.ipynb", "type": "notebook"}, 503)


async def test_a_session_whose_kernel_went_first_is_ended(compute: Compute, upstream: FakeUpstream) -> None:
    upstream.says(f"GET /api/sessions/{UNKNOWN_ID}", SESSION)
    upstream.says(f"DELETE /api/sessions/{UNKNOWN_ID}", {"message": "gone", "reason": None}, 410)
    await compute.ask("DELETE", f"/sessions/{UNKNOWN_ID}", status=204)


async def test_terminals_that_are_switched_off_are_none(compute: Compute, upstream: FakeUpstream) -> None:
    assert (await compute.ask("GET", "/terminals")).json() == []
    await compute.refused("POST", "/terminals", {}, 404)
    assert upstream.asked[-2:] == ["GET /api/terminals", "POST /api/terminals"]


@pytest.mark.parametrize("value", [PAGE, {"kernels": "many"}])
async def test_a_status_is_told_whatever_the_server_says(
    compute: Compute, upstream: FakeUpstream, value: object
) -> None:
    upstream.says("GET /api/status", value)
    assert (await compute.ask("GET", "/status")).json()["kernels"] == 0
    upstream.says("GET /api/status", {"kernels": 3, "connections": 5})
    assert (await compute.ask("GET", "/status")).json()["connections"] == 5


async def test_nothing_that_starts_something_is_sent_twice(compute: Compute, upstream: FakeUpstream) -> None:
    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    for method, path, body in ASKS:
        if method == "POST":
            upstream.asked.clear()
            upstream.answers[f"POST /api{path}"] = drop
            await compute.refused(method, path, body, 503)
            assert upstream.asked.count(f"POST /api{path}") == 1


async def test_only_what_starts_a_kernel_may_take_long(
    compute: Compute, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(value: object, status: int) -> Answer:
        async def answer(_: web.Request) -> web.StreamResponse:
            await asyncio.sleep(0.5)
            return web.json_response(value, status=status)

        return answer

    for module in (road, client):
        monkeypatch.setattr(module, "WRITE_SECONDS", 0.2)
    upstream.says(f"GET /api/sessions/{UNKNOWN_ID}", SESSION)
    upstream.answers |= {
        "POST /api/kernels": slowly(KERNEL, 201),
        f"POST /api/kernels/{UNKNOWN_ID}/restart": slowly(KERNEL, 200),
        f"POST /api/kernels/{UNKNOWN_ID}/interrupt": slowly(None, 204),
        "POST /api/sessions": slowly(SESSION, 201),
        f"PATCH /api/sessions/{UNKNOWN_ID}": slowly(SESSION, 200),
    }
    await compute.ask("POST", "/kernels", {}, status=201)
    await compute.ask("POST", f"/kernels/{UNKNOWN_ID}/restart")
    await compute.ask("POST", "/sessions", {"path": "a.ipynb", "type": "notebook"}, status=201)
    await compute.ask("PATCH", f"/sessions/{UNKNOWN_ID}", {"kernel": {"name": "python3"}})
    await compute.refused("POST", f"/kernels/{UNKNOWN_ID}/interrupt", None, 503)


async def test_a_conversion_that_fails_says_nothing_of_the_server(compute: Compute, upstream: FakeUpstream) -> None:
    upstream.says("POST /nbconvert/html", PAGE, 500)
    upstream.says("GET /api/nbconvert", {"html": {}})
    for name, status in (("html", 501), ("moon", 404)):
        upstream.says(f"POST /nbconvert/{name}", PAGE, 500)
        refusal = await compute.fetch(f"/nbconvert/{name}", "POST", {"content": {}})
        assert (refusal.status, b"upstream-token" in refusal.body) == (status, False)
    for name in ("a%20b", "rst"):
        assert (await compute.fetch(f"/nbconvert/{name}", "POST", {"content": {}})).status == 404


async def test_a_page_of_nbconvert_is_confined_whatever_the_server_says(
    compute: Compute, upstream: FakeUpstream
) -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<p>", content_type="text/html", headers={"Content-Security-Policy": "", "X": "y"})

    upstream.answers["POST /nbconvert/html"] = page
    answer = await compute.fetch("/nbconvert/html", "POST", {"content": {}})
    assert answer.status == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "X" not in answer.headers
