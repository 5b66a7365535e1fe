"""The request headers of OCI calls: what they may hold (spec oci 3.1), and the condition of a write (spec oci 3.4)."""

from __future__ import annotations

import re
from urllib.parse import quote

from aiohttp import web

from gateway.contents.model import Condition
from gateway.contents.problem import invalid
from gateway.dialects.dialect import MAX_REQUEST_ID, Incoming, is_request_id
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
    flag(request, "should-update-recent")


def flag(request: web.Request, name: str) -> bool:
    """A header that is true or false, in any case; false when it is absent. INVALID for anything else."""
    text = request.headers.get(name, "false").strip().lower()
    if text not in ("true", "false"):
        raise invalid(f"{name} is 'true' or 'false'.")
    return text == "true"


def header_text(request: web.Request, name: str) -> str:
    """A header's text, empty when it is absent. Other than ASCII comes as UTF-8 or, from Python's clients, Latin-1."""
    octets = request.headers.get(name, "").encode("utf-8", "surrogateescape")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def condition_of(request: web.Request) -> Condition:
    """The condition of PUT, PATCH and DELETE, quoted or not."""
    return write_condition(request.headers)


def workspace_url(incoming: Incoming, tail: str, spelled: str) -> str:
    """The absolute URL of a path below the caller's workspace, in the generation the caller used.

    The path is one encoded segment after ``tail`` (spec oci 2.1).
    """
    request = incoming.request
    mark = f"/workspaces/{incoming.parameters['workspace']}"
    base = request.raw_path.partition("?")[0].partition(mark)[0]
    return f"{request.scheme}://{request.host}{base}{mark}{tail}{quote(spelled, safe='~')}"
