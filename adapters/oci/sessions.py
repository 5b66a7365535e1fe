"""Sessions of the workspace's clusters, as far as their paths lie in the mount (spec oci 5.1)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from adapters.oci.addresses import segment
from adapters.oci.errors import is_unsure
from adapters.oci.models import date_of, decoded
from adapters.oci.workspace import Workspace
from gateway.contents.compute import Kernel, Lifecycle, Session, SessionChange
from gateway.contents.model import ETag
from gateway.contents.problem import Code, Problem, invalid, not_found
from gateway.wire.client import Answer
from gateway.wire.conditions import received_etag

_COLLECTION = "/notebook/api/sessions"
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.5)
_USUAL_KERNEL = "notebook"
_LIFECYCLES = {"CREATING": Lifecycle.CREATING, "ACTIVE": Lifecycle.ACTIVE, "FAILED": Lifecycle.FAILED}


class KernelModel(msgspec.Struct):
    id: str = ""
    name: str = ""
    last_activity: str | float | None = None
    connections: int | None = None
    execution_state: str | None = None


class SessionModel(msgspec.Struct):
    """A session as the service tells it; ``kernel`` is missing while it is made (quirk 7)."""

    id: str
    name: str | None = None
    path: str | None = None
    type: str | None = None
    cluster_id: str | None = None
    kernel: KernelModel | None = None
    lifecycle_state: str | None = msgspec.field(default=None, name="lifecycleState")


class SessionPage(msgspec.Struct):
    """The list of the current generation, in either spelling that was seen (quirk 6)."""

    items: list[SessionModel] = []
    capital_items: list[SessionModel] = msgspec.field(default_factory=list, name="Items")


_ANY_LIST: Any = list[SessionModel] | SessionPage
"""The older generation lists a bare array."""


class Sessions:
    """The sessions resource of one workspace. ``cluster`` is where a session runs that names none."""

    def __init__(self, workspace: Workspace, cluster: str | None) -> None:
        self._workspace = workspace
        self._cluster = cluster

    async def list(self) -> tuple[Session, ...]:
        answers = await self._workspace.pages(_COLLECTION)
        models = [model for answer in answers for model in _listed(answer)]
        found = (self._session(model, None) for model in models)
        return tuple(session for session in found if session is not None)

    async def read(self, session_id: str) -> Session:
        return self._found(await self._workspace.send("GET", _one(session_id)))

    async def start(self, wanted: SessionChange) -> Session:
        """The service finds the session that is there already; its 404 speaks of the cluster, not of the path.

        A cluster that has just been started is refused like one that stands still.
        """
        cluster = wanted.cluster or self._cluster
        body = self._body(wanted, cluster=cluster, kernel_name=wanted.kernel_name or _USUAL_KERNEL)
        try:
            return self._found(await self._workspace.create(_COLLECTION, {}, body))
        except Problem as problem:
            if problem.code not in (Code.NOT_FOUND, Code.INVALID):
                raise
            raise invalid("The workspace has no such cluster or kernel, or it runs no notebooks now.") from problem

    async def change(self, session_id: str, change: SessionChange) -> Session:
        """One call."""
        body = self._body(change, cluster=change.cluster, kernel_name=change.kernel_name)
        return self._found(await self._workspace.send("PATCH", _one(session_id), body=body))

    async def end(self, session_id: str) -> None:
        """The service takes its time: it is waited for a little. When the answer is lost a look decides."""
        try:
            await self._workspace.send("DELETE", _one(session_id))
        except Problem as problem:
            if not is_unsure(problem) or await self._stands(session_id):
                raise
        for pause in _PAUSES:
            if not await self._stands(session_id):
                return
            await asyncio.sleep(pause)

    async def _stands(self, session_id: str) -> bool:
        """Whether it is still there, as far as the service says."""
        try:
            await self._workspace.send("GET", _one(session_id))
        except Problem as problem:
            return problem.code is not Code.NOT_FOUND
        return True

    def _body(self, change: SessionChange, *, cluster: str | None, kernel_name: str | None) -> bytes:
        fields: dict[str, Any] = {
            "path": None if change.path is None else self._workspace.address(change.path),
            "name": change.name,
            "type": change.kind,
            "cluster_id": cluster,
            "kernel": None if kernel_name is None else {"name": kernel_name},
        }
        return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})

    def _found(self, answer: Answer) -> Session:
        session = self._session(decoded(answer, SessionModel), received_etag(answer.headers.get("etag")))
        if session is None:
            raise not_found("No such session.")
        return session

    def _session(self, model: SessionModel, etag: ETag | None) -> Session | None:
        path = self._workspace.inner(model.path or "")
        if path is None or path.is_root:
            return None
        return Session(
            model.id,
            path,
            model.name or path.name,
            model.type or "notebook",
            None if model.kernel is None else _kernel(model.kernel),
            model.cluster_id,
            _LIFECYCLES.get(model.lifecycle_state or "", Lifecycle.ACTIVE),
            etag,
        )


def _one(session_id: str) -> str:
    return f"{_COLLECTION}/{segment(session_id)}"


def _listed(answer: Answer) -> list[SessionModel]:
    page = decoded(answer, _ANY_LIST)
    return page if isinstance(page, list) else [*page.items, *page.capital_items]


def _kernel(model: KernelModel) -> Kernel:
    activity = date_of(model.last_activity)
    return Kernel(model.id, model.name, model.execution_state or "unknown", activity, model.connections or 0)
