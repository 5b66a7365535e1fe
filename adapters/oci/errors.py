"""What an answer of the OCI service other than success means (spec oci 7 and 8)."""

from __future__ import annotations

import msgspec

from gateway.contents.problem import Code, Problem, Reason, Source, already_exists, not_found, stale
from gateway.wire.client import Answer, nonsense, refused_credential

_BUSY = frozenset({"IncorrectState", "LockConflict", "ExternalServerIncorrectState", "ResourceLocked"})
_DEFAULT_RETRY_SECONDS = 10

_STATUSES = {
    413: (Code.TOO_LARGE, "The content is larger than the storage behind this mount accepts."),
    422: (Code.UNPROCESSABLE, "The storage behind this mount does not accept this content."),
    501: (Code.UNSUPPORTED, "The storage behind this mount does not support this."),
    504: (Code.TIMEOUT, "The storage behind this mount did not answer in time."),
}


class _Fault(msgspec.Struct):
    code: str | None = None
    message: str | None = None
    reason: str | None = None


def problem_from(answer: Answer) -> Problem:
    """The problem an unsuccessful answer stands for. No text of the service is passed on."""
    if answer.status in (401, 403):
        return refused_credential()
    if answer.status == 429:
        return _throttled(answer)
    fault = _fault_of(answer)
    if fault is None:
        return _unavailable(answer) if answer.status >= 500 else nonsense()
    match answer.status:
        case 400:
            return _bad_request(fault)
        case 409:
            return _conflict(fault)
        case 412:
            return stale()
        case 404:
            return not_found()
        case 500 if _means_absent(fault):
            return not_found()
    return _by_status(answer)


def directory_in_the_way() -> Problem:
    return Problem(Code.CONFLICT, "A directory stands there.")


def is_in_the_way(problem: Problem) -> bool:
    """Whether it says that something stands there, and not that something is going on there."""
    return problem.code is Code.CONFLICT and problem.reason is not Reason.BUSY


def taken(problem: Problem) -> Problem:
    """A plain conflict of a call that makes or renames says that the name is taken (quirk 10)."""
    return already_exists() if is_in_the_way(problem) else problem


def _fault_of(answer: Answer) -> _Fault | None:
    """The error body; None when it is none, as when a proxy on the way answers in HTML (quirk 16)."""
    if not answer.body:
        return _Fault()
    try:
        return msgspec.json.decode(answer.body, type=_Fault)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _means_absent(fault: _Fault) -> bool:
    """A missing notebook may come back as an internal error (quirk 1)."""
    return fault.code == "InternalError" and "getting notebook content" in (fault.message or "").lower()


def _bad_request(fault: _Fault) -> Problem:
    reason = {"bad type": Reason.BAD_TYPE, "bad format": Reason.BAD_FORMAT}.get(fault.reason or "")
    detail = (
        "What stands there is of another type." if reason is Reason.BAD_TYPE else "The storage refuses this request."
    )
    return Problem(Code.INVALID, detail, reason=reason)


def _conflict(fault: _Fault) -> Problem:
    if fault.code in _BUSY:
        return Problem(Code.CONFLICT, "Another operation is in progress there; try again.", reason=Reason.BUSY)
    return Problem(Code.CONFLICT, "What stands there is in the way.")


def _throttled(answer: Answer) -> Problem:
    detail = "The storage behind this mount receives too many requests."
    seconds = _retry_after(answer) or _DEFAULT_RETRY_SECONDS
    return Problem(Code.THROTTLED, detail, source=Source.UPSTREAM, retry_after_seconds=seconds)


def _unavailable(answer: Answer) -> Problem:
    detail = "The storage behind this mount is not available."
    seconds = _retry_after(answer) or _DEFAULT_RETRY_SECONDS
    return Problem(Code.UNAVAILABLE, detail, source=Source.UPSTREAM, retry_after_seconds=seconds)


def _retry_after(answer: Answer) -> int | None:
    text = answer.headers.get("Retry-After", "")
    return int(text) if text.isascii() and text.isdecimal() else None


def _by_status(answer: Answer) -> Problem:
    if answer.status in (502, 503):
        return _unavailable(answer)
    if answer.status not in _STATUSES:
        return nonsense()
    code, detail = _STATUSES[answer.status]
    return Problem(code, detail, source=Source.UPSTREAM)
