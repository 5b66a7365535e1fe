"""Files that travel past the API, through URLs that carry their own permission (spec oci 6)."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import web

from .calls import FLAG, Call, check_fields
from .identities import USER
from .models import object_etag, wire_date
from .objects import check_free, header_path, header_type
from .paths import Path, text_of
from .refusals import RefusalError, absent, conflict, invalid, missing, stale
from .tree import Node

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator

PREFIX = "/p/"
LIFE = timedelta(hours=1)

_UPLOAD = {"action": str, "eTag": str, "size": int, "systemTags": dict}
_ACTIONS = ("CREATE", "REFRESH", "UPDATE")


@dataclass
class Grant:
    """What one URL permits: to write the bytes of an upload, or to read those of a file."""

    method: Literal["PUT", "GET"]
    subject: str
    """The key of the pending upload, or of the file."""
    expires: datetime


@dataclass
class Pending:
    """An upload whose bytes are not yet those of the file."""

    path: Path
    caller: str
    overwrite: bool
    creates_parents: bool
    description: str | None
    etag: str
    body: bytes | None = None


class Store:
    """The object storage behind the workspace: what it expects, and who may come."""

    def __init__(self) -> None:
        self.grants: dict[str, Grant] = {}
        self.pending: dict[str, Pending] = {}

    def url(self, workspace: WorkspaceEmulator, method: Literal["PUT", "GET"], subject: str) -> str:
        secret = secrets.token_urlsafe(24)
        self.grants[secret] = Grant(method, subject, workspace.habits.clock() + LIFE)
        return f"{workspace.url}{PREFIX}{secret}/n/emulated/b/workspace/o/{subject}"

    def key_of(self, path: Path, caller: str) -> str:
        """The upload that waits for this path; 404 when none does."""
        for key, pending in self.pending.items():
            if (pending.path, pending.caller) == (path, caller):
                return key
        raise absent()


def upload_meta(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    """CREATE or REFRESH answer with a URL to PUT to; UPDATE makes the bytes that came there the file's."""
    call.check_query(isOverwrite=FLAG, shouldGenerateNewPar=FLAG, shouldCreateRecursively=FLAG, objectDescription=None)
    path = _permitted_path(workspace, call)
    details = call.json()
    check_fields(details, _UPLOAD, strict=workspace.habits.refuses_unknown_fields)
    action = details.get("action") or "CREATE"
    if action not in _ACTIONS:
        raise invalid("action is CREATE, REFRESH or UPDATE.")
    workspace.check_changeable(call, path, whole=False)
    if action == "UPDATE":
        return _close(workspace, call, path, details)
    store = workspace.store
    key = _expect(workspace, call, path) if action == "CREATE" else store.key_of(path, call.caller)
    url = store.url(workspace, "PUT", key)
    return web.json_response(_result(workspace, path, None, parUrl=url, eTag=store.pending[key].etag))


def _expect(workspace: WorkspaceEmulator, call: Call, path: Path) -> str:
    recursive, overwrite = call.query_flag("shouldCreateRecursively"), call.query_flag("isOverwrite")
    if not recursive or path[:-1] in workspace.tree.nodes:
        check_free(workspace, path, is_folder=False, overwrite=overwrite)
    description = call.query.get("objectDescription")
    pending = Pending(path, call.caller, overwrite, recursive, description, str(uuid.uuid4()))
    for key, other in list(workspace.store.pending.items()):
        if (other.path, other.caller) == (path, call.caller):
            del workspace.store.pending[key]
    key = str(uuid.uuid4())
    workspace.store.pending[key] = pending
    if workspace.habits.par_creates_at_once and path not in workspace.tree.nodes:
        _make_parents(workspace, path)
        workspace.tree.put(path, b"")
        pending.overwrite = True
    return key


def _close(workspace: WorkspaceEmulator, call: Call, path: Path, details: dict[str, Any]) -> web.Response:
    for name in ("eTag", "size"):
        if details.get(name) is None:
            raise missing(name)
    key = workspace.store.key_of(path, call.caller)
    pending = workspace.store.pending[key]
    if pending.body is None:
        raise RefusalError(409, "Conflict", "Nothing has been uploaded.")
    if details["eTag"] != pending.etag:
        raise stale()
    if details["size"] != len(pending.body):
        raise invalid("size is not that of what has been uploaded.")
    if pending.creates_parents:
        _make_parents(workspace, path)
    check_free(workspace, path, is_folder=False, overwrite=pending.overwrite)
    del workspace.store.pending[key]
    node = workspace.tree.put(path, pending.body)
    node.object_type, node.description = header_type(call), pending.description
    return web.json_response(_result(workspace, path, node))


def download_meta(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    call.check_query(shouldGenerateNewPar=FLAG)
    path = _permitted_path(workspace, call)
    node = workspace.sight(call).node(path)
    if node.body is None:
        raise invalid("The object is a folder.")
    return web.json_response(_result(workspace, path, node, parUrl=workspace.store.url(workspace, "GET", node.key)))


async def answer(workspace: WorkspaceEmulator, request: web.Request) -> web.Response:
    """A request to such a URL: unsigned, of any size, and for one method only."""
    secret = request.raw_path.removeprefix(PREFIX).partition("/")[0]
    grant = workspace.store.grants.get(secret)
    if grant is None or grant.expires < workspace.habits.clock() or request.method != grant.method:
        raise RefusalError(404, "BucketNotFound", "Either the bucket does not exist or you are not authorized.")
    if grant.method == "GET":
        return _download(workspace, grant.subject)
    body = await request.content.read()
    pending = workspace.store.pending.get(grant.subject)
    if pending is None:
        raise RefusalError(404, "ObjectNotFound", "The object was not found.")
    pending.body, pending.etag = body, str(uuid.uuid4())
    return web.Response(headers={"ETag": pending.etag, "opc-content-sha256": hashlib.sha256(body).hexdigest()})


def _download(workspace: WorkspaceEmulator, key: str) -> web.Response:
    for node in workspace.tree.nodes.values():
        if node.key == key and node.body is not None:
            etag = hashlib.sha256(f"stored {node.key} {node.etag}".encode()).hexdigest()[:32]
            return web.Response(body=node.body, headers={"ETag": etag}, content_type="application/octet-stream")
    raise RefusalError(404, "ObjectNotFound", "The object was not found.")


def _permitted_path(workspace: WorkspaceEmulator, call: Call) -> Path:
    if not workspace.habits.par:
        raise absent()
    if header_type(call) == "FOLDER":
        raise invalid("A folder has no bytes.")
    return header_path(workspace, call)


def _make_parents(workspace: WorkspaceEmulator, path: Path) -> None:
    for end in range(1, len(path)):
        folder = workspace.tree.nodes.get(path[:end]) or workspace.tree.put(path[:end], None)
        if folder.body is not None:
            raise conflict("The parent is not a directory.")


def _result(workspace: WorkspaceEmulator, path: Path, node: Node | None, **more: str) -> dict[str, Any]:
    location = f"oci://workspace@emulated{text_of(path)}"
    result: dict[str, Any] = {"locationUri": location, "size": None, "createdBy": USER, **more}
    if node is None:
        return result
    times = {
        "createdTime": wire_date(workspace.habits, node.created),
        "updatedTime": wire_date(workspace.habits, node.modified),
    }
    return {"eTag": object_etag(workspace.habits, node), **result, "size": len(node.body or b""), **times}
