"""The OCI AI Data Platform dialect: notebook contents of workspaces (spec oci sections 2, 3, 4, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiohttp import web

from gateway.contents.model import Credential
from gateway.contents.paths import ContentPath
from gateway.dialects.dialect import REQUEST_ID, Dialect, Route
from gateway.dialects.oci.addresses import Workspaces
from gateway.dialects.oci.contents import ContentsEndpoints
from gateway.dialects.oci.exports import ExportEndpoint
from gateway.dialects.oci.headers import REQUEST_ID_HEADER
from gateway.dialects.oci.objects import CREATE_HEADERS, UNSUPPORTED_ACTIONS, ObjectEndpoints
from gateway.dialects.oci.problems import render_problem
from gateway.dialects.oci.sessions import SessionEndpoints
from gateway.dialects.oci.workspace import WorkspaceEndpoint

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
    known = Workspaces(dict(workspaces))
    contents = ContentsEndpoints(known, lists_directories=lists_directories)
    export = ExportEndpoint(known)
    objects = ObjectEndpoints(known)
    sessions = SessionEndpoints(known)
    workspace = WorkspaceEndpoint(known)

    def routes(below: str, version: str) -> Iterable[Route]:
        yield Route("GET", below, workspace.get)
        listing = sessions.list_in_pages if version == CURRENT_GENERATION else sessions.list_as_array
        yield Route("GET", f"{below}/notebook/api/sessions", listing)
        yield from _session_routes(f"{below}/notebook/api/sessions", sessions)
        yield from _contents_routes(f"{below}/notebook/api/contents/{{path*}}", contents)
        yield Route("POST", f"{below}/notebook/api/actions/export/contents/{{path*}}", export.export)
        yield from _object_routes(f"{below}/objects", f"{below}/actions", objects)

    prefixes = [(f"{api}/{version}", version) for version in generations for api in ("", "/api")]
    return Dialect(
        name="oci",
        prefixes=tuple(prefix for prefix, _ in prefixes),
        routes=tuple(
            route
            for prefix, version in prefixes
            for route in routes(f"{prefix}/{COLLECTIONS[version]}/{{platform}}/workspaces/{{workspace}}", version)
        ),
        credentials=(Credential.SIGNATURE, Credential.JWT),
        render_problem=render_problem,
        finish=_finish,
        request_id_header=REQUEST_ID_HEADER,
    )


def _contents_routes(contents: str, endpoints: ContentsEndpoints) -> Iterable[Route]:
    yield Route("GET", contents, endpoints.read)
    yield Route("POST", contents, endpoints.create, takes_retry_token=True)
    yield Route("PUT", contents, endpoints.save)
    yield Route("PATCH", contents, endpoints.move)
    yield Route("DELETE", contents, endpoints.delete)


def _session_routes(collection: str, endpoints: SessionEndpoints) -> Iterable[Route]:
    one = f"{collection}/{{session}}"
    yield Route("POST", collection, endpoints.create, takes_retry_token=True)
    yield Route("GET", one, endpoints.get)
    yield Route("PATCH", one, endpoints.change)
    yield Route("DELETE", one, endpoints.end)


def _object_routes(collection: str, actions: str, endpoints: ObjectEndpoints) -> Iterable[Route]:
    one = f"{collection}/{{path*}}"
    yield Route("GET", collection, endpoints.list)
    yield Route("POST", collection, endpoints.create, takes_retry_token=True, identified_by=CREATE_HEADERS)
    yield Route("GET", one, endpoints.get)
    yield Route("HEAD", one, endpoints.head)
    yield Route("PUT", one, endpoints.update)
    yield Route("DELETE", one, endpoints.delete)
    yield Route("POST", f"{actions}/copyObject", endpoints.copy)
    yield Route("POST", f"{actions}/moveObject", endpoints.move)
    yield Route("POST", f"{actions}/renameObject", endpoints.rename)
    for action in UNSUPPORTED_ACTIONS:
        yield Route("POST", f"{actions}/{action}", endpoints.unsupported)


def _finish(request: web.Request, response: web.StreamResponse) -> None:
    response.headers[REQUEST_ID_HEADER] = request[REQUEST_ID]
