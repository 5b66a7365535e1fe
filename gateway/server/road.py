"""The one road of every request: match -> parse -> operation -> render, over one flat route table.

Routes are matched on the raw path, so what is routed, authorised and signed is the same; captures are decoded later.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from aiohttp import hdrs, web

from gateway.contents.compute import Session, is_session_mark
from gateway.contents.model import Caller, Entry
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.contents.upstream import Destination
from gateway.dialects.dialect import ANONYMOUS, Carry, Dialect, Incoming, Route
from gateway.server.idempotency import MADE, RetryTokens
from gateway.server.middleware import CALLER, MOUNT
from gateway.wire.client import READ_SECONDS, WRITE_SECONDS

T = TypeVar("T")

BODY_SECONDS = 300.0
"""How long a client may take to send a whole body."""

_READS = (hdrs.METH_GET, hdrs.METH_HEAD)
_CAPTURE = re.compile(r"\\\{(\w+)(\\\*)?\\\}")


@dataclass(frozen=True, slots=True)
class Match:
    """A route that fits, with its captures still percent-encoded."""

    dialect: Dialect
    route: Route
    parameters: Mapping[str, str]

    @property
    def is_rest(self) -> bool:
        """Whether only the dialect's endpoint for all else takes it."""
        return self.route.endpoint is self.dialect.rest


class RouteTable:
    """All routes of all dialects below ``base_path``, which is empty or begins with a slash and does not end with one.

    The first that fits wins; what fits none belongs to the longest prefix's dialect.
    """

    def __init__(self, dialects: Iterable[Dialect], base_path: str = "") -> None:
        dialects = tuple(dialects)
        self.base_path = base_path
        lines = [(_pattern(route.template), route, dialect) for dialect in dialects for route in dialect.routes]
        firsts = [_first_name(route.template) for _, route, _ in lines]
        self._lines = {
            name: [line for line, first in zip(lines, firsts, strict=True) if first in (name, None)]
            for name in {*firsts, None}
        }
        prefixes = [(prefix, dialect) for dialect in dialects for prefix in dialect.prefixes]
        self._prefixes = sorted(prefixes, key=lambda pair: len(pair[0]), reverse=True)

    def dialect_of(self, raw_path: str) -> Dialect:
        """Whose words an answer to this URL is worded in."""
        path = self._below_base(raw_path) or "/"
        for prefix, dialect in self._prefixes:
            if path == prefix or path.startswith(prefix.rstrip("/") + "/"):
                return dialect
        return self._prefixes[-1][1]

    def match(self, method: str, raw_path: str) -> Match:
        """NOT_FOUND (no such route), or METHOD_NOT_ALLOWED with the methods that are."""
        path = self._below_base(raw_path)
        if path is None:
            raise _nothing_here()
        allowed: set[str] = set()
        for pattern, route, dialect in self._lines.get(path.split("/", 2)[1], self._lines[None]):
            if (found := pattern.fullmatch(path)) is None:
                continue
            if route.method == method:
                return Match(dialect, route, found.groupdict())
            allowed.add(route.method)
        if allowed:
            raise Problem(Code.METHOD_NOT_ALLOWED, f"{method} is not supported here.", allow=tuple(sorted(allowed)))
        dialect = self.dialect_of(raw_path)
        if dialect.rest is None:
            raise _nothing_here()
        rest = Route(method, "/{tail*}", dialect.rest, is_public=method == hdrs.METH_OPTIONS)
        return Match(dialect, rest, {"tail": path.removeprefix("/")})

    def _below_base(self, raw_path: str) -> str | None:
        """The path as the routes have it; None outside the base path, which may itself lack the slash at its end."""
        path = raw_path.partition("?")[0]
        if not path.startswith(self.base_path):
            return None
        below = path[len(self.base_path) :] or "/"
        return below if below.startswith("/") else None


class Carrier(Protocol):
    """Carries requests through to Jupyter servers."""

    async def carry(self, request: web.Request, destination: Destination) -> web.StreamResponse: ...


class Gate(Protocol):
    """Lets requests in."""

    async def enter(self, request: web.Request, dialect: Dialect, *, is_rest: bool) -> Caller | web.StreamResponse:
        """Who asks, or what they are answered instead; UNAUTHENTICATED, FORBIDDEN. ``is_rest`` as ``Dialect.rest``."""
        ...

    def onward(self, request: web.Request, destination: Destination) -> Destination:
        """The destination of what is carried through, with the credential that the server is to see."""
        ...


class Road:
    """Leads one request from its route to its answer."""

    def __init__(
        self,
        table: RouteTable,
        gate: Gate,
        services: Services,
        retry_tokens: RetryTokens,
        carrier: Carrier,
    ) -> None:
        self._table = table
        self._carrier = carrier
        self._gate = gate
        self._services = services
        self._retry_tokens = retry_tokens

    async def travel(self, request: web.Request) -> web.StreamResponse:
        match = self._table.match(request.method, request.raw_path)
        route = match.route
        caller = ANONYMOUS if route.is_public else await self._gate.enter(request, match.dialect, is_rest=match.is_rest)
        if isinstance(caller, web.StreamResponse):
            return caller
        request[CALLER] = caller
        incoming = Incoming(request, caller, match.parameters)
        if not route.takes_retry_token:
            return await self._act(route, incoming)
        await received(request.read())
        return await self._retry_tokens.answer(
            request,
            caller,
            route,
            lambda: self._act(route, incoming),
            lambda path: self._stands(caller, path),
        )

    async def _stands(self, caller: Caller, path: ContentPath) -> bool:
        """Whether what was made is still there; of a session only the gateway's own ending it counts."""
        if is_session_mark(path):
            return True
        try:
            async with asyncio.timeout(READ_SECONDS):
                await self._services.contents.stat(caller, path)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            return False
        return True

    async def _act(self, route: Route, incoming: Incoming) -> web.StreamResponse:
        """Two deadlines: one for the client to send its body, then one for everything behind the gateway.

        What is carried through has the carrier's.
        """
        call = await received(route.endpoint(incoming))
        if isinstance(call, Carry):
            async with asyncio.timeout(READ_SECONDS):
                destination = await call.operation.run(self._services)
            onward = self._gate.onward(incoming.request, destination)
            return await self._carrier.carry(incoming.request, onward)
        if isinstance(path := getattr(call.operation, "path", None), ContentPath):
            incoming.request[MOUNT] = self._services.contents.mount_name(path)
        usual_seconds = READ_SECONDS if route.method in _READS else WRITE_SECONDS
        async with asyncio.timeout(route.seconds or usual_seconds):
            result = await call.operation.run(self._services)
        if isinstance(result, Entry | Session):
            incoming.request[MADE] = result.path if isinstance(result, Entry) else result.mark
        return call.render(result)


ROAD = web.AppKey("road", Road)


async def travel(request: web.Request) -> web.StreamResponse:
    """The one handler of every dialect's URLs."""
    return await request.app[ROAD].travel(request)


async def expect(request: web.Request) -> None:
    """Answer ``Expect: 100-continue``; any other expectation is ignored, as the request says all there is to say.

    Nobody is asked to go on with a body that is known to be too long.
    """
    is_awaited = request.headers.get(hdrs.EXPECT, "").lower() == "100-continue" and request.version >= (1, 1)
    if is_awaited and (request.content_length or 0) <= request.client_max_size:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


async def received(parsing: Awaitable[T]) -> T:
    """What waits for the client's body. INVALID (cannot parse) when it takes the client too long."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await parsing
    except TimeoutError as error:
        detail = f"The request body did not arrive within {BODY_SECONDS:.0f} seconds."
        raise invalid(detail, reason=Reason.UNPARSABLE) from error


def _nothing_here() -> Problem:
    return Problem(Code.NOT_FOUND, "There is nothing at this URL.", reason=Reason.NO_ROUTE)


def _first_name(template: str) -> str | None:
    """How every path of a route begins; None where that may be anything."""
    first = template.split("/", 2)[1]
    return None if "{" in first else first


def _pattern(template: str) -> re.Pattern[str]:
    def capture(found: re.Match[str]) -> str:
        return f"(?P<{found[1]}>{'.*' if found[2] else '[^/]+'})"

    return re.compile(_CAPTURE.sub(capture, re.escape(template)), re.DOTALL)
