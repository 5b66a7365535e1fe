"""What an answer of the OCI service other than success means (spec oci 7 and 8)."""

from __future__ import annotations

import msgspec

from gateway.contents.problem import Code, Problem, Reason, Source, already_exists, not_found, stale
from gateway.wire.client import Answer, nonsense, refused_credential

_PASSING = frozenset({"IncorrectState", "LockConflict"})
_BUSY = _PASSING | {"ExternalServerIncorrectState", "ResourceLocked"}
_READS = frozenset({"GET", "HEAD"})
_UNSURE = frozenset({Code.UNAVAILABLE, Code.TIMEOUT, Code.UPSTREAM})
_DEFAULT_RETRY_SECONDS = 10
PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 1
_LAG_RETRY_SECONDS = 3

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


def pause_before_again(method: str, answer: Answer) -> float | None:
    """After how many seconds the request may be sent a second time; None when it may not be (spec oci 3.8).

    A change only when the service says that it did not do it and will soon, a read also when it is down for a moment.
    """
    if answer.status < 400:
        return None
    fault = _fault_of(answer)
    if answer.status == 409 and fault is not None and fault.code in _PASSING:
        return PAUSE_SECONDS
    is_down = answer.status >= 500 and answer.status != 501 and not (fault is not None and _means_absent(fault))
    if answer.status != 429 and not (is_down and method in _READS):
        return None
    asked = _retry_after(answer)
    if asked is None:
        return PAUSE_SECONDS
    return asked if asked <= _LONGEST_PAUSE_SECONDS else None


def is_unsure(problem: Problem) -> bool:
    """Whether a change that ended so may have been made all the same: its answer was lost, or none of the service's."""
    return problem.code in _UNSURE


def not_yet_visible() -> Problem:
    """Something was changed here a moment ago, and the service still tells of what was before (quirk 2)."""
    detail = "The storage behind this mount does not show the last change yet; try again."
    return Problem(Code.UNAVAILABLE, detail, source=Source.UPSTREAM, retry_after_seconds=_LAG_RETRY_SECONDS)


def busy(detail: str = "Another operation is in progress there; try again.") -> Problem:
    return Problem(Code.CONFLICT, detail, reason=Reason.BUSY)


def problem_of(code: str | None) -> Problem | None:
    """The problem that an error code alone stands for, as a failed operation tells it; None for those unknown."""
    if code in _BUSY:
        return busy()
    return {
        "Conflict": Problem(Code.CONFLICT, "What stands there is in the way."),
        "NotAuthorizedOrNotFound": not_found(),
        "NoEtagMatch": stale(),
    }.get(code or "")


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
        return busy()
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
