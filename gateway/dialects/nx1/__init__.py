"""The Nx1 AI API: notebooks in the caller's home, and the app manager they are attached in."""

from __future__ import annotations

from aiohttp import web

from gateway.contents.app_operations import AppRules
from gateway.contents.apps import AppType
from gateway.contents.model import Credential
from gateway.contents.operations import Nothing
from gateway.contents.paths import ContentPath
from gateway.dialects.dialect import Call, Dialect, Incoming, Route, json_response
from gateway.dialects.nx1.apps import Apps
from gateway.dialects.nx1.keys import Homes
from gateway.dialects.nx1.notebooks import Notebooks
from gateway.dialects.nx1.problems import render_problem
from gateway.wire import json

PREFIXES = ("/api/notebooks", "/api/app", "/api/health")


def nx1_dialect(
    mount: str,
    *,
    notebook_app_types: frozenset[AppType],
    max_upload_bytes: int = 50 * 2**20,
    manager_role: str = "nx1_app_manager",
    version: str = "0.10.2",
) -> Dialect:
    """The dialect over the homes of one mount; ``version`` is the API version it answers a ping with."""
    homes = Homes(ContentPath((mount,)))
    rules = AppRules(manager_role, notebook_app_types, max_upload_bytes)

    async def parse_ping(_incoming: Incoming) -> Call[None]:
        return Call(Nothing(), lambda _: json_response(json.encode({"version": version, "build_number": "nbgateway"})))

    return Dialect(
        name="nx1",
        prefixes=PREFIXES,
        routes=(
            *Notebooks(homes, max_upload_bytes).routes(),
            *Apps(homes, rules).routes(),
            Route("GET", "/api/health/ping", parse_ping),
        ),
        credentials=(Credential.JWT, Credential.PSK),
        render_problem=render_problem,
        finish=_finish,
    )


def _finish(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
