"""A bare application behind the gateway's middlewares and gatekeeper, in a dialect that says everything plainly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from gateway.contents.model import Credential
from gateway.contents.problem import Problem
from gateway.dialects.dialect import Dialect
from gateway.server.auth import Authenticator, Gatekeeper
from gateway.server.middleware import CALLER, Metrics, middlewares

Client = TestClient[web.Request, web.Application]


def plain_dialect(*credentials: Credential, name: str = "plain") -> Dialect:
    return Dialect(name, ("/",), (), credentials, render_problem, finish)


def render_problem(problem: Problem) -> web.Response:
    reason = problem.reason.name if problem.reason else None
    allow = {"Allow": ", ".join(problem.allow)} if problem.allow else {}
    words = {"code": problem.code.name, "detail": problem.detail, "reason": reason}
    return web.json_response(words, status=problem.code.value, headers=allow)


def finish(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Finished"] = "yes"


@asynccontextmanager
async def behind(app: web.Application) -> AsyncIterator[Client]:
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield client


@asynccontextmanager
async def house(
    handler: Handler, *, metrics: Metrics | None = None, max_body_bytes: int = 1 << 20
) -> AsyncIterator[Client]:
    """``handler`` answers every URL but ``/get-only``."""
    dialect = plain_dialect()
    app = web.Application(
        middlewares=middlewares(lambda _path: dialect, metrics or Metrics()), client_max_size=max_body_bytes
    )
    app.router.add_get("/get-only", handler)
    app.router.add_route("*", "/at/{tail:.*}", handler)
    async with behind(app) as client:
        yield client


@asynccontextmanager
async def door(authenticators: Mapping[Credential, Authenticator]) -> AsyncIterator[Client]:
    """Answers who the caller is; the dialect takes the credentials in the order of ``authenticators``."""
    async with kept_by(Gatekeeper(authenticators), *authenticators) as client:
        yield client


@asynccontextmanager
async def kept_by(gatekeeper: Gatekeeper, *credentials: Credential) -> AsyncIterator[Client]:
    """Answers who the caller is; the dialect takes these credentials in their order."""
    dialect = plain_dialect(*credentials)

    async def who(request: web.Request) -> web.Response:
        caller = request[CALLER] = await gatekeeper.caller(request, dialect)
        facts = {"user": caller.username, "by": caller.credential.value, "roles": sorted(caller.roles)}
        return web.json_response(facts)

    async with house(who) as client:
        yield client
