"""The Jupyter dialect: the Jupyter Server API (spec jupyter A1 to A6, decisions in A8)."""

from __future__ import annotations

from datetime import UTC, datetime

from aiohttp import web

from gateway.contents.model import Credential
from gateway.dialects.dialect import Dialect, Route
from gateway.dialects.jupyter.checkpoints import checkpoint_routes
from gateway.dialects.jupyter.compute import compute_routes
from gateway.dialects.jupyter.contents import contents_routes
from gateway.dialects.jupyter.files import files_routes
from gateway.dialects.jupyter.methods import with_options
from gateway.dialects.jupyter.origins import origin_headers
from gateway.dialects.jupyter.passing import carry_home
from gateway.dialects.jupyter.problems import render_problem
from gateway.dialects.jupyter.server import server_routes

CONTENT_SECURITY_POLICY = "frame-ancestors 'self'; report-uri /api/security/csp-report; default-src 'none'"


def jupyter_dialect(
    version: str = "2.21.1",
    started: datetime | None = None,
    *,
    carries: bool = False,
    base_path: str = "",
    sign_in: tuple[Route, ...] = (),
    credentials: tuple[Credential, ...] = (Credential.TOKEN, Credential.JWT),
) -> Dialect:
    """The dialect; ``version`` is the Jupyter Server it says it is, ``started`` the gateway's start (default: now).

    With ``carries`` all else goes through to a Jupyter server; ``sign_in`` are the routes of the gateway's own login.
    ``base_path`` is where clients find the gateway, for addresses within bodies.
    """
    started = started or datetime.now(UTC)
    routes = (
        *sign_in,
        *server_routes(version, started),
        *checkpoint_routes(),
        *contents_routes(started),
        *files_routes(),
        *compute_routes(base_path),
    )
    return Dialect(
        name="jupyter",
        prefixes=("/api", "/"),
        routes=with_options(routes),
        credentials=credentials,
        render_problem=render_problem,
        finish=finish,
        rest=carry_home if carries else None,
    )


def finish(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer of the API carries (spec jupyter A1), unless it has a security policy of its own."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.update(origin_headers(request))
