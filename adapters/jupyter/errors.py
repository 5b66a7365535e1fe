"""What an answer of jupyter_server other than success means (spec jupyter A1 and A3)."""

from __future__ import annotations

import msgspec

from gateway.contents.problem import Code, Problem, Reason, Source, already_exists, invalid, not_found
from gateway.wire.client import Answer, nonsense, refused_credential

_RETRY_SECONDS = 5


class _Fault(msgspec.Struct):
    message: str | None = None
    reason: str | None = None


def problem_from(answer: Answer) -> Problem:
    """The problem an unsuccessful answer stands for. No text of the server is passed on: it may hold host paths."""
    match answer.status:
        case 400:
            return _bad_request(answer)
        case 401 | 403:
            return _forbidden(answer)
        case 404:
            return _missing(answer)
        case 409:
            return already_exists()
        case 413:
            return _too_large()
        case 429:
            return _later(Code.THROTTLED, "The storage behind this mount receives too many requests.")
        case 500:
            return Problem(Code.UPSTREAM, "The storage behind this mount failed.", source=Source.UPSTREAM)
        case 502 | 503 | 504:
            return _later(Code.UNAVAILABLE, "The storage behind this mount is not available.")
    return nonsense()


def _fault_of(answer: Answer) -> _Fault | None:
    try:
        return msgspec.json.decode(answer.body, type=_Fault)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _bad_request(answer: Answer) -> Problem:
    """Above its ``max_body_size`` the server says 400 and nothing more (spec jupyter A3, sizes)."""
    if not answer.body:
        return _too_large()
    fault = _fault_of(answer)
    if fault is None:
        return nonsense()
    if fault.reason == Reason.BAD_TYPE:
        return invalid("What stands there is of another type.", reason=Reason.BAD_TYPE)
    return invalid("The storage behind this mount refuses this request.")


def _forbidden(answer: Answer) -> Problem:
    """One status for two things: our token (``Forbidden``, ``'_xsrf' argument missing``), or the rights on a file."""
    fault = _fault_of(answer)
    if fault is not None and (fault.message or "").startswith("Permission denied"):
        return Problem(Code.FORBIDDEN, "The storage behind this mount does not allow this.", source=Source.UPSTREAM)
    return refused_credential()


def _missing(answer: Answer) -> Problem:
    """The API's own 404 says that it is JSON (even where it is not, jupyter_server issue 1530); a proxy's does not."""
    return not_found() if answer.headers.get("Content-Type", "").startswith("application/json") else nonsense()


def _too_large() -> Problem:
    detail = "The content is larger than the storage behind this mount accepts."
    return Problem(Code.TOO_LARGE, detail, source=Source.UPSTREAM)


def _later(code: Code, detail: str) -> Problem:
    return Problem(code, detail, source=Source.UPSTREAM, retry_after_seconds=_RETRY_SECONDS)
