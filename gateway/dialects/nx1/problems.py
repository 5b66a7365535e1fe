"""Problems in Nx1's words: ``{error, code}``, and ``detail`` where a request fails validation (spec nx1, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.contents.problem import Code, Fault, Problem
from gateway.dialects.dialect import json_response
from gateway.wire import json

RETRY_AFTER_SECONDS = 5

# The contract knows neither 412 nor 429.
_STATUS = {Code.PRECONDITION: Code.CONFLICT.value, Code.THROTTLED: Code.UNAVAILABLE.value}


def render_problem(problem: Problem) -> web.Response:
    """The answer to a refused or failed request; ``code`` is always the status."""
    status = status_of(problem.code)
    body: dict[str, Any] = {"error": problem.detail, "code": status}
    if problem.faults:
        body["detail"] = [
            {"type": fault.kind, "loc": list(fault.location), "msg": fault.message} for fault in problem.faults
        ]
    return json_response(json.encode(body), status=status, headers=_headers(problem))


def status_of(code: Code) -> int:
    """The HTTP status of a code in this dialect."""
    return _STATUS.get(code, code.value)


def unprocessable(location: tuple[str | int, ...], kind: str, message: str) -> Problem:
    """A request that fails validation before anything is looked at, in FastAPI's own form."""
    return Problem(Code.UNPROCESSABLE, message, faults=(Fault(location, kind, message),))


def _headers(problem: Problem) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    if problem.code is Code.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    seconds = problem.retry_after_seconds
    if seconds is None and status_of(problem.code) == Code.UNAVAILABLE.value:
        seconds = RETRY_AFTER_SECONDS
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    if problem.allow:
        headers["Allow"] = ", ".join(problem.allow)
    return headers
