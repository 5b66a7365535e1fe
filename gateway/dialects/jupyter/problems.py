"""How the Jupyter dialect words problems (spec jupyter 0.5, A3 "Errors", A8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from aiohttp import web

from gateway.contents.operations import Operation, Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.dialects.dialect import json_response
from gateway.wire import json

R = TypeVar("R")

RETRY_AFTER_SECONDS = 5

# JupyterLab waits and tries again only on 503; 429, 502 and 504 mean "dead" to it. A missing login is 403, never 401.
_STATUS = {
    Code.UNAUTHENTICATED: 403,
    Code.UNPROCESSABLE: 400,
    Code.THROTTLED: 503,
    Code.UPSTREAM: 503,
    Code.UNAVAILABLE: 503,
    Code.TIMEOUT: 503,
}
_SPOKEN_REASONS = frozenset({Reason.BAD_TYPE, Reason.BAD_FORMAT})


def render_problem(problem: Problem) -> web.Response:
    """``{"message", "reason"}``; a reason that Jupyter has a word for stands in the status line too, as there.

    Where a kernel does not start there is ``short_message`` beside them (spec jupyter A3, "Errors").
    """
    reason = problem.reason.value if problem.reason in _SPOKEN_REASONS else None
    message = "Forbidden" if problem.code is Code.UNAUTHENTICATED else problem.detail
    body = {"message": message, "reason": reason}
    if problem.reason is Reason.KERNEL:
        body["short_message"] = "The kernel was not started."
    response = json_response(json.encode(body), headers=_headers(problem))
    response.set_status(status_of(problem.code), reason)
    return response


def status_of(code: Code) -> int:
    """The HTTP status of a code in this dialect."""
    return _STATUS.get(code, code.value)


def _headers(problem: Problem) -> dict[str, str]:
    headers = {}
    seconds = problem.retry_after_seconds
    if seconds is None and status_of(problem.code) == Code.UNAVAILABLE.value:
        seconds = RETRY_AFTER_SECONDS
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    if problem.allow:
        headers["Allow"] = ", ".join(problem.allow)
    return headers


@dataclass(frozen=True, slots=True)
class Unconditional(Generic[R]):
    """An operation of a client that stated no condition: a failed one is not told as 412 but as ``code``, ``detail``.

    The condition is the gateway's or the store's own (spec jupyter A8), so the client would not know what failed.
    """

    path: ContentPath
    operation: Operation[R]
    code: Code = Code.CONFLICT
    detail: str = "Someone else changed it at the same moment; read it again and redo the change."

    async def run(self, services: Services) -> R:
        try:
            return await self.operation.run(services)
        except Problem as problem:
            if problem.code is not Code.PRECONDITION:
                raise
            raise Problem(self.code, self.detail) from problem
