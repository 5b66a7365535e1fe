"""The objects API of the emulated workspace: listings in pages, raw bytes, and paths in headers (spec oci 6)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

from aiohttp import web

from .calls import FLAG, Call
from .models import composite_etag, object_etag, object_summary, object_type, wire_date, wire_path
from .pages import ORDERS, is_descending
from .paths import Path, decoded, object_path, segment_of
from .refusals import absent, conflict, invalid, missing, not_allowed, not_implemented, stale
from .tree import Node

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator

TYPES = (
    "NOTEBOOK",
    "JOB",
    "LAKE_FLOW",
    "AGENT_LAKE_FLOW",
    "GENERATED_ARTIFACT",
    "LIBRARY",
    "FILE",
    "FOLDER",
)
LONGEST_HEADER = 255


def collection(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    operation = {"GET": _list, "POST": _create}.get(call.method)
    if operation is None:
        raise not_allowed()
    return operation(workspace, call)


def one(workspace: WorkspaceEmulator, call: Call, tail: str) -> web.Response:
    """An object by its path: one encoded segment, or plain slashes as Oracle's Python client sends them here."""
    if tail.endswith(("/permissions", "/actions/managePermission")):
        raise not_implemented("permissions")
    if not decoded(tail).strip("/"):
        raise absent()
    operation = {"GET": _get, "HEAD": _head, "PUT": _update, "DELETE": _delete}.get(call.method)
    if operation is None:
        raise not_allowed()
    return operation(workspace, call, object_path(decoded(tail)))


def _list(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    sorts = ("timeCreated", "displayName")
    call.check_query(
        path=None, type=None, displayName=None, limit=None, page=None, metadataKeys=None, sortOrder=ORDERS, sortBy=sorts
    )
    if "path" not in call.query:
        raise missing("query param path")
    folder, sight = object_path(call.query["path"]), workspace.sight(call)
    if sight.node(folder).body is not None:
        raise invalid("path is not a folder.")
    summaries = [
        (object_summary(workspace.habits, path, node), node.created)
        for path, node in sight.children(folder)
        if call.query.get("type", object_type(workspace.habits, path, node))
        == object_type(workspace.habits, path, node)
        and call.query.get("displayName", path[-1]) == path[-1]
    ]
    sorted_by = call.query.get("sortBy", "displayName")
    by_name = sorted_by == "displayName"
    items, headers = workspace.pages.cut(
        call,
        workspace.habits,
        summaries,
        lambda each: each[0]["displayName"] if by_name else (each[1], each[0]["displayName"]),
        descending=is_descending(call, sorted_by),
    )
    return web.json_response({"items": [summary for summary, _ in items]}, headers=headers)


def _get(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    call.check_query(shouldIncludeMetadata=FLAG)
    node = workspace.sight(call).node(path)
    if node.body is None:
        raise invalid("The object is a folder.")
    headers = {**described(workspace, path, node), "etag": object_etag(workspace.habits, node)}
    return web.Response(body=node.body, headers=headers, content_type="application/octet-stream")


def _head(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    """No ``etag`` here, only the composite one."""
    call.check_query(shouldIncludeMetadata=FLAG)
    node = workspace.sight(call).node(path)
    headers = {**described(workspace, path, node), "composite-etag": composite_etag(node)}
    if call.query_flag("shouldIncludeMetadata"):
        headers["file-metadata"] = json.dumps({})
    return web.Response(headers=headers)


def _create(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    call.check_query(objectDescription=None)
    path, kind = header_path(workspace, call), header_type(call)
    workspace.check_changeable(call, path, whole=False)
    body = _body_of(call, kind)
    check_free(workspace, path, is_folder=body is None, overwrite=call.header_flag("is-overwrite"))
    node = workspace.tree.put(path, body)
    node.object_type = kind
    node.description = call.query.get("objectDescription", node.description)
    location = f"{call.base}/objects/{segment_of(path)}"
    headers = {"Location": location, "Content-Location": location, "etag": object_etag(workspace.habits, node)}
    return web.Response(headers={**described(workspace, path, node), **headers})


def check_free(workspace: WorkspaceEmulator, path: Path, *, is_folder: bool, overwrite: bool) -> None:
    """404 without a parent; 409 where something stands that may not be replaced."""
    workspace.tree.check_parent(path)
    standing = workspace.tree.nodes.get(path)
    if standing is None:
        return
    if is_folder or standing.body is None:
        raise conflict("Directory already exists")
    if not overwrite:
        raise conflict("Object already exists")


def _body_of(call: Call, kind: str | None) -> bytes | None:
    if kind == "FOLDER":
        if call.body:
            raise invalid("A folder has no body.")
        return None
    if not call.header_flag("is-upload-file-base64-encoded"):
        return call.body
    try:
        return base64.b64decode(call.body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("The body is not base64.") from error


def _update(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    call.check_query(objectDescription=None)
    workspace.check_changeable(call, path, whole=False)
    if workspace.tree.get(path).body is None:
        raise conflict("The object is a folder.")
    check_etag(workspace, call, path)
    node = workspace.tree.put(path, call.body)
    node.description = call.query.get("objectDescription", node.description)
    headers = {**described(workspace, path, node), "etag": object_etag(workspace.habits, node)}
    return web.Response(headers=headers)


def _delete(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    call.check_query()
    workspace.check_changeable(call, path)
    workspace.tree.get(path)
    check_etag(workspace, call, path)
    recursive = workspace.habits.recursive_delete
    if not recursive and len(workspace.tree.below(path)) > 1:
        raise conflict("The directory is not empty.")

    def act() -> None:
        workspace.tree.remove(path, recursive=recursive)

    if workspace.habits.async_objects:
        return workspace.operations.begin(workspace, call, "DELETE", (path,), act)
    act()
    return web.Response(status=204, headers=workspace.work_request())


def check_etag(workspace: WorkspaceEmulator, call: Call, path: Path) -> None:
    """412 unless if-match is the ``etag`` that the objects API hands out for the revision that stands."""
    wanted, node = call.headers.get("if-match"), workspace.tree.get(path)
    if wanted is None or workspace.names_etag(wanted, object_etag(workspace.habits, node)):
        return
    if not (workspace.habits.composite_etag_matches and workspace.names_etag(wanted, composite_etag(node))):
        raise stale()


def header_path(workspace: WorkspaceEmulator, call: Call) -> Path:
    """The path that travels as a header: 1 to 255 characters, neither escaped nor decoded."""
    text = call.headers.get("path", "")
    if not 1 <= len(text) <= LONGEST_HEADER:
        raise invalid(f"header param path has 1 to {LONGEST_HEADER} characters")
    if workspace.habits.ascii_headers and not text.isascii():
        raise invalid("header param path has characters that are not allowed")
    return object_path(text)


def header_type(call: Call) -> str | None:
    """The type that travels as a header; Oracle's client may leave it out."""
    kind = call.headers.get("type")
    if kind is not None and kind not in TYPES:
        raise invalid("header param type is not valid")
    return kind


def described(workspace: WorkspaceEmulator, path: Path, node: Node) -> dict[str, str]:
    habits = workspace.habits
    return {
        "object-key": node.key,
        "path": wire_path(habits, path),
        "type": object_type(habits, path, node),
        "time-updated": str(wire_date(habits, node.modified)),
    }
