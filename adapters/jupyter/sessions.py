"""Sessions of the server, as far as their paths lie in the mount (spec jupyter A5)."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

import msgspec

from adapters.jupyter.models import decoded
from adapters.jupyter.server import Server, expected
from gateway.contents.compute import Kernel, Session, SessionChange
from gateway.contents.model import ETag
from gateway.contents.problem import Problem, invalid, not_found
from gateway.wire.client import Answer
from gateway.wire.dates import parse_wire_date

_UNKNOWN_KERNEL = (400, 501)


class KernelModel(msgspec.Struct):
    id: str
    name: str
    last_activity: str | None = None
    execution_state: str = "unknown"
    connections: int = 0


class SessionModel(msgspec.Struct):
    id: str
    path: str
    name: str
    type: str
    kernel: KernelModel | None = None


class Sessions:
    """The sessions resource of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def list(self) -> tuple[Session, ...]:
        answer = expected(await self._server.call("GET", "sessions"), 200)
        running = (self._session(model) for model in decoded(answer, list[SessionModel]))
        return tuple(session for session in running if session is not None)

    async def read(self, session_id: str) -> Session:
        return self._found(_existing(await self._server.call("GET", _one(session_id))))

    async def start(self, wanted: SessionChange) -> Session:
        """The server finds the session that is there already; a kernel may take some seconds to start."""
        answer = await self._server.call("POST", "sessions", body=self._body(wanted))
        return self._found(_known(answer))

    async def change(self, session_id: str, change: SessionChange) -> Session:
        return self._found(
            _known(_existing(await self._server.call("PATCH", _one(session_id), body=self._body(change))))
        )

    async def end(self, session_id: str) -> None:
        """410 says that the kernel went before its session: then both are gone."""
        expected(_existing(await self._server.call("DELETE", _one(session_id))), 204, 410)

    def _body(self, change: SessionChange) -> bytes:
        fields: dict[str, Any] = {
            "path": None if change.path is None else self._server.address(change.path),
            "name": change.name,
            "type": change.kind,
            "kernel": None if change.kernel_name is None else {"name": change.kernel_name},
        }
        return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})

    def _found(self, answer: Answer) -> Session:
        session = self._session(decoded(expected(answer, 200, 201), SessionModel))
        if session is None:
            raise _no_session()
        return session

    def _session(self, model: SessionModel) -> Session | None:
        path = self._server.inner(model.path)
        if path is None or path.is_hidden:  # a file of another mount, which runs on this server
            return None
        kernel = None if model.kernel is None else _kernel(model.kernel)
        facts = (model.id, model.path, model.name, model.type, kernel and (kernel.id, kernel.name))
        etag = ETag(hashlib.sha256(repr(facts).encode()).hexdigest()[:32])
        return Session(model.id, path, model.name, model.type, kernel, etag=etag)


def _kernel(model: KernelModel) -> Kernel:
    activity = parse_wire_date(model.last_activity)
    return Kernel(model.id, model.name, model.execution_state, activity, model.connections)


def _one(session_id: str) -> str:
    return f"sessions/{quote(session_id, safe='')}"


def _existing(answer: Answer) -> Answer:
    if answer.status == 404:
        raise _no_session()
    return answer


def _known(answer: Answer) -> Answer:
    """The answer, unless it refuses the kernel."""
    if answer.status in _UNKNOWN_KERNEL:
        raise invalid("The server does not know this kernel.")
    return answer


def _no_session() -> Problem:
    return not_found("No such session.")
