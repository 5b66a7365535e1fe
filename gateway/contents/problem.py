"""The closed set of things that can go wrong, free of any wire format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Code(Enum):
    """What went wrong; the value is the HTTP status a dialect uses unless its own table says otherwise."""

    INVALID = 400
    UNAUTHENTICATED = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    CONFLICT = 409
    PRECONDITION = 412
    TOO_LARGE = 413
    MEDIA_TYPE = 415
    UNPROCESSABLE = 422
    THROTTLED = 429
    INTERNAL = 500
    UNSUPPORTED = 501
    UPSTREAM = 502
    UNAVAILABLE = 503
    TIMEOUT = 504


class Source(StrEnum):
    """Whose doing the problem is."""

    CLIENT = "client"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"


class Reason(StrEnum):
    """A finer word that some dialects put on the wire beside the code."""

    BAD_TYPE = "bad type"
    BAD_FORMAT = "bad format"
    MISSING = "missing parameter"
    UNPARSABLE = "cannot parse"
    NO_ROUTE = "no such route"
    RELATED = "related resource not found"
    EXISTS = "already exists"
    BUSY = "busy"
    RETRY_TOKEN = "retry token"
    KERNEL = "no such kernel"


@dataclass(frozen=True, slots=True)
class Fault:
    """One faulty field of a request: where it stands, which rule it broke, and what to do about it."""

    location: tuple[str | int, ...]
    kind: str
    message: str


class Problem(Exception):  # noqa: N818  a problem is the domain's word; it is a value first and an exception second
    """A refusal or failure on its way to the caller.

    ``detail`` is one sentence that is safe to show to the caller: no host path, no bucket, no other caller's name, no
    text from an upstream that has not been vetted. The technical cause is chained (``raise ... from``) and only logged.
    """

    def __init__(
        self,
        code: Code,
        detail: str,
        *,
        reason: Reason | None = None,
        source: Source | None = None,
        retry_after_seconds: int | None = None,
        faults: tuple[Fault, ...] = (),
        allow: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.reason = reason
        self.source = source or (Source.CLIENT if code.value < 500 else Source.GATEWAY)
        self.retry_after_seconds = retry_after_seconds
        self.faults = faults
        self.allow = allow

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without being changed."""
        return self.code in _RETRYABLE or self.reason is Reason.BUSY


_RETRYABLE = frozenset({Code.THROTTLED, Code.UPSTREAM, Code.UNAVAILABLE, Code.TIMEOUT})


def invalid(detail: str, *, reason: Reason | None = None) -> Problem:
    """The request itself is wrong."""
    return Problem(Code.INVALID, detail, reason=reason)


def not_found(detail: str = "No such file or directory.") -> Problem:
    """Nothing the caller may know of stands at that path."""
    return Problem(Code.NOT_FOUND, detail)


def already_exists(detail: str = "Something with that name exists already.") -> Problem:
    """The name is taken."""
    return Problem(Code.CONFLICT, detail, reason=Reason.EXISTS)


def stale(
    detail: str = "The content has changed since that etag was read; read it again and redo the change.",
) -> Problem:
    """The stated precondition does not hold; nothing was changed."""
    return Problem(Code.PRECONDITION, detail)
