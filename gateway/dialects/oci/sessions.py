"""Notebook sessions: each call parsed into one operation, and its result rendered (spec oci 5.1).

A session runs on the kernels of the mount that the workspace leads into. A Jupyter server has no clusters: there
``cluster_id`` is taken and means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import msgspec
from aiohttp import web

from gateway.contents.compute import Kernel, Lifecycle, Session, SessionChange
from gateway.contents.operations import ChangeSession, EndSession, GetSession, ListSessions, StartSession
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.dialects.dialect import Call, Incoming, json_response
from gateway.dialects.oci.addresses import Address, Workspaces
from gateway.dialects.oci.headers import check_headers, condition_of, workspace_url
from gateway.dialects.oci.models import details
from gateway.dialects.oci.pages import PageRequest, sort_order
from gateway.wire import json
from gateway.wire.dates import iso

SESSIONS = "/notebook/api/sessions/"

_TOLD_APART_BY = ("path", "cluster_id", "agentFlowKey")
_SORT_KEYS = ("timeCreated",)
_KINDS = ("notebook", "file", "agentflow")
_USUAL_KERNEL = "notebook"
"""How Oracle's own tools ask for whatever kernel runs notebooks."""

_LIFECYCLES = {Lifecycle.CREATING: "CREATING", Lifecycle.ACTIVE: "ACTIVE", Lifecycle.FAILED: "FAILED"}


class KernelFields(msgspec.Struct):
    """What a request says of a kernel. An id is not looked at: it may be of a kernel that is not the caller's."""

    name: str | None = None


class SessionDetails(msgspec.Struct):
    """What POST and PATCH ask for; a client's own ``id`` and ``must_refresh_context`` are not looked at."""

    path: str | None = None
    name: str | None = None
    type: str | None = None
    cluster_id: str | None = None
    agent_flow_key: str | None = msgspec.field(default=None, name="agentFlowKey")
    kernel: KernelFields | None = None


class KernelModel(msgspec.Struct):
    """A kernel as it travels."""

    id: str
    name: str
    last_activity: str | None
    connections: int
    execution_state: str


class SessionModel(msgspec.Struct):
    """A session as it travels, in the service's own mixture of spellings."""

    id: str
    name: str
    path: str
    type: str
    cluster_id: str | None
    kernel: KernelModel | None
    lifecycle_state: str = msgspec.field(name="lifecycleState")
    agent_flow_key: str | None = msgspec.field(default=None, name="agentFlowKey")


class SessionCollection(msgspec.Struct):
    items: list[SessionModel]


class SessionEndpoints:
    """Parsers and renderers of ``.../notebook/api/sessions``."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def list_in_pages(self, incoming: Incoming) -> Call[Any]:
        """GET: all sessions of the workspace, in pages; by id, since no store tells when they began."""
        root, query = self._root(incoming), incoming.request.query
        _, is_descending = sort_order(query, _SORT_KEYS)
        page = PageRequest.parse(query, _TOLD_APART_BY, is_descending=is_descending)
        operation, wanted = self._listing(incoming, root)

        def render(sessions: Iterable[Session]) -> web.Response:
            cut = page.cut(wanted(sessions), lambda session: (session.id,))
            headers = {"opc-next-page": cut.next_token} if cut.next_token else {}
            collection = SessionCollection([_model(root, session) for session in cut.items])
            return json_response(json.encode(collection), headers=headers)

        return Call(operation, render)

    async def list_as_array(self, incoming: Incoming) -> Call[Any]:
        """GET, as the older generation answers: a bare array of all."""
        root = self._root(incoming)
        operation, wanted = self._listing(incoming, root)
        return Call(operation, lambda found: json_response(json.encode([_model(root, each) for each in wanted(found)])))

    async def create(self, incoming: Incoming) -> Call[Session]:
        """POST: the session of that path, which may be there already."""
        root, asked = self._root(incoming), await details(incoming, SessionDetails)
        if not asked.path:
            raise invalid("path must not be null", reason=Reason.MISSING)
        address = root.at(asked.path)
        wanted = _change(asked, address)
        by_name = "notebook" if address.inner.name.endswith(".ipynb") else "file"
        wanted = replace(wanted, kind=wanted.kind or by_name, name=wanted.name or address.inner.name)
        return Call(
            StartSession(incoming.caller, root.path, wanted),
            lambda session: _render_change(incoming, address, session, status=201),
        )

    async def get(self, incoming: Incoming) -> Call[Session]:
        root = self._root(incoming)
        operation = GetSession(incoming.caller, root.path, incoming.text("session"))
        return Call(operation, lambda session: _render(root, session))

    async def change(self, incoming: Incoming) -> Call[Session]:
        """PATCH: another name, path or kernel."""
        root, condition = self._root(incoming), condition_of(incoming.request)
        asked = await details(incoming, SessionDetails)
        address = root.at(asked.path) if asked.path else root
        change = _change(asked, address if asked.path else None)
        operation = ChangeSession(incoming.caller, root.path, incoming.text("session"), change, condition)
        return Call(operation, lambda session: _render(address, session))

    async def end(self, incoming: Incoming) -> Call[None]:
        """DELETE: the kernel ends, too."""
        root, condition = self._root(incoming), condition_of(incoming.request)
        operation = EndSession(incoming.caller, root.path, incoming.text("session"), condition)
        return Call(operation, lambda _: web.Response(status=204))

    def _root(self, incoming: Incoming) -> Address:
        check_headers(incoming.request)
        return self._workspaces.root(incoming)

    @staticmethod
    def _listing(incoming: Incoming, root: Address) -> tuple[ListSessions, Callable[..., list[Session]]]:
        """The operation, and what of its result the query asks for."""
        query = incoming.request.query
        cluster, flow = query.get("cluster_id"), query.get("agentFlowKey")
        spelled = incoming.query_text("path")
        path = root.at(spelled).path if spelled else None

        def wanted(sessions: Iterable[Session]) -> list[Session]:
            return [
                session
                for session in sessions
                if path in (None, session.path) and not flow and (not cluster or session.cluster in (None, cluster))
            ]

        return ListSessions(incoming.caller, root.path), wanted


def _change(asked: SessionDetails, address: Address | None) -> SessionChange:
    if asked.agent_flow_key or asked.type == "agentflow":
        raise Problem(Code.UNSUPPORTED, "Agent flows are not run here.")
    if asked.type not in (None, *_KINDS):
        raise invalid("type is 'notebook' or 'file'.", reason=Reason.BAD_TYPE)
    kernel = asked.kernel or KernelFields()
    return SessionChange(
        path=None if address is None else address.below_root(),
        name=asked.name or None,
        kind=asked.type or None,
        kernel_name=None if kernel.name in (None, "", _USUAL_KERNEL) else kernel.name,
        cluster=asked.cluster_id or None,
    )


def _render(address: Address, session: Session) -> web.Response:
    return json_response(json.encode(_model(address, session)), headers=_etag(session))


def _render_change(incoming: Incoming, address: Address, session: Session, *, status: int) -> web.Response:
    headers = {"Location": workspace_url(incoming, SESSIONS, session.id)} | _etag(session)
    return json_response(json.encode(_model(address, session)), status=status, headers=headers)


def _etag(session: Session) -> dict[str, str]:
    return {"etag": session.etag} if session.etag is not None else {}


def _model(address: Address, session: Session) -> SessionModel:
    return SessionModel(
        id=session.id,
        name=session.name,
        path=address.spell(session.path),
        type=session.kind if session.kind in _KINDS else "file",
        cluster_id=session.cluster,
        kernel=None if session.kernel is None else _kernel_model(session.kernel),
        lifecycle_state=_LIFECYCLES[session.lifecycle],
    )


def _kernel_model(kernel: Kernel) -> KernelModel:
    activity = None if kernel.last_activity is None else iso(kernel.last_activity)
    return KernelModel(kernel.id, kernel.name, activity, kernel.connections, kernel.execution_state)
