"""The objects API of the emulated workspace: listings in pages, folders, deletion (spec oci 6)."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web

from .contents import wire_date
from .tree import Path, RefusalError

if TYPE_CHECKING:
    from .emulator import Call, WorkspaceEmulator

_TYPES = {"directory": "FOLDER", "notebook": "NOTEBOOK", "file": "FILE"}


def answer(emulator: WorkspaceEmulator, call: Call) -> web.Response:
    if call.method == "GET":
        return _list(emulator, call)
    if call.method == "POST":
        return _create(emulator, call)
    raise RefusalError(405, "MethodNotAllowed", "The method is not allowed.")


def delete(emulator: WorkspaceEmulator, call: Call, path: Path) -> web.Response:
    wanted = call.headers.get("if-match")
    if wanted is not None and wanted != _composite_etag(emulator, _below_workspace(path)):
        raise RefusalError(412, "NoEtagMatch", "The etag does not match.")
    emulator.tree.remove(_below_workspace(path), recursive=emulator.habits.recursive_delete)
    return web.Response(status=204)


def _list(emulator: WorkspaceEmulator, call: Call) -> web.Response:
    if "path" not in call.query:
        raise RefusalError(400, "InvalidParameter", "query param path must not be null")
    folder = _parsed(call.query["path"])
    limit = call.query.get("limit", "25")
    if not limit.isdecimal() or limit == "0":
        raise RefusalError(400, "InvalidParameter", "limit is a positive number.")
    if emulator.tree.kind(folder) != "directory":
        raise RefusalError(400, "InvalidParameter", "path is not a folder.")
    start, token = 0, call.query.get("page")
    if token is not None:
        listed, start = emulator.page_tokens.get(token, ((), 0))
        if listed != folder:
            raise RefusalError(400, "InvalidParameter", "The page token is not one of this listing.")
    end = start + min(int(limit), 100)
    children = list(emulator.tree.children(folder))
    response = web.json_response({"items": [_summary(emulator, child) for child in children[start:end]]})
    if end < len(children):
        token = f"p-{secrets.token_urlsafe(9)}"
        emulator.page_tokens[token] = (folder, end)
        response.headers["Opc-Next-Page"] = token
    return response


def _create(emulator: WorkspaceEmulator, call: Call) -> web.Response:
    for name in ("path", "type"):
        if not 1 <= len(call.headers.get(name, "")) <= 255:
            raise RefusalError(400, "InvalidParameter", f"header param {name} has 1 to 255 characters")
    path, kind = _parsed(call.headers["path"]), call.headers["type"]
    emulator.tree.check_parent(path)
    overwrite = call.headers.get("is-overwrite", "false").lower() == "true"
    if path in emulator.tree.nodes and (kind == "FOLDER" or not overwrite):
        raise RefusalError(409, "Conflict", "Directory already exists" if kind == "FOLDER" else "Object already exists")
    node = emulator.tree.put(path, None if kind == "FOLDER" else call.body)
    location = f"{call.base}/objects/{quote('/'.join(path), safe='')}"
    headers = {"path": "/" + "/".join(path), "type": kind, "etag": node.etag, "Location": location}
    return web.Response(status=200, headers=headers)


def _summary(emulator: WorkspaceEmulator, path: Path) -> dict[str, Any]:
    node = emulator.tree.get(path)
    return {
        "path": ("/" if emulator.habits.leading_slash else "") + "/".join(path),
        "displayName": path[-1],
        "type": _TYPES[emulator.tree.kind(path)],
        "timeCreated": wire_date(emulator, node.created),
        "timeUpdated": wire_date(emulator, node.modified),
        "compositeEtag": _composite_etag(emulator, path),
    }


def _composite_etag(emulator: WorkspaceEmulator, path: Path) -> str:
    return hashlib.sha256(f"composite {emulator.tree.get(path).etag}".encode()).hexdigest()[:24]


def _parsed(text: str) -> Path:
    names = tuple(text.strip("/").split("/")) if text.strip("/") else ()
    if any(name in ("", ".", "..") or "\0" in name for name in names):
        raise RefusalError(400, "InvalidParameter", "The path is not plain.")
    return _below_workspace(names)


def _below_workspace(path: Path) -> Path:
    """Objects may be addressed with or without the leading ``Workspace`` (spec oci 2)."""
    return path if path[:1] == ("Workspace",) else ("Workspace", *path)
