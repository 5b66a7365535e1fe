"""Which resource of the workspace answers an address (spec oci 2, 4 to 6, 13.2 to 13.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from . import contents, exports, object_actions, objects, par, sessions
from .calls import Call
from .generations import WORKSPACE_KEY
from .models import sparse, wire_date
from .paths import Path, decoded, plain
from .refusals import absent, not_allowed, not_implemented

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator

_ACTIONS: dict[str, Callable[[WorkspaceEmulator, Call], web.Response]] = {
    "copyObject": object_actions.copy,
    "moveObject": object_actions.move,
    "renameObject": object_actions.rename,
    "uploadFileMeta": par.upload_meta,
    "downloadFileMeta": par.download_meta,
}
_NOT_EMULATED = ("uploadAndExtractZip", "zipAndDownloadFolder")


def answer(workspace: WorkspaceEmulator, call: Call, tail: str) -> web.Response:
    """``tail`` is what follows the workspace's address, as it travelled."""
    if tail == "":
        return _itself(workspace, call)
    if tail == "/objects":
        return objects.collection(workspace, call)
    if tail == "/notebook/api/sessions":
        return sessions.collection(workspace, call)
    for start, resource in _BELOW.items():
        if tail.startswith(start):
            return resource(workspace, call, tail.removeprefix(start))
    raise absent()


def _itself(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    if call.method != "GET":
        raise not_allowed()
    call.check_query()
    model = {
        "key": WORKSPACE_KEY,
        "displayName": "emulated",
        "type": "DEFAULT",
        "lifecycleState": "ACTIVE",
        "timeCreated": wire_date(workspace.habits, workspace.begun),
        "timeUpdated": wire_date(workspace.habits, workspace.begun),
    }
    return web.json_response(sparse(workspace.habits, model), headers={"etag": "workspace-1"})


def _contents(workspace: WorkspaceEmulator, call: Call, tail: str) -> web.Response:
    return contents.answer(workspace, call, _notebook_path(workspace, tail))


def _exports(workspace: WorkspaceEmulator, call: Call, tail: str) -> web.Response:
    return exports.answer(workspace, call, _notebook_path(workspace, tail))


def _notebook_path(workspace: WorkspaceEmulator, tail: str) -> Path:
    """One segment with ``%2F`` in it; with plain slashes only where the habit allows it."""
    is_one_segment = "/" not in tail
    if not decoded(tail).strip() or not (is_one_segment or workspace.habits.lenient_paths):
        raise absent()
    return plain(decoded(tail))


def _object_action(workspace: WorkspaceEmulator, call: Call, name: str) -> web.Response:
    if name in _NOT_EMULATED:
        raise not_implemented(name)
    if name not in _ACTIONS:
        raise absent()
    if call.method != "POST":
        raise not_allowed()
    return _ACTIONS[name](workspace, call)


_BELOW: dict[str, Callable[[WorkspaceEmulator, Call, str], web.Response]] = {
    "/objects/": objects.one,
    "/actions/": _object_action,
    "/notebook/api/contents/": _contents,
    "/notebook/api/actions/export/contents/": _exports,
    "/notebook/api/sessions/": sessions.one,
}
