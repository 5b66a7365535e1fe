"""The contents API of the emulated workspace (spec oci 4)."""

from __future__ import annotations

import base64
import binascii
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import uploads
from .calls import Call, check_fields
from .models import content_model, content_of, contents_etag
from .notebooks import check_notebook, empty_notebook, stored_form
from .paths import Path, plain, segment_of
from .refusals import RefusalError, absent, conflict, invalid, missing, not_allowed, stale, unseen_notebook
from .tree import Node, kind_of, kind_of_name

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator

_CREATION = {"copy_from": str, "ext": str, "type": str, **uploads.FIELDS}
_SAVE = {"name": str, "path": str, "type": str, **uploads.FIELDS}
_KINDS = ("notebook", "file", "directory")


def answer(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    if call.method == "GET":
        return _get(workspace, call, path)
    change = {"POST": _post, "PUT": _put, "PATCH": _patch, "DELETE": _delete}.get(call.method)
    if change is None:
        raise not_allowed()
    call.check_query()
    workspace.check_changeable(call, path, whole=call.method in ("PATCH", "DELETE"))
    return change(workspace, call, path)


def _get(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    call.check_query(content=("0", "1"), hash=("0", "1"), type=_KINDS, format=("text", "base64", "json"))
    node = seen(workspace, call, path)
    kind, habits = kind_of(path, node), workspace.habits
    if call.query.get("type", kind) != kind:
        raise invalid(f"{path[-1]} is not a {call.query['type']}.", "bad type")
    model = content_model(habits, path, node, with_hash=call.query.get("hash") == "1")
    with_content = call.query.get("content", "1") == "1"
    if with_content and kind == "directory":
        model |= _listing(workspace, call, path)
    elif with_content:
        model |= content_of(path, node, call.query.get("format"))
    headers = {"Last-Modified": format_datetime(node.modified.replace(microsecond=0), usegmt=True)}
    if with_content or habits.etag_without_content:
        headers["etag"] = contents_etag(habits, node)
    return web.json_response(model, headers=headers)


def seen(workspace: WorkspaceEmulator, call: Call, path: Path) -> Node:
    """What a read of contents finds; an absent notebook may be an internal error (spec oci 8.1)."""
    try:
        return workspace.sight(call).node(path, of_contents=True)
    except RefusalError as refusal:
        if refusal.status == 404 and workspace.habits.missing_is_internal_error:
            raise unseen_notebook() from refusal
        raise


def _listing(workspace: WorkspaceEmulator, call: Call, path: Path) -> dict[str, Any]:
    """What the older generation lists; the current one refers to the objects API."""
    if not workspace.habits.lists_directories:
        raise invalid("Directory content is listed with the objects API.", "bad type")
    children = workspace.sight(call).children(path)
    return {"content": [content_model(workspace.habits, *child) for child in children], "format": "json"}


def _post(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    details = call.json()
    check_fields(details, _CREATION, strict=workspace.habits.refuses_unknown_fields)
    tree = workspace.tree
    if tree.kind(path) != "directory":
        raise conflict("The path is not a directory.")
    if uploads.is_chunk(details):
        body = uploads.accept(workspace, call, path, details)
        if body is None:
            return _acknowledged(workspace, path, details)
        created = tree.free_name(path, "Untitled", ".ipynb")
    elif details.get("content") is not None:
        raise invalid("Only a chunk of an upload has content.")
    elif details.get("copy_from") is not None:
        created, body = _copy(workspace, call, path, details["copy_from"])
    else:
        created, body = _untitled(workspace, path, details.get("type") or "file", details.get("ext") or "")
    tree.put(created, body)
    return _changed(workspace, call, created, 201, uploads.acknowledgement(details))


def _copy(workspace: WorkspaceEmulator, call: Call, parent: Path, source: str) -> tuple[Path, bytes]:
    path = plain(source)
    try:
        node = workspace.sight(call).node(path)
    except RefusalError as refusal:
        raise RefusalError(400, "RelatedResourceNotAuthorizedOrNotFound", "copy_from was not found.") from refusal
    if node.body is None or (kind_of(path, node) == "file" and not workspace.habits.copies_files):
        raise invalid("copy_from is not a notebook.")
    stem, dot, extension = path[-1].rpartition(".")
    name = (stem, dot + extension) if stem else (path[-1], "")
    return workspace.tree.free_name(parent, f"{name[0]}-Copy1", name[1], "-"), node.body


def _untitled(workspace: WorkspaceEmulator, parent: Path, kind: str, extension: str) -> tuple[Path, bytes | None]:
    if kind not in _KINDS:
        raise invalid("type is notebook, file or directory.")
    if kind == "directory":
        return workspace.tree.free_name(parent, "Untitled Folder", "", " "), None
    if kind == "notebook" or extension == ".ipynb":
        return workspace.tree.free_name(parent, "Untitled", ".ipynb"), empty_notebook()
    if "/" in extension:
        raise invalid("ext is an extension.")
    return workspace.tree.free_name(parent, "untitled", extension or ".txt"), b""


def _put(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    details = call.json()
    check_fields(details, _SAVE, strict=workspace.habits.refuses_unknown_fields)
    _check_same_path(workspace, details, path)
    check_etag(workspace, call, path)
    standing = workspace.tree.nodes.get(path)
    if standing is None and not workspace.habits.put_creates:
        raise absent()
    workspace.tree.check_parent(path)
    if standing is not None and standing.body is None:
        raise conflict("A directory stands there.")
    kind = details.get("type") or kind_of_name(path[-1])
    if kind not in _KINDS or (kind != "directory" and kind != kind_of_name(path[-1])):
        raise invalid("The type does not fit the name.", "bad type")
    if kind == "directory" and standing is not None:
        raise conflict("A file stands there.")
    if uploads.is_chunk(details):
        if kind != "notebook":
            raise invalid("Only notebooks are uploaded in chunks.")
        body = uploads.accept(workspace, call, path, details)
        if body is None:
            return _acknowledged(workspace, path, details)
    else:
        body = None if kind == "directory" else _stored(kind, details)
    workspace.tree.put(path, body)
    return _changed(workspace, call, path, 200, uploads.acknowledgement(details))


def _check_same_path(workspace: WorkspaceEmulator, details: dict[str, Any], path: Path) -> None:
    if not workspace.habits.body_path_must_fit:
        return
    if details.get("path") is not None and plain(details["path"]) != path:
        raise invalid("path is another one than the address.")
    if details.get("name") is not None and details["name"] != path[-1]:
        raise invalid("name is another one than the address.")


def _stored(kind: str, details: dict[str, Any]) -> bytes:
    content, form = details.get("content"), details.get("format")
    if kind == "notebook":
        if form not in (None, "NULL", "json"):
            raise invalid("A notebook is JSON.", "bad format")
        check_notebook(content)
        return stored_form(content)
    if not isinstance(content, str) or form not in ("text", "base64"):
        raise invalid("A file has text or base64 content.", "bad format")
    try:
        return content.encode() if form == "text" else base64.b64decode(content, validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise invalid("The content cannot be decoded.", "bad format") from error


def _patch(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    details, habits = call.json(), workspace.habits
    check_fields(details, {"path": str}, strict=habits.refuses_unknown_fields)
    if not details.get("path"):
        raise missing("path")
    goal = plain(details["path"])
    workspace.tree.get(path)
    check_etag(workspace, call, path)
    workspace.check_changeable(call, goal, whole=habits.patch_replaces)
    if goal[:-1] != path[:-1] and not habits.renames_across_folders:
        raise invalid("The new path lies in another folder.")
    if habits.patch_replaces and goal in workspace.tree.nodes and goal != path:
        workspace.tree.remove(goal, recursive=habits.recursive_delete)
    workspace.tree.move(path, goal, new_etags=habits.etags_after_patch_change)
    return _changed(workspace, call, goal, 200)


def _delete(workspace: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    workspace.tree.get(path)
    check_etag(workspace, call, path)
    workspace.tree.remove(path, recursive=workspace.habits.recursive_delete)
    headers = {"Location": _location(call, path), **workspace.work_request()}
    return web.Response(status=204, headers=headers)


def check_etag(workspace: WorkspaceEmulator, call: Call, path: Path) -> None:
    """412 without side effects unless if-match names the current etag, as it was handed out (spec oci 3.4)."""
    wanted, habits = call.headers.get("if-match"), workspace.habits
    if wanted is None or call.method not in habits.conditional_methods:
        return
    node = workspace.tree.nodes.get(path)
    if node is None:
        raise absent() if habits.if_match_on_absent == 404 else stale()
    if not workspace.names_etag(wanted, contents_etag(habits, node)):
        raise stale()


def _acknowledged(workspace: WorkspaceEmulator, path: Path, details: dict[str, Any]) -> web.Response:
    """What a chunk that is not the last is answered with: nothing has changed yet."""
    now, node = workspace.habits.clock(), workspace.tree.nodes.get(path)
    model = content_model(workspace.habits, path, node or Node(b"", now, now, ""))
    headers = {} if node is None else {"etag": contents_etag(workspace.habits, node)}
    return web.json_response(model | uploads.acknowledgement(details), headers=headers)


def _changed(
    workspace: WorkspaceEmulator, call: Call, path: Path, status: int, more: dict[str, Any] | None = None
) -> web.Response:
    node, habits = workspace.tree.get(path), workspace.habits
    headers = {"Location": _location(call, path), "etag": contents_etag(habits, node), **workspace.work_request()}
    return web.json_response(content_model(habits, path, node) | (more or {}), status=status, headers=headers)


def _location(call: Call, path: Path) -> str:
    return f"{call.base}/notebook/api/contents/{segment_of(path)}"
