"""Copying, moving and renaming objects in the emulated workspace (spec oci 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from .calls import Call, check_fields
from .models import object_details, object_etag
from .notebooks import without_outputs
from .objects import check_etag
from .paths import Path, is_below, object_path
from .refusals import absent, conflict, invalid, missing
from .tree import kind_of

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator

_COPY = {
    "fromPath": str,
    "toPath": str,
    "isOverWrite": bool,
    "isDeleteSource": bool,
    "isIncludeOutputs": bool,
    "bufferSize": int,
    "metadataKeys": str,
}


def copy(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    """To a new path, or into a folder that is there or is written with a slash at its end."""
    details = call.json()
    source, text = _source(workspace, call, _COPY, "fromPath", "toPath")
    folder = _folder(workspace, text)
    target = object_path(text) if folder is None else (*folder, source[-1])
    deletes, keeps_outputs = details.get("isDeleteSource") is True, details.get("isIncludeOutputs") is not False
    workspace.check_changeable(call, source, whole=True)
    workspace.check_changeable(call, target, whole=False)
    if workspace.tree.get(source).body is None and not workspace.habits.copies_folders:
        raise invalid("A folder cannot be copied.")
    if is_below(target, source):
        raise conflict("A folder cannot be copied into itself.")
    _check_target(workspace, target, overwrite=details.get("isOverWrite") is True)

    def act() -> None:
        workspace.tree.copy(source, target)
        if not keeps_outputs:
            _clear_outputs(workspace, target)
        if deletes:
            workspace.tree.remove(source, recursive=True)

    return _acted(workspace, call, "COPY", (source, target), act)


def move(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    """Into a folder, under the same name."""
    source, text = _source(workspace, call, {"fromPath": str, "toPath": str}, "fromPath", "toPath")
    folder = _folder(workspace, text)
    if folder is None:
        raise absent() if object_path(text) not in workspace.tree.nodes else conflict("toPath is not a folder.")
    return _moved(workspace, call, "MOVE", source, (*folder, source[-1]))


def rename(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    """Within its folder."""
    source, name = _source(workspace, call, {"path": str, "newName": str}, "path", "newName")
    if "/" in name or name in (".", "..") or "\0" in name:
        raise invalid("newName is a name.")
    return _moved(workspace, call, "RENAME", source, (*source[:-1], name))


def _source(
    workspace: WorkspaceEmulator, call: Call, fields: dict[str, type], source: str, target: str
) -> tuple[Path, str]:
    """The path acted upon and the text of its goal, once both are given and the etag fits."""
    details = call.json()
    call.check_query()
    check_fields(details, fields, strict=workspace.habits.refuses_unknown_fields)
    for name in (source, target):
        if not details.get(name):
            raise missing(name)
    path = object_path(details[source])
    workspace.check_changeable(call, path)
    workspace.tree.get(path)
    check_etag(workspace, call, path)
    return path, details[target]


def _folder(workspace: WorkspaceEmulator, text: str) -> Path | None:
    path = object_path(text.removesuffix("/"))
    node = workspace.tree.nodes.get(path)
    if node is None and text.endswith("/"):
        raise absent()
    return path if node is not None and node.body is None else None


def _check_target(workspace: WorkspaceEmulator, target: Path, *, overwrite: bool) -> None:
    workspace.tree.check_parent(target)
    standing = workspace.tree.nodes.get(target)
    if standing is not None and (standing.body is None or not overwrite):
        raise conflict("The target path exists already.")


def _clear_outputs(workspace: WorkspaceEmulator, target: Path) -> None:
    for path in workspace.tree.below(target):
        node = workspace.tree.nodes[path]
        if node.body is not None and kind_of(path, node) == "notebook":
            node.body = without_outputs(node.body)


def _moved(workspace: WorkspaceEmulator, call: Call, name: str, source: Path, target: Path) -> web.Response:
    workspace.check_changeable(call, target, whole=False)
    _check_target(workspace, target, overwrite=False)
    if is_below(target, source):
        raise conflict("A folder cannot be moved into itself.")

    def act() -> None:
        workspace.tree.move(source, target, new_etags=workspace.habits.etags_after_patch_change)

    return _acted(workspace, call, name, (source, target), act)


def _acted(
    workspace: WorkspaceEmulator, call: Call, name: str, paths: tuple[Path, Path], act: Callable[[], None]
) -> web.Response:
    if workspace.habits.async_objects:
        return workspace.operations.begin(workspace, call, name, paths, act)
    act()
    node = workspace.tree.get(paths[1])
    headers = {"etag": object_etag(workspace.habits, node), **workspace.work_request()}
    return web.json_response(object_details(workspace.habits, paths[1], node), headers=headers)
