"""Every problem in Nx1's words (spec nx1 section 3; section 11, vector 16)."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from gateway.contents.problem import Code, Fault, Problem
from gateway.dialects.nx1.problems import render_problem
from tests.dialects.nx1.driving import PLATFORM, Nx1


def _body(response: web.Response) -> object:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


STATUSES = {
    Code.INVALID: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.CONFLICT: 409,
    Code.PRECONDITION: 409,
    Code.TOO_LARGE: 413,
    Code.MEDIA_TYPE: 415,
    Code.UNPROCESSABLE: 422,
    Code.THROTTLED: 503,
    Code.INTERNAL: 500,
    Code.UNSUPPORTED: 501,
    Code.UPSTREAM: 502,
    Code.UNAVAILABLE: 503,
    Code.TIMEOUT: 504,
}


@pytest.mark.parametrize("code", list(Code))
def test_code_is_the_status_and_nothing_else_is_said(code: Code) -> None:
    status = STATUSES[code]
    response = render_problem(Problem(code, "It did not work."))
    assert response.status == status
    assert _body(response) == {"error": "It did not work.", "code": status}
    assert ("WWW-Authenticate" in response.headers) is (status == 401)
    assert ("Retry-After" in response.headers) is (status == 503)


def test_unauthenticated_asks_for_a_bearer_token() -> None:
    assert render_problem(Problem(Code.UNAUTHENTICATED, "Who?")).headers["WWW-Authenticate"] == "Bearer"


def test_faults_come_as_fastapi_words_them() -> None:
    problem = Problem(Code.UNPROCESSABLE, "No.", faults=(Fault(("body", "cells", 0), "missing", "Field required"),))
    assert _body(render_problem(problem)) == {
        "error": "No.",
        "code": 422,
        "detail": [{"type": "missing", "loc": ["body", "cells", 0], "msg": "Field required"}],
    }


@pytest.mark.parametrize("target", ["/api/notebooks/x", "/api/notebooks/a/metadata/x", "/api/app/", "/api/app/a/b/c"])
async def test_unknown_route_is_not_found(nx1: Nx1, target: str) -> None:
    answer = await nx1.send("GET", target)
    assert (answer.status, answer.json()["code"]) == (404, 404)


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("DELETE", "/api/notebooks", "GET, POST"),
        ("PUT", "/api/app", "GET, POST"),
        ("POST", "/api/app/versions/x/notebook", "GET, PUT"),
    ],
)
async def test_other_method_is_not_allowed_and_told_which_are(nx1: Nx1, method: str, target: str, allowed: str) -> None:
    answer = await nx1.send(method, target)
    assert (answer.status, answer.json()["code"], answer.headers["Allow"]) == (405, 405, allowed)


@pytest.mark.parametrize(
    ("code", "status"), [(Code.UPSTREAM, 502), (Code.UNAVAILABLE, 503), (Code.TIMEOUT, 504), (Code.THROTTLED, 503)]
)
async def test_store_that_fails_is_told_as_it_is(nx1: Nx1, code: Code, status: int) -> None:
    nx1.backend.down = Problem(code, "The storage is down.", retry_after_seconds=7)
    for answer in (await nx1.send("GET", "/api/notebooks"), await nx1.upload_file("a.ipynb")):
        assert (answer.status, answer.json()) == (status, {"error": "The storage is down.", "code": status})
        assert answer.headers["Retry-After"] == "7"


async def test_ping_says_version_and_build(nx1: Nx1) -> None:
    nx1.caller = PLATFORM
    answer = await nx1.send("GET", "/api/health/ping")
    assert answer.status == 200
    assert set(answer.json()) == {"version", "build_number"}


async def test_every_answer_forbids_sniffing(nx1: Nx1) -> None:
    for target in ("/api/notebooks", "/api/notebooks/x"):
        assert (await nx1.send("GET", target)).headers["X-Content-Type-Options"] == "nosniff"
