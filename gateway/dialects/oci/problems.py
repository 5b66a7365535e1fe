"""How OCI words a problem: ``{code, message}``, with ``reason`` where a type or format is wrong (spec oci 7)."""

from __future__ import annotations

import msgspec
from aiohttp import web

from gateway.contents.problem import Code, Problem, Reason
from gateway.dialects.dialect import json_response
from gateway.wire import json

HIDDEN = "Authorization failed or requested resource not found."
"""The one message for "not there" and "not yours": two would tell them apart (spec oci 3.5)."""

_BY_CODE: dict[Code, tuple[int, str]] = {
    Code.INVALID: (400, "InvalidParameter"),
    Code.UNAUTHENTICATED: (401, "NotAuthenticated"),
    Code.FORBIDDEN: (404, "NotAuthorizedOrNotFound"),
    Code.NOT_FOUND: (404, "NotAuthorizedOrNotFound"),
    Code.METHOD_NOT_ALLOWED: (405, "MethodNotAllowed"),
    Code.CONFLICT: (409, "Conflict"),
    Code.PRECONDITION: (412, "NoEtagMatch"),
    Code.TOO_LARGE: (413, "PayloadTooLarge"),
    Code.MEDIA_TYPE: (415, "InvalidParameter"),
    Code.UNPROCESSABLE: (400, "InvalidParameter"),
    Code.THROTTLED: (429, "TooManyRequests"),
    Code.INTERNAL: (500, "InternalServerError"),
    Code.UNSUPPORTED: (501, "MethodNotImplemented"),
    Code.UPSTREAM: (502, "ExternalServerInvalidResponse"),
    Code.UNAVAILABLE: (503, "ServiceUnavailable"),
    Code.TIMEOUT: (504, "ExternalServerTimeout"),
}

_BY_REASON: dict[tuple[Code, Reason], tuple[int, str]] = {
    (Code.INVALID, Reason.MISSING): (400, "MissingParameter"),
    (Code.INVALID, Reason.UNPARSABLE): (400, "CannotParseRequest"),
    (Code.INVALID, Reason.RELATED): (400, "RelatedResourceNotAuthorizedOrNotFound"),
    (Code.NOT_FOUND, Reason.RELATED): (400, "RelatedResourceNotAuthorizedOrNotFound"),
    (Code.NOT_FOUND, Reason.NO_ROUTE): (404, "NotFound"),
    (Code.CONFLICT, Reason.BUSY): (409, "IncorrectState"),
    (Code.CONFLICT, Reason.RETRY_TOKEN): (409, "InvalidatedRetryToken"),
}

_ON_THE_WIRE = frozenset({Reason.BAD_TYPE, Reason.BAD_FORMAT})


class ErrorModel(msgspec.Struct, omit_defaults=True):
    """Oracle's error body; ``reason`` is what the GET page adds for an unsatisfiable type or format."""

    code: str
    message: str
    reason: str | None = None


def wire_error(code: Code, reason: Reason | None) -> tuple[int, str]:
    """Status and OCI code; total over every code and reason."""
    refined = _BY_REASON.get((code, reason)) if reason is not None else None
    return refined or _BY_CODE[code]


def render_problem(problem: Problem) -> web.Response:
    """The problem as Oracle's clients expect it."""
    status, code = wire_error(problem.code, problem.reason)
    message = HIDDEN if code == "NotAuthorizedOrNotFound" else problem.detail
    reason = problem.reason.value if problem.reason in _ON_THE_WIRE and status == 400 else None
    headers: dict[str, str] = {}
    if problem.allow:
        headers["Allow"] = ", ".join(problem.allow)
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    return json_response(json.encode(ErrorModel(code, message, reason)), status=status, headers=headers)
