"""The nouns of running notebooks: a session is one file on one kernel, as the store behind a mount knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.contents.model import ETag
from gateway.contents.paths import ContentPath

_MARK = ".sessions"


class Lifecycle(StrEnum):
    """How far a session has come; its kernel may be missing until it is ACTIVE."""

    CREATING = "creating"
    ACTIVE = "active"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A running kernel. ``name`` is the kernelspec's, ``execution_state`` Jupyter's word; ``last_activity`` is UTC."""

    id: str
    name: str
    execution_state: str = "unknown"
    last_activity: datetime | None = None
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """``kind`` is what runs: notebook, file, console, agentflow. ``cluster`` names where, on stores with clusters.

    ``etag`` changes with what a client can change, and not with the kernel's activity; None only in listings.
    """

    id: str
    path: ContentPath
    name: str
    kind: str
    kernel: Kernel | None = None
    cluster: str | None = None
    lifecycle: Lifecycle = Lifecycle.ACTIVE
    etag: ETag | None = None

    @property
    def mark(self) -> ContentPath:
        """What stands for the session among paths; no file is called so, as its first name is hidden."""
        return session_mark(self.id)


def session_mark(session_id: str) -> ContentPath:
    """The mark of the session with that id."""
    return ContentPath((_MARK, session_id))


def is_session_mark(path: ContentPath) -> bool:
    return path.segments[:1] == (_MARK,)


@dataclass(frozen=True, slots=True)
class SessionChange:
    """What a new session is to be, or what is to change of one; None leaves it to the store, or as it is."""

    path: ContentPath | None = None
    name: str | None = None
    kind: str | None = None
    kernel_name: str | None = None
    cluster: str | None = None
