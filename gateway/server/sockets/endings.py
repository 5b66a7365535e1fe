"""How a channel's sockets end: what a peer did, and what each of the two is told of it."""

from __future__ import annotations

from dataclasses import dataclass

GOING_AWAY = 1001
ABNORMAL = 1006
TOO_BIG = 1009
FAILED = 1011
RESTART = 1012

MAX_REASON_BYTES = 123

_NEVER_SENT = frozenset({1004, 1005, ABNORMAL, 1015})


@dataclass(frozen=True, slots=True)
class Close:
    """A close frame; without a ``code`` it is empty."""

    code: int | None
    reason: str = ""

    @property
    def payload(self) -> bytes:
        """As it is sent: a code that must not travel (RFC 6455, 7.4) stays behind, and a reason never goes alone."""
        if self.code is None or self.code in _NEVER_SENT or not 1000 <= self.code < 5000:
            return b""
        return self.code.to_bytes(2, "big") + self.reason.encode()[:MAX_REASON_BYTES]


@dataclass(frozen=True, slots=True)
class Left:
    """The peer closed the socket, with this frame."""

    close: Close


@dataclass(frozen=True, slots=True)
class Gone:
    """The connection broke without a word, or nothing came of it for too long."""


@dataclass(frozen=True, slots=True)
class Broke:
    """The peer broke the protocol, or sent more than is taken; it is to hear ``close``."""

    close: Close


End = Left | Gone | Broke


@dataclass(frozen=True, slots=True)
class Ending:
    """What each peer hears at the end; None is for one that hears nothing any more."""

    to_client: Close | None
    to_upstream: Close | None


GONE = Gone()
STOPPING = Ending(Close(RESTART, "The gateway restarts."), Close(GOING_AWAY))
CRASHED = Ending(Close(FAILED), Close(GOING_AWAY))


def client_ended(end: End) -> Ending:
    """The client's code goes on to the upstream and back to itself. One that vanished has gone away."""
    match end:
        case Left(close):
            return Ending(close, close)
        case Broke(close):
            return Ending(close, Close(GOING_AWAY))
        case Gone():
            return Ending(None, Close(GOING_AWAY))


def upstream_ended(end: End) -> Ending:
    """JupyterLab never comes back after 1000 and 1001 (spec jupyter 0.4), and does after 1012.

    So an upstream that breaks off is told as 1012, and so is one that says 1001: of a server it means that it is
    stopping, and after a restart the kernels' clients are to return. 1000 ends the channel for good, and is passed on.
    """
    match end:
        case Left(Close(code, reason)) if code in (GOING_AWAY, ABNORMAL) or (code is not None and code >= 5000):
            return Ending(Close(RESTART, reason), end.close)
        case Left(close):
            return Ending(close, close)
        case Broke(Close(code)) if code == TOO_BIG:
            return Ending(Close(TOO_BIG, "A message is longer than the gateway carries."), end.close)
        case Broke(close):
            return Ending(Close(FAILED, "The Jupyter server broke the protocol."), close)
        case Gone():
            return Ending(Close(RESTART, "The Jupyter server broke off."), None)
