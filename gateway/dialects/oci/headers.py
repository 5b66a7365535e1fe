"""The request headers of OCI calls: what they may hold (spec oci 3.1), and the condition of a write (spec oci 3.4)."""

from __future__ import annotations

import re

from aiohttp import web

from gateway.contents.model import Condition
from gateway.contents.problem import invalid
from gateway.dialects.dialect import MAX_REQUEST_ID, is_request_id
from gateway.wire.conditions import write_condition

REQUEST_ID_HEADER = "opc-request-id"
RETRY_TOKEN_HEADER = "opc-retry-token"

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


def check_headers(request: web.Request) -> None:
    """INVALID for a host, a request id or a ``should-update-recent`` that is none.

    The host goes into Location, so it is looked at before anything is done. No list of recent files is kept.
    """
    if not _HOST.fullmatch(request.headers.get("Host", "")):
        raise invalid("The Host header names no host.")
    request_id = request.headers.get(REQUEST_ID_HEADER)
    if request_id is not None and not is_request_id(request_id):
        raise invalid(f"{REQUEST_ID_HEADER} holds at most {MAX_REQUEST_ID} letters, digits, '_', '-' and '/'.")
    if request.headers.get("should-update-recent", "false").strip().lower() not in ("true", "false"):
        raise invalid("should-update-recent is 'true' or 'false'.")


def condition_of(request: web.Request) -> Condition:
    """The condition of PUT, PATCH and DELETE, quoted or not."""
    return write_condition(request.headers)
