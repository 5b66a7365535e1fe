"""Every code and reason has a status and an OCI code, and bodies say no more than they may (spec oci 7)."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from aiohttp import web

from gateway.contents.model import EPOCH, Entry, Kind
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.dialects.oci.models import render_read
from gateway.dialects.oci.problems import HIDDEN, render_problem, wire_error
from gateway.wire.contents_json import model_of
from tests.dialects.oci.app import CONTENTS, FOLDER, NOTEBOOK, WORKSPACE, Oci

CODE_OF_404 = "NotAuthorizedOrNotFound"

EXPECTED = {
    (Code.INVALID, None): (400, "InvalidParameter"),
    (Code.INVALID, Reason.BAD_TYPE): (400, "InvalidParameter"),
    (Code.INVALID, Reason.BAD_FORMAT): (400, "InvalidParameter"),
    (Code.INVALID, Reason.MISSING): (400, "MissingParameter"),
    (Code.INVALID, Reason.UNPARSABLE): (400, "CannotParseRequest"),
    (Code.INVALID, Reason.RELATED): (400, "RelatedResourceNotAuthorizedOrNotFound"),
    (Code.UNAUTHENTICATED, None): (401, "NotAuthenticated"),
    (Code.FORBIDDEN, None): (404, "NotAuthorizedOrNotFound"),
    (Code.NOT_FOUND, None): (404, "NotAuthorizedOrNotFound"),
    (Code.NOT_FOUND, Reason.RELATED): (400, "RelatedResourceNotAuthorizedOrNotFound"),
    (Code.NOT_FOUND, Reason.NO_ROUTE): (404, "NotFound"),
    (Code.METHOD_NOT_ALLOWED, None): (405, "MethodNotAllowed"),
    (Code.CONFLICT, None): (409, "Conflict"),
    (Code.CONFLICT, Reason.EXISTS): (409, "Conflict"),
    (Code.CONFLICT, Reason.BUSY): (409, "IncorrectState"),
    (Code.CONFLICT, Reason.RETRY_TOKEN): (409, "InvalidatedRetryToken"),
    (Code.PRECONDITION, None): (412, "NoEtagMatch"),
    (Code.TOO_LARGE, None): (413, "PayloadTooLarge"),
    (Code.MEDIA_TYPE, None): (415, "InvalidParameter"),
    (Code.UNPROCESSABLE, None): (400, "InvalidParameter"),
    (Code.THROTTLED, None): (429, "TooManyRequests"),
    (Code.INTERNAL, None): (500, "InternalServerError"),
    (Code.UNSUPPORTED, None): (501, "MethodNotImplemented"),
    (Code.UPSTREAM, None): (502, "ExternalServerInvalidResponse"),
    (Code.UNAVAILABLE, None): (503, "ServiceUnavailable"),
    (Code.TIMEOUT, None): (504, "ExternalServerTimeout"),
}


@pytest.mark.parametrize(("code", "reason"), list(product(Code, [None, *Reason])))
def test_every_code_and_reason_has_its_status_and_code(code: Code, reason: Reason | None) -> None:
    expected = EXPECTED.get((code, reason)) or EXPECTED[code, None]
    assert wire_error(code, reason) == expected
    answer = render_problem(Problem(code, "what happened", reason=reason))
    body = _body(answer)
    assert (answer.status, body["code"]) == expected
    assert isinstance(body["message"], str)
    assert body["message"]
    assert answer.content_type == "application/json"


def test_reason_is_said_only_for_types_and_formats() -> None:
    for reason in Reason:
        body = _body(render_problem(Problem(Code.INVALID, "x", reason=reason)))
        shown = reason in (Reason.BAD_TYPE, Reason.BAD_FORMAT)
        assert body.get("reason") == (reason.value if shown else None)


def test_missing_and_forbidden_cannot_be_told_apart() -> None:
    missing = render_problem(Problem(Code.NOT_FOUND, "No such file."))
    forbidden = render_problem(Problem(Code.FORBIDDEN, "You may not read here."))
    assert (missing.status, missing.body) == (forbidden.status, forbidden.body)
    assert _body(missing)["message"] == HIDDEN


def test_retry_after_and_allow_become_headers() -> None:
    assert render_problem(Problem(Code.THROTTLED, "x", retry_after_seconds=7)).headers["Retry-After"] == "7"
    refused = render_problem(Problem(Code.METHOD_NOT_ALLOWED, "x", allow=("GET", "PUT")))
    assert refused.headers["Allow"] == "GET, PUT"


CALLS: list[tuple[str, str, object]] = [
    ("GET", "a.ipynb", None),
    ("GET", "a.ipynb?content=0", None),
    ("POST", "%2F", {"type": "notebook"}),
    ("POST", "%2F", {"copy_from": "a.ipynb"}),
    ("PUT", "a.ipynb", {"content": NOTEBOOK}),
    ("PUT", "a.ipynb", {}),
    ("PATCH", "a.ipynb", {"path": "b.ipynb"}),
    ("DELETE", "a.ipynb", None),
]


@pytest.mark.parametrize(("method", "tail", "value"), CALLS)
async def test_what_is_wrong_behind_the_gateway_is_said_in_ocis_words(
    oci: Oci, method: str, tail: str, value: object
) -> None:
    headers = {"if-match": "x"} if method == "PATCH" else {}
    down = await oci.send(method, CONTENTS.replace(WORKSPACE, "ws-down") + tail, value, **headers)
    assert (down.status, down.json()["code"]) == (503, "ServiceUnavailable")
    assert down.headers["Retry-After"] == "7"
    broken = await oci.send(method, CONTENTS.replace(WORKSPACE, "ws-broken") + tail, value, **headers)
    assert (broken.status, broken.json()["code"]) == (500, "InternalServerError")
    assert b"secret" not in broken.body
    assert down.headers["opc-request-id"] != broken.headers["opc-request-id"]


@pytest.mark.parametrize(("method", "tail", "value"), CALLS[2:])
async def test_who_may_only_read_is_told_that_nothing_is_there(oci: Oci, method: str, tail: str, value: object) -> None:
    await oci.put_notebook("a.ipynb")
    prefix = CONTENTS.replace(WORKSPACE, "ws-read-only") + f"{FOLDER}%2F"
    tail = tail.removeprefix("%2F")
    if isinstance(value, dict) and "copy_from" in value:
        value = {"copy_from": f"{FOLDER}/a.ipynb"}
    refused = await oci.send(method, prefix + tail, value)
    assert (refused.status, refused.json()["code"], refused.json()["message"]) == (404, CODE_OF_404, HIDDEN)
    shown = await oci.send("GET", prefix + "a.ipynb")
    assert (shown.status, shown.json()["writable"]) == (200, False)


def test_an_entry_without_etag_is_answered_without_one() -> None:
    entry = Entry(ContentPath(("a",)), Kind.FILE, EPOCH, EPOCH)
    answer = render_read(model_of(entry), entry)
    assert "etag" not in answer.headers
    assert answer.headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"


def _body(answer: web.Response) -> Any:
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)
