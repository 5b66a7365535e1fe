"""Asynchronous operations of the emulated platform: begun with 202, done after some polls (spec oci 6)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .calls import FLAG, Call
from .habits import Habits
from .models import wire_date
from .pages import ORDERS, is_descending
from .paths import Path, is_below, text_of
from .refusals import RefusalError, absent, busy, conflict, not_allowed

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator

_RUNNING = "IN_PROGRESS"


@dataclass
class Operation:
    """One change of objects that is not done before it has been asked for often enough."""

    key: str
    action: str
    caller: str
    paths: tuple[Path, ...]
    act: Callable[[], None]
    polls: int
    started: datetime
    finished: datetime | None = None
    status: str = _RUNNING
    error: RefusalError | None = None


class Operations:
    """Every operation that has been begun; what one works on is busy until it is done."""

    def __init__(self) -> None:
        self._known: dict[str, Operation] = {}

    def begin(
        self, workspace: WorkspaceEmulator, call: Call, action: str, paths: tuple[Path, ...], act: Callable[[], None]
    ) -> web.Response:
        habits, key = workspace.habits, str(uuid.uuid4())
        self._known[key] = Operation(key, action, call.caller, paths, act, habits.async_polls, habits.clock())
        headers = {workspace.generation.operation_header: key, **workspace.work_request()}
        return web.Response(status=202, headers=headers)

    def check_idle(self, path: Path) -> None:
        """409 IncorrectState while an operation works on the path, above it or below it."""
        for operation in self._known.values():
            if operation.status == _RUNNING and any(is_below(path, p) or is_below(p, path) for p in operation.paths):
                raise busy()

    def answer(self, workspace: WorkspaceEmulator, call: Call, tail: str) -> web.Response:
        """``tail`` is what follows ``/asyncOperations``; one's own operations only."""
        if tail == "":
            return self._list(workspace, call)
        key, _, action = tail[1:].partition("/")
        operation = self._known.get(key)
        if operation is None or operation.caller != call.caller or action not in ("", "actions/cancel"):
            raise absent()
        call.check_query()
        if call.method != ("POST" if action else "GET"):
            raise not_allowed()
        if action:
            self._cancel(operation, workspace.habits)
        else:
            _poll(operation, workspace.habits)
        return web.json_response(_model(workspace.habits, operation))

    def _list(self, workspace: WorkspaceEmulator, call: Call) -> web.Response:
        if call.method != "GET":
            raise not_allowed()
        call.check_query(
            resourceType=None,
            resourceName=None,
            matchResourceName=None,
            status=None,
            shouldFilterByCallingPrincipal=FLAG,
            limit=None,
            page=None,
            sortOrder=ORDERS,
            sortBy=("timeStarted",),
        )
        mine = [each for each in self._known.values() if each.caller == call.caller]
        asked = [each for each in mine if call.query.get("status", each.status) == each.status]
        descending = is_descending(call, "timeCreated")
        items, headers = workspace.pages.cut(
            call, workspace.habits, asked, lambda each: (each.started, each.key), descending=descending
        )
        return web.json_response({"items": [_model(workspace.habits, each) for each in items]}, headers=headers)

    def _cancel(self, operation: Operation, habits: Habits) -> None:
        if operation.status != _RUNNING:
            raise conflict("The operation is done.")
        operation.status, operation.finished = "CANCELED", habits.clock()


def _poll(operation: Operation, habits: Habits) -> None:
    if operation.status != _RUNNING:
        return
    if operation.polls > 0:
        operation.polls -= 1
        return
    operation.status, operation.finished = habits.async_outcome, habits.clock()
    if operation.status != "SUCCEEDED":
        return
    try:
        operation.act()
    except RefusalError as refusal:
        operation.status, operation.error = "FAILED", refusal


def _model(habits: Habits, operation: Operation) -> dict[str, Any]:
    error = operation.error
    if error is None and operation.status == "FAILED":
        error = RefusalError(500, "InternalError", "The operation has failed.")
    return {
        "key": operation.key,
        "resourceType": "WORKSPACE_OBJECT",
        "actionType": "UNKNOWN",
        "resourceName": text_of(operation.paths[0]),
        "resourceDisplayName": operation.paths[0][-1],
        "createdBy": operation.caller,
        "timeStarted": wire_date(habits, operation.started),
        "timeFinished": None if operation.finished is None else wire_date(habits, operation.finished),
        "status": operation.status,
        "statusDetails": operation.action,
        "errorCode": None if error is None else error.code,
        "errorMessage": None if error is None else error.message,
    }
