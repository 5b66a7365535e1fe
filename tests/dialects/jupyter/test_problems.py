"""How every problem is worded, and when a failed precondition is a conflict."""

from __future__ import annotations

import json

import pytest

from gateway.contents.model import Caller, Credential
from gateway.contents.problem import Code, Problem, Reason, stale
from gateway.dialects.jupyter import jupyter_dialect
from gateway.dialects.jupyter.problems import render_problem
from gateway.dialects.jupyter.server import _identity
from tests.dialects.jupyter.driving import Ask, Server
from tests.dialects.jupyter.vectors import folder, text
from tests.fakes.memory import MemoryBackend

STATUS = {
    Code.INVALID: 400,
    Code.UNAUTHENTICATED: 403,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.CONFLICT: 409,
    Code.PRECONDITION: 412,
    Code.TOO_LARGE: 413,
    Code.MEDIA_TYPE: 415,
    Code.UNPROCESSABLE: 400,
    Code.THROTTLED: 503,
    Code.INTERNAL: 500,
    Code.UNSUPPORTED: 501,
    Code.UPSTREAM: 503,
    Code.UNAVAILABLE: 503,
    Code.TIMEOUT: 503,
}


@pytest.mark.parametrize("code", Code)
def test_every_code_has_its_status_and_is_json(code: Code) -> None:
    response = render_problem(Problem(code, "What went wrong."))
    assert response.status == STATUS[code]
    assert response.content_type == "application/json"
    body = json.loads(response.body if isinstance(response.body, bytes) else b"")
    message = "Forbidden" if code is Code.UNAUTHENTICATED else "What went wrong."
    assert body == {"message": message, "reason": None}
    assert ("Retry-After" in response.headers) == (response.status == 503)


@pytest.mark.parametrize("reason", Reason)
def test_only_jupyters_own_reasons_are_spoken(reason: Reason) -> None:
    response = render_problem(Problem(Code.INVALID, "What went wrong.", reason=reason))
    is_spoken = reason in (Reason.BAD_TYPE, Reason.BAD_FORMAT)
    assert response.reason == (reason.value if is_spoken else "Bad Request")


def test_a_given_delay_is_told() -> None:
    response = render_problem(Problem(Code.CONFLICT, "Busy.", retry_after_seconds=7))
    assert response.headers["Retry-After"] == "7"


def test_allowed_methods_are_told() -> None:
    response = render_problem(Problem(Code.METHOD_NOT_ALLOWED, "No.", allow=("GET", "PUT")))
    assert response.headers["Allow"] == "GET, PUT"


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (text("a.txt", "x"), 409),
        (Ask("DELETE", "/api/contents/a.txt"), 409),
        (Ask("PATCH", "/api/contents/a.txt", {"path": "b.txt"}), 409),
        (Ask("POST", "/api/contents/a.txt/checkpoints/x"), 409),
        (Ask("PUT", "/api/contents/a.txt", text("a.txt").body, {"If-Match": "x"}), 412),
        (Ask("DELETE", "/api/contents/a.txt", headers={"If-Match": "x"}), 412),
        (Ask("PATCH", "/api/contents/a.txt", {"path": "b.txt"}, {"If-Match": "x"}), 412),
    ],
)
async def test_a_conflict_the_store_finds_is_412_only_to_who_stated_a_condition(
    dialect: Server, backend: MemoryBackend, ask: Ask, status: int
) -> None:
    backend.down = stale()
    assert (await dialect.send(ask)).status == status


@pytest.mark.parametrize("code", [Code.UPSTREAM, Code.UNAVAILABLE, Code.TIMEOUT])
@pytest.mark.parametrize(
    "ask",
    [
        Ask("GET", "/api/contents/a.txt"),
        text("a.txt"),
        text("a.txt", chunk=1),
        folder("f"),
        Ask("PUT", "/api/contents/f", {"type": "directory"}, {"If-None-Match": "*"}),
        Ask("DELETE", "/api/contents/a.txt"),
    ],
)
async def test_a_store_that_is_down_means_wait(dialect: Server, backend: MemoryBackend, code: Code, ask: Ask) -> None:
    backend.down = Problem(code, "The storage is away.", retry_after_seconds=9)
    answer = await dialect.send(ask)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "9")
    assert answer.json() == {"message": "The storage is away.", "reason": None}


def test_a_platform_key_has_an_identity_too() -> None:
    assert _identity(Caller(None, Credential.PSK))["username"] == "platform"


def test_the_dialect_answers_for_every_url_no_other_knows() -> None:
    dialect = jupyter_dialect()
    assert dialect.prefixes == ("/api", "/")
    assert dialect.credentials == (Credential.TOKEN, Credential.JWT)
    assert {route.template for route in dialect.routes if route.is_public and route.method == "GET"} == {
        "/api",
        "/api/",
    }
