"""The contents API of the emulated workspace (spec oci 4)."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web

from .tree import Node, Path, RefusalError, absent, kind_of_name

if TYPE_CHECKING:
    from .emulator import Call, WorkspaceEmulator

_ALLOWED = {
    "content": ("0", "1"),
    "hash": ("0", "1"),
    "type": ("notebook", "file", "directory"),
    "format": ("text", "base64", "json"),
}


def answer(emulator: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    operation = {"GET": _get, "POST": _post, "PUT": _put, "PATCH": _patch, "DELETE": _delete}.get(call.method)
    if operation is None:
        raise RefusalError(405, "MethodNotAllowed", "The method is not allowed.")
    return operation(emulator, call, path)


def check_etag(emulator: WorkspaceEmulator, call: Call, path: Path) -> None:
    """412 without side effects unless if-match names the current etag, as it was handed out."""
    wanted = call.headers.get("if-match")
    if wanted is None:
        return
    node = emulator.tree.nodes.get(path)
    if node is None or wanted.strip() not in (emulator.habits.etag_form.format(node.etag), f'"{node.etag}"'):
        raise RefusalError(412, "NoEtagMatch", "The etag does not match.")


def _get(emulator: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    for name, value in call.query.items():
        if name not in _ALLOWED or value not in _ALLOWED[name]:
            raise RefusalError(400, "InvalidParameter", f"The query parameter {name} is not valid.")
    with_content = call.query.get("content", "1") == "1"
    if path not in emulator.tree.nodes and emulator.habits.missing_is_internal_error:
        raise RefusalError(500, "InternalError", "Error occurred while getting notebook content.")
    node, kind = emulator.tree.get(path), emulator.tree.kind(path)
    if call.query.get("type", kind) != kind:
        raise RefusalError(400, "InvalidParameter", f"{path[-1]} is not a {call.query['type']}.", "bad type")
    if kind == "directory" and with_content:
        raise RefusalError(400, "InvalidParameter", "Directory content is listed with the objects API.", "bad type")
    response = _model(emulator, call, path, content=with_content)
    response.headers["Last-Modified"] = format_datetime(node.modified.replace(microsecond=0), usegmt=True)
    return response


def _post(emulator: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    details = call.json()
    body: bytes | None
    if emulator.tree.kind(path) != "directory":
        raise RefusalError(409, "Conflict", "The path is not a directory.")
    if details.get("copy_from") is not None:
        created, body = _copy(emulator, path, str(details["copy_from"]))
    else:
        created, body = _untitled(emulator, path, details.get("type") or "file", details.get("ext") or "")
    emulator.tree.put(created, body)
    return _located(emulator, call, created, 201)


def _copy(emulator: WorkspaceEmulator, parent: Path, source: str) -> tuple[Path, bytes]:
    origin = emulator.tree.nodes.get(tuple(source.strip("/").split("/")))
    if origin is None or origin.body is None:
        raise RefusalError(400, "RelatedResourceNotAuthorizedOrNotFound", "copy_from was not found.")
    stem, dot, extension = source.rpartition("/")[2].rpartition(".")
    return emulator.tree.free_name(parent, f"{stem}-Copy1", dot + extension, "-"), origin.body


def _untitled(emulator: WorkspaceEmulator, parent: Path, kind: str, extension: str) -> tuple[Path, bytes | None]:
    if kind == "directory":
        return emulator.tree.free_name(parent, "Untitled Folder", "", " "), None
    if kind == "notebook" or extension == ".ipynb":
        empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        return emulator.tree.free_name(parent, "Untitled", ".ipynb"), json.dumps(empty).encode()
    return emulator.tree.free_name(parent, "untitled", extension or ".txt"), b""


def _put(emulator: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    details = call.json()
    check_etag(emulator, call, path)
    standing = emulator.tree.nodes.get(path)
    if standing is None and not emulator.habits.put_creates:
        raise absent()
    emulator.tree.check_parent(path)
    if standing is not None and standing.body is None:
        raise RefusalError(409, "Conflict", "A directory stands there.")
    kind = details.get("type") or kind_of_name(path[-1])
    if kind != "directory" and kind != kind_of_name(path[-1]):
        raise RefusalError(400, "InvalidParameter", "The type does not fit the name.", "bad type")
    emulator.tree.put(path, None if kind == "directory" else _stored(kind, details))
    return _located(emulator, call, path, 200)


def _stored(kind: str, details: dict[str, Any]) -> bytes:
    content, form = details.get("content"), details.get("format")
    if kind == "notebook":
        if not (isinstance(content, dict) and isinstance(content.get("nbformat"), int)):
            raise RefusalError(400, "InvalidParameter", "The notebook is not valid.")
        return json.dumps(content).encode()
    if not isinstance(content, str) or form not in ("text", "base64"):
        raise RefusalError(400, "InvalidParameter", "A file has text or base64 content.", "bad format")
    try:
        return content.encode() if form == "text" else base64.b64decode(content, validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise RefusalError(400, "InvalidParameter", "The content cannot be decoded.", "bad format") from error


def _patch(emulator: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    target = call.json().get("path")
    if not isinstance(target, str) or not target.strip("/"):
        raise RefusalError(400, "InvalidParameter", "path must not be null")
    check_etag(emulator, call, path)
    goal = tuple(target.removeprefix("/").split("/"))
    emulator.tree.move(path, goal)
    return _located(emulator, call, goal, 200)


def _delete(emulator: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    emulator.tree.get(path)
    check_etag(emulator, call, path)
    emulator.tree.remove(path, recursive=emulator.habits.recursive_delete)
    return web.Response(status=204)


def _located(emulator: WorkspaceEmulator, call: Call, path: Path, status: int) -> web.Response:
    response = _model(emulator, call, path, status=status)
    response.headers["Location"] = f"{call.base}/notebook/api/contents/{quote('/' + '/'.join(path), safe='')}"
    return response


def _model(
    emulator: WorkspaceEmulator, call: Call, path: Path, *, content: bool = False, status: int = 200
) -> web.Response:
    node, kind = emulator.tree.get(path), emulator.tree.kind(path)
    value, form = _content(node, kind, call.query.get("format")) if content else (None, None)
    model = {
        "name": path[-1],
        "path": ("/" if emulator.habits.leading_slash else "") + "/".join(path),
        "type": kind,
        "writable": True,
        "created": wire_date(emulator, node.created),
        "last_modified": wire_date(emulator, node.modified),
        "size": None if node.body is None else len(node.body),
        "mimetype": "text/plain" if content and kind == "file" else None,
        "content": value,
        "format": form or "NULL",
    }
    return web.json_response(model, status=status, headers={"etag": emulator.habits.etag_form.format(node.etag)})


def _content(node: Node, kind: str, wanted: str | None) -> tuple[Any, str]:
    body = node.body or b""
    if kind == "notebook":
        try:
            return json.loads(body), "json"
        except ValueError as error:
            raise RefusalError(400, "InvalidParameter", "The notebook cannot be read.") from error
    try:
        if wanted != "base64":
            return body.decode(), "text"
    except UnicodeDecodeError as error:
        if wanted == "text":
            raise RefusalError(400, "InvalidParameter", "The file is not text.", "bad format") from error
    return base64.b64encode(body).decode(), "base64"


def wire_date(emulator: WorkspaceEmulator, date: datetime) -> str | float:
    if emulator.habits.numeric_dates:
        return date.timestamp() * 1000
    return date.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
