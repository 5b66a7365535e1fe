"""What every request passes on its way: a name, a line in the log, and a translation of whatever goes wrong."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import structlog
from aiohttp import ClientPayloadError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, Counter, Histogram

from gateway.contents.model import Caller
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.dialects.dialect import ANONYMOUS, REQUEST_ID, Dialect, is_request_id
from gateway.server.logs import redacted

DIALECT = web.RequestKey("dialect", Dialect)
CALLER = web.RequestKey("caller", Caller)
MOUNT = web.RequestKey("mount", str)

CLIENT_GONE = 499

_BROKEN_BODY = (web.RequestPayloadError, ClientPayloadError, HttpProcessingError, ConnectionResetError)
_SENTENCES = {
    Code.NOT_FOUND: "There is nothing at this URL.",
    Code.METHOD_NOT_ALLOWED: "The method is not supported here.",
    Code.TOO_LARGE: "The request body is larger than the gateway accepts.",
    Code.MEDIA_TYPE: "The content type is not supported here.",
    Code.INTERNAL: "Something went wrong inside the gateway; its log knows the request id.",
}

_log = structlog.get_logger("gateway.access")


class Metrics:
    """Requests and their seconds, by dialect, method and status."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("dialect", "method", "status")
        self._requests = Counter("nbgw_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram("nbgw_request_seconds", "Time to answer.", labels[:1], registry=self.registry)

    def count(self, dialect: str, method: str, status: int, seconds: float) -> None:
        """A method nobody has heard of is counted as OTHER: labels live for ever, and clients invent methods."""
        known = method if method in hdrs.METH_ALL else "OTHER"
        self._requests.labels(dialect, known, str(status)).inc()
        self._seconds.labels(dialect).observe(seconds)


def middlewares(dialect_of: Callable[[str], Dialect], metrics: Metrics, base_path: str = "") -> list[Middleware]:
    """All of them, outermost first."""
    return [named(dialect_of, base_path), observed(metrics), worded]


def named(dialect_of: Callable[[str], Dialect], base_path: str = "") -> Middleware:
    """Gives the request its dialect and id, and the answer the headers that every answer of the dialect carries.

    Dialects do not know the base path, so a Location of theirs is put below it here.
    """

    @web.middleware
    async def name(request: web.Request, handler: Handler) -> web.StreamResponse:
        dialect = request[DIALECT] = dialect_of(request.raw_path)
        request[REQUEST_ID] = _request_id(request.headers.get(dialect.request_id_header))
        with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
            response = await handler(request)
        if not response.prepared:
            response.headers.setdefault(dialect.request_id_header, request[REQUEST_ID])
            dialect.finish(request, response)
            if response.headers.get(hdrs.LOCATION, "").startswith("/"):
                response.headers[hdrs.LOCATION] = base_path + response.headers[hdrs.LOCATION]
        return response

    return name


def observed(metrics: Metrics) -> Middleware:
    """Counts every request and writes one line about it."""

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        status = CLIENT_GONE
        size: int | None = None
        try:
            response = await handler(request)
            status, size = response.status, response.content_length
            return response
        finally:
            seconds = time.perf_counter() - started
            metrics.count(request[DIALECT].name, request.method, status, seconds)
            _log_request(request, status, size, seconds)

    return observe


@web.middleware
async def worded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Words whatever was raised in the dialect that spoke. An answer that has begun cannot be replaced."""
    try:
        return await handler(request)
    except Exception as error:
        if isinstance(error, web.HTTPException) and error.status < 400:
            raise
        problem = problem_from(error)
        _log_problem(problem, error)
        if request.writer.output_size > 0:
            raise
        return request[DIALECT].render_problem(problem)


def problem_from(error: Exception) -> Problem:
    """What an exception that reached the middleware means to the caller."""
    match error:
        case Problem():
            return error
        case web.HTTPException():
            return _from_status(error)
        case TimeoutError():
            return Problem(Code.TIMEOUT, "The request took too long.")
        case UnicodeError() | RecursionError():
            return invalid("The request cannot be parsed.", reason=Reason.UNPARSABLE)
    if isinstance(error, _BROKEN_BODY):
        return invalid("The request body is truncated or damaged.", reason=Reason.UNPARSABLE)
    return Problem(Code.INTERNAL, _SENTENCES[Code.INTERNAL])


def _from_status(error: web.HTTPException) -> Problem:
    """What the framework raises, by status; total: an unknown 4xx is INVALID, anything else INTERNAL."""
    known = {code.value: code for code in Code}
    code = known.get(error.status, Code.INVALID if error.status < 500 else Code.INTERNAL)
    detail = _SENTENCES.get(code, "The request cannot be served.")
    allow = tuple(sorted(error.allowed_methods)) if isinstance(error, web.HTTPMethodNotAllowed) else ()
    return Problem(code, detail, reason=Reason.NO_ROUTE if code is Code.NOT_FOUND else None, allow=allow)


def _log_problem(problem: Problem, error: Exception) -> None:
    """The cause of what is our own fault is logged in full; of an upstream's or a parser's, in a line."""
    if problem.code is Code.INTERNAL:
        _log.error("request failed", exc_info=error)
    elif problem.code.value >= 500 or problem is not error:
        cause = error.__cause__ or error
        _log.warning("request failed", code=problem.code.name, detail=problem.detail, cause=type(cause).__name__)


def _request_id(given: str | None) -> str:
    if given is not None and is_request_id(given):
        return given
    return uuid.uuid4().hex


def _log_request(request: web.Request, status: int, size: int | None, seconds: float) -> None:
    caller = request.get(CALLER)
    _log.info(
        "request",
        request_id=request[REQUEST_ID],
        dialect=request[DIALECT].name,
        mount=request.get(MOUNT, ""),
        caller=caller.key if caller not in (None, ANONYMOUS) else None,
        method=request.method,
        path=redacted(request.raw_path),
        status=status,
        bytes=size,
        milliseconds=round(seconds * 1000, 1),
    )
