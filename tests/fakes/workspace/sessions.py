"""Notebook sessions of the emulated workspace: created slowly, one for each path, on a cluster (spec oci 5)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .calls import Call, check_fields
from .habits import Habits
from .models import sparse
from .pages import ORDERS, is_descending
from .paths import Path, plain, text_of
from .refusals import RefusalError, absent, conflict, invalid, missing, not_allowed, stale
from .tree import new_etag

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator

_KINDS = ("notebook", "file", "agentflow")
_CREATION: dict[str, type | tuple[type, ...]] = {
    "id": str, "path": str, "name": str, "type": str, "cluster_id": str, "agentFlowKey": str, "kernel": dict
}  # fmt: skip
_CHANGE: dict[str, type | tuple[type, ...]] = {
    "id": str, "path": str, "name": str, "type": str, "cluster_id": str, "kernel": dict, "must_refresh_context": bool
}  # fmt: skip


@dataclass
class Session:
    """One session and its kernel, which is there once it has been asked for often enough."""

    name: str
    path: Path | None
    kind: str
    cluster_id: str | None
    agent_flow_key: str | None
    kernel_name: str
    polls: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    kernel_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    etag: str = field(default_factory=new_etag)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_polls: int | None = None
    """For how many GETs it is still there, once it is deleted."""


def collection(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    operation = {"GET": _list, "POST": _create}.get(call.method)
    if operation is None:
        raise not_allowed()
    return operation(workspace, call)


def one(workspace: WorkspaceEmulator, call: Call, session_id: str) -> web.Response:
    operation = {"GET": _get, "PATCH": _patch, "DELETE": _delete}.get(call.method)
    if operation is None:
        raise not_allowed()
    call.check_query()
    session = workspace.sessions.get(session_id)
    if session is None or not _is_visible(workspace, call, session):
        raise absent()
    return operation(workspace, call, session)


def _list(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    call.check_query(
        cluster_id=None, path=None, agentFlowKey=None, limit=None, page=None, sortOrder=ORDERS, sortBy=("timeCreated",)
    )
    habits, wanted = workspace.habits, call.query
    if habits.clusters.get(wanted.get("cluster_id", "")) == "STOPPED":
        raise RefusalError(500, "InternalError", "The cluster cannot be reached.")
    path = plain(wanted["path"]) if "path" in wanted else None
    found = [
        session
        for session in workspace.sessions.values()
        if _is_visible(workspace, call, session)
        and wanted.get("cluster_id", session.cluster_id) == session.cluster_id
        and wanted.get("agentFlowKey", session.agent_flow_key) == session.agent_flow_key
        and path in (None, session.path)
    ]
    if habits.sessions_as_array:
        return web.json_response([_polled(workspace, each) for each in found], headers={"etag": new_etag()})
    descending = is_descending(call, "timeCreated")
    items, headers = workspace.pages.cut(
        call, habits, found, lambda each: (each.created, each.id), descending=descending
    )
    return web.json_response({"items": [_polled(workspace, each) for each in items]}, headers=headers)


def _create(workspace: WorkspaceEmulator, call: Call) -> web.Response:
    call.check_query()
    details, habits = call.json(), workspace.habits
    check_fields(details, _CREATION, strict=habits.refuses_unknown_fields)
    kind = _kind_of(details.get("type") or "notebook")
    path = plain(details["path"]) if details.get("path") else None
    if path is None and not (kind == "agentflow" and details.get("agentFlowKey")):
        raise missing("path")
    if path is not None:
        workspace.sight(call).check_changeable(path, whole=False)
        for session in workspace.sessions.values():
            if session.path == path and session.last_polls is None:
                return _answered(workspace, call, session, 200)
    _check_cluster(habits, details.get("cluster_id"))
    name = details.get("name") or (path[-1] if path else str(details["agentFlowKey"]))
    flow, kernel = details.get("agentFlowKey"), _kernel_name(details) or "notebook"
    session = Session(name, path, kind, details.get("cluster_id"), flow, kernel, habits.session_polls)
    workspace.sessions[session.id] = session
    return _answered(workspace, call, session, 201)


def _get(workspace: WorkspaceEmulator, call: Call, session: Session) -> web.Response:
    model = _polled(workspace, session)
    return web.json_response(model, headers={"etag": session.etag})


def _patch(workspace: WorkspaceEmulator, call: Call, session: Session) -> web.Response:
    details, habits = call.json(), workspace.habits
    check_fields(details, _CHANGE, strict=habits.refuses_unknown_fields)
    _check_etag(workspace, call, session)
    if details.get("id") not in (None, session.id):
        raise invalid("id is another one than the address.")
    kind = _kind_of(details.get("type") or session.kind)
    path = plain(details["path"]) if details.get("path") else session.path
    if any(each.path == path and each is not session for each in workspace.sessions.values()):
        raise conflict("Another session has this path.")
    cluster_id = details.get("cluster_id") or session.cluster_id
    _check_cluster(habits, cluster_id)
    kernel_name = _kernel_name(details) or session.kernel_name
    if details.get("must_refresh_context") or (cluster_id, kernel_name) != (session.cluster_id, session.kernel_name):
        session.polls, session.kernel_id = habits.session_polls, str(uuid.uuid4())
    session.name, session.path, session.kind = details.get("name") or session.name, path, kind
    session.cluster_id, session.kernel_name, session.etag = cluster_id, kernel_name, new_etag()
    return web.json_response(_model(habits, session), headers={"etag": session.etag})


def _delete(workspace: WorkspaceEmulator, call: Call, session: Session) -> web.Response:
    _check_etag(workspace, call, session)
    if workspace.habits.session_delete_polls > 0:
        session.last_polls = workspace.habits.session_delete_polls
    else:
        del workspace.sessions[session.id]
    return web.Response(status=204)


def _is_visible(workspace: WorkspaceEmulator, call: Call, session: Session) -> bool:
    return session.path is None or not workspace.sight(call).is_hidden(session.path)


def _kind_of(kind: str) -> str:
    if kind not in _KINDS:
        raise invalid("type is notebook, file or agentflow.")
    return kind


def _kernel_name(details: dict[str, Any]) -> str | None:
    name = (details.get("kernel") or {}).get("name")
    if name is not None and not isinstance(name, str):
        raise invalid("kernel.name is of another type.")
    return name


def _check_cluster(habits: Habits, cluster_id: str | None) -> None:
    if cluster_id is None:
        if habits.cluster_required:
            raise missing("cluster_id")
        return
    if cluster_id not in habits.clusters:
        raise absent()
    if habits.clusters[cluster_id] == "STOPPED":
        code = "InvalidParameter" if habits.stopped_cluster_status == 400 else "NotAuthorizedOrNotFound"
        raise RefusalError(habits.stopped_cluster_status, code, "The cluster has no execution_context.")


def _check_etag(workspace: WorkspaceEmulator, call: Call, session: Session) -> None:
    wanted = call.headers.get("if-match")
    if wanted is not None and not workspace.names_etag(wanted, session.etag):
        raise stale()


def _answered(workspace: WorkspaceEmulator, call: Call, session: Session, status: int) -> web.Response:
    location = f"{call.base}/notebook/api/sessions/{session.id}"
    headers = {"Location": location, "etag": session.etag, **workspace.work_request()}
    return web.json_response(_model(workspace.habits, session), status=status, headers=headers)


def _polled(workspace: WorkspaceEmulator, session: Session) -> dict[str, Any]:
    """The model that one GET sees; it has then been asked for once more."""
    model = _model(workspace.habits, session)
    session.polls = max(0, session.polls - 1)
    if session.last_polls is not None:
        session.last_polls -= 1
        if session.last_polls == 0:
            del workspace.sessions[session.id]
    return model


def _model(habits: Habits, session: Session) -> dict[str, Any]:
    state = "CREATING" if session.polls > 0 else habits.session_outcome
    kernel = {
        "id": session.kernel_id,
        "name": session.kernel_name,
        "last_activity": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "connections": 0,
        "execution_state": "idle",
    }
    model = {
        "id": session.id,
        "name": session.name,
        "path": None if session.path is None else text_of(session.path)[0 if habits.leading_slash else 1 :],
        "type": session.kind,
        "cluster_id": session.cluster_id,
        "agentFlowKey": session.agent_flow_key,
        "kernel": kernel if state == "ACTIVE" else None,
        "lifecycleState": state,
    }
    return sparse(habits, model)
