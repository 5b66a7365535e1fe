"""What a Jupyter server's unsuccessful answers become: they pass in the words of its API, and are told anew where they
are about the gateway's credential, or could show the inside of the server."""

from __future__ import annotations

import re
from http import HTTPStatus

from gateway.contents.problem import Code, Problem, Source
from gateway.wire import json
from gateway.wire.client import refused_credential

MAX_FAULT_BYTES = 1 << 20
"""More than anybody says of a fault."""

_NOT_LET_IN = re.compile(rb'"message":\s*"Forbidden"')
_XSRF = b"xsrf"
_LATER = frozenset({502, 503, 504})
_CODES = {code.value: code for code in Code}


def check_status(status: int, *, signs_in: bool) -> None:
    """The problem that an answer of 5xx stands for; or of 401, where the gateway's is the only credential it sees."""
    if status == 401 and not signs_in:
        raise refused_credential()
    if status in _LATER:
        raise _fault(Code.UNAVAILABLE, "The Jupyter server is not available.")
    if status == 501:
        raise _fault(Code.UNSUPPORTED, "The Jupyter server cannot do this.")
    if status >= 500:
        raise _fault(Code.UPSTREAM, "The Jupyter server failed.")


def fault_json(status: int, body: bytes) -> bytes:
    """The JSON of a 4xx as it may be shown. The problem it stands for when it is none, as some of the server's are."""
    try:
        fault = json.decode(body, object)
    except Problem as problem:
        raise refusal(status) from problem
    if not isinstance(fault, dict):
        return body
    return json.encode(fault | {"traceback": ""}) if "traceback" in fault else body


def check_credential(status: int, body: bytes) -> None:
    """UPSTREAM when the server says what it says to those whose token it does not take (spec jupyter A1)."""
    if status == 403 and (_XSRF in body.lower() or _NOT_LET_IN.search(body)):
        raise refused_credential()


def refusal(status: int) -> Problem:
    """What a 4xx stands for that is not told in the words of the API."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else str(status)
    return _fault(_CODES.get(status, Code.INVALID), f"The Jupyter server says: {phrase}.")


def _fault(code: Code, detail: str) -> Problem:
    retry_after = 5 if code is Code.UNAVAILABLE else None
    return Problem(code, detail, source=Source.UPSTREAM, retry_after_seconds=retry_after)
