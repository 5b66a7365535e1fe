"""Retry tokens: the first answer again, without acting again (spec oci 3.3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from .calls import Call
from .paths import Path, decoded, plain
from .refusals import RefusalError, invalid

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator

LIFE = timedelta(hours=24)

_OPERATIONS = {
    "/notebook/api/contents/": "contents",
    "/notebook/api/sessions": "sessions",
    "/objects": "objects",
    "/actions/uploadFileMeta": "upload",
    "/actions/downloadFileMeta": "download",
}
_TOKEN = re.compile(r"[\x20-\x7e]{1,64}")
_OF_THE_REQUEST = ("path", "type", "is-overwrite", "is-upload-file-base64-encoded")
_REPLAYED = (
    "Location", "Content-Location", "etag", "Content-Type", "object-key", "path", "type", "time-updated"
)  # fmt: skip


@dataclass(frozen=True)
class Record:
    """What one token stands for: the request, its answer, and what it made."""

    request: str
    response: web.Response
    made: tuple[Path, str] | None
    """The path and the key of the node that came to be there."""
    session_id: str | None
    expires: datetime


class Retries:
    """Every token that has been seen; a token belongs to a caller and an operation."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str, str], Record] = {}

    def once(
        self, workspace: WorkspaceEmulator, call: Call, tail: str, act: Callable[[], web.Response]
    ) -> web.Response:
        operation, token = operation_of(call.method, tail), call.headers.get("opc-retry-token")
        if operation is None or token is None:
            return act()
        if not _TOKEN.fullmatch(token):
            raise invalid("opc-retry-token has 1 to 64 characters.")
        now, key = workspace.habits.clock(), (call.caller, operation, token)
        record = self._records.get(key)
        if record is not None and now < record.expires:
            self._check(workspace, record, _request_of(call))
            return _again(record.response)
        response = act()
        session_id = response.headers.get("Location", "").rpartition("/")[2] if operation == "sessions" else None
        made = _made_by(workspace, response) if operation in ("contents", "objects") else None
        self._records[key] = Record(_request_of(call), _again(response), made, session_id, now + LIFE)
        return response

    def _check(self, workspace: WorkspaceEmulator, record: Record, request: str) -> None:
        is_other = record.request != request and workspace.habits.reused_token == "refused"
        if is_other or not _still_there(workspace, record):
            raise RefusalError(409, "InvalidatedRetryToken", "The retry token is no longer valid.")


def operation_of(method: str, tail: str) -> str | None:
    """Which of the operations that take a retry token a request is; ``tail`` follows the workspace's address."""
    if method != "POST":
        return None
    for start, operation in _OPERATIONS.items():
        if tail == start or (start.endswith("/") and tail.startswith(start)):
            return operation
    return None


def _request_of(call: Call) -> str:
    """What two requests have in common when they are the same: target, body, and the headers that are parameters."""
    headers = [call.headers.get(name, "") for name in _OF_THE_REQUEST]
    return " ".join([call.target, *headers, hashlib.sha256(call.body).hexdigest()])


def _made_by(workspace: WorkspaceEmulator, response: web.Response) -> tuple[Path, str] | None:
    location = response.headers.get("Location")
    if location is None:
        return None
    path = plain(decoded(location.rpartition("/")[2]))
    return path, workspace.tree.get(path).key


def _still_there(workspace: WorkspaceEmulator, record: Record) -> bool:
    if record.session_id is not None:
        return record.session_id in workspace.sessions
    if record.made is None:
        return True
    path, key = record.made
    if workspace.habits.rename_invalidates_retry:
        return path in workspace.tree.nodes and workspace.tree.nodes[path].key == key
    return any(node.key == key for node in workspace.tree.nodes.values())


def _again(response: web.Response) -> web.Response:
    kept = {name: response.headers[name] for name in _REPLAYED if name in response.headers}
    return web.Response(status=response.status, body=response.body, headers=kept)
