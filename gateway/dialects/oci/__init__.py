"""The OCI AI Data Platform dialect: notebook contents of workspaces (spec oci sections 2, 3, 4, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiohttp import web

from gateway.contents.model import Credential
from gateway.contents.paths import ContentPath
from gateway.dialects.dialect import REQUEST_ID, Dialect, Route
from gateway.dialects.oci.addresses import Workspaces
from gateway.dialects.oci.contents import ContentsEndpoints
from gateway.dialects.oci.headers import REQUEST_ID_HEADER
from gateway.dialects.oci.problems import render_problem

CURRENT_GENERATION = "20260430"
COLLECTIONS = {CURRENT_GENERATION: "aiDataPlatforms", "20240831": "dataLakes"}
"""Each API version has a name of its own for the collection; the two always move together (spec oci 2)."""


def oci_dialect(
    workspaces: Mapping[tuple[str, str], ContentPath],
    *,
    generations: Iterable[str] = (CURRENT_GENERATION,),
    lists_directories: bool = False,
) -> Dialect:
    """The dialect over ``workspaces``: (platform id, workspace key) to the gateway folder that is the root there.

    ``generations`` are the API versions to serve, out of ``COLLECTIONS``. With ``lists_directories`` a directory is
    answered with its entries, as the service once did; today it refuses (spec oci 4.2).
    """
    endpoints = ContentsEndpoints(Workspaces(dict(workspaces)), lists_directories=lists_directories)
    prefixes = [(f"{api}/{version}", COLLECTIONS[version]) for version in generations for api in ("", "/api")]
    return Dialect(
        name="oci",
        prefixes=tuple(prefix for prefix, _ in prefixes),
        routes=tuple(
            route for prefix, collection in prefixes for route in _routes(f"{prefix}/{collection}", endpoints)
        ),
        credentials=(Credential.SIGNATURE, Credential.JWT),
        render_problem=render_problem,
        finish=_finish,
        request_id_header=REQUEST_ID_HEADER,
    )


def _routes(collection: str, endpoints: ContentsEndpoints) -> Iterable[Route]:
    contents = f"{collection}/{{platform}}/workspaces/{{workspace}}/notebook/api/contents/{{path*}}"
    return (
        Route("GET", contents, endpoints.read),
        Route("POST", contents, endpoints.create, takes_retry_token=True),
        Route("PUT", contents, endpoints.save),
        Route("PATCH", contents, endpoints.move),
        Route("DELETE", contents, endpoints.delete),
    )


def _finish(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[REQUEST_ID_HEADER] = request[REQUEST_ID]
