"""What every dialect is made of: routes, endpoints, calls, and how it words a problem."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web

from gateway.contents.model import Caller, Credential
from gateway.contents.offload import offloaded
from gateway.contents.operations import Operation
from gateway.contents.paths import ContentPath, decode
from gateway.contents.problem import Code, Problem
from gateway.contents.upstream import Destination
from gateway.wire import json

R = TypeVar("R")
T = TypeVar("T")

REQUEST_ID = web.RequestKey("request_id", str)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One authenticated request on its way to becoming an operation; ``parameters`` are still percent-encoded."""

    request: web.Request
    caller: Caller
    parameters: Mapping[str, str]

    def path(self, name: str = "path") -> ContentPath:
        """A captured path, decoded once, strictly; the root where the route captures none."""
        return ContentPath.from_url(self.parameters.get(name, ""))

    def text(self, name: str) -> str:
        """A captured single segment, decoded once, strictly."""
        return decode(self.parameters[name])

    def query_text(self, name: str) -> str | None:
        """A parameter of the query, decoded once, strictly; None when it is absent, its first value when it is not."""
        for pair in self.request.raw_path.partition("?")[2].split("&"):
            found, _, value = pair.partition("=")
            if decode(found) == name:
                return decode(value.replace("+", " "))
        return None

    async def body(self) -> bytes:
        """The whole body. TOO_LARGE above the server's limit."""
        try:
            return await self.request.read()
        except web.HTTPRequestEntityTooLarge as error:
            limit = self.request.client_max_size
            raise Problem(Code.TOO_LARGE, f"The body is larger than the {limit} bytes accepted here.") from error

    async def json(self, shape: type[T]) -> T:
        """The JSON body as ``shape``, whatever its content type says. INVALID otherwise."""
        body = await self.body()
        return await offloaded(len(body), json.decode, body, shape)


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """A parsed request: one complete operation, and the rendering of its result. Render never calls back."""

    operation: Operation[R]
    render: Callable[[R], web.StreamResponse]


@dataclass(frozen=True, slots=True)
class Carry:
    """A parsed request that goes through to a Jupyter server as it comes; the operation says where to."""

    operation: Operation[Destination]


Endpoint = Callable[[Incoming], Awaitable[Call[Any] | Carry]]


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the flat route table. ``{name}`` captures one segment, ``{name*}`` any number, none included.

    ``is_public`` routes need no credential (their caller is ANONYMOUS). ``takes_retry_token`` routes answer a repeated
    opc-retry-token from memory; the headers of ``identified_by`` tell such requests apart, as their bodies do.
    ``seconds`` is how long everything behind the gateway may take where that is more than the usual.
    """

    method: str
    template: str
    endpoint: Endpoint
    is_public: bool = False
    takes_retry_token: bool = False
    identified_by: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """One client-facing API.

    ``prefixes`` are the URL prefixes whose unmatched requests it answers; ``rest`` takes those URLs that none of its
    routes fits, with what follows the base path captured as ``tail``. ``credentials`` are tried in order of the tuple;
    the first one present decides. ``finish`` adds the headers that every answer of the dialect carries.
    """

    name: str
    prefixes: tuple[str, ...]
    routes: tuple[Route, ...]
    credentials: tuple[Credential, ...]
    render_problem: Callable[[Problem], web.Response]
    finish: Callable[[web.Request, web.StreamResponse], None]
    request_id_header: str = "X-Request-ID"
    rest: Endpoint | None = None


MAX_REQUEST_ID = 128

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


def is_request_id(text: str) -> bool:
    """Whether a client's own id for its request can be kept (spec oci 3.1)."""
    return len(text) <= MAX_REQUEST_ID and _REQUEST_ID.fullmatch(text) is not None


ANONYMOUS = Caller(None, Credential.TOKEN)


def json_response(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer whose body is JSON already."""
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)
