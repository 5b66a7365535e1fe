"""Every answer, whatever went wrong, carries opc-request-id and Oracle's error body (spec oci 3.2, 7)."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from yarl import URL

from gateway.wire.signature import sign, signing_string
from tests.gateways import NOTEBOOK, PLATFORM_ID, WORKSPACE_KEY, Clients, running_gateway, signing_key

WORKSPACE = f"/20260430/aiDataPlatforms/{PLATFORM_ID}/workspaces/{WORKSPACE_KEY}"
CONTENTS = f"{WORKSPACE}/notebook/api/contents/"
REQUEST_ID = "test-request/of_ours"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clients]:
    folder: Path = tmp_path_factory.mktemp("every-answer")
    (folder / "files").mkdir()
    for name in ("a.ipynb", "b.ipynb"):
        (folder / "files" / name).write_bytes(NOTEBOOK)
    mount = {"name": "m", "kind": "local", "folder": str(folder / "files")}
    async with running_gateway(folder, [mount]) as gateway:
        yield gateway


@dataclass(frozen=True)
class Case:
    """A signed request with ``changes`` to its headers made after signing; None takes a header away.

    ``length`` is said, and signed, of a body that is never sent.
    """

    name: str
    status: int
    code: str | None
    method: str = "GET"
    target: str = CONTENTS + "a.ipynb"
    body: bytes = b""
    changes: dict[str, str | None] = field(default_factory=dict)
    length: int = 0


CASES = [
    Case("read", 200, None),
    Case("metadata", 200, None, target=CONTENTS + "a.ipynb?content=0"),
    Case("created", 201, None, "POST", CONTENTS + "Workspace", b'{"type": "notebook"}'),
    Case("deleted", 204, None, "DELETE", CONTENTS + "b.ipynb"),
    Case("bad_type", 400, "InvalidParameter", target=CONTENTS + "a.ipynb?type=cat"),
    Case("bad_escape", 400, "CannotParseRequest", target=CONTENTS + "a%zz"),
    Case("not_json", 400, "CannotParseRequest", "PUT", body=b"{"),
    Case("no_body", 400, "InvalidParameter", "PUT"),
    Case("chunked", 400, "InvalidParameter", "PUT", changes={"content-length": None, "transfer-encoding": "chunked"}),
    Case("unsigned", 401, "NotAuthenticated", changes={"authorization": None}),
    Case("other_scheme", 401, "NotAuthenticated", changes={"authorization": "Basic YTpi"}),
    Case("damaged_signature", 401, "NotAuthenticated", changes={"date": "Sat, 21 Nov 2026 02:42:25 GMT"}),
    Case("missing", 404, "NotAuthorizedOrNotFound", target=CONTENTS + "no.ipynb"),
    Case("no_such_workspace", 404, "NotAuthorizedOrNotFound", target=CONTENTS.replace("test-w", "no-w") + "a.ipynb"),
    Case("no_such_route", 404, "NotFound", target="/20260430/aiDataPlatforms"),
    Case("no_such_route_below_api", 404, "NotFound", target="/api/20260430"),
    Case("no_such_group", 404, "NotFound", target=f"{WORKSPACE}/clusters"),
    Case("no_such_method", 405, "MethodNotAllowed", "LOCK"),
    Case("options", 405, "MethodNotAllowed", "OPTIONS"),
    Case("taken", 409, "Conflict", "PATCH", body=b'{"path": "/"}'),
    Case("stale", 412, "NoEtagMatch", "DELETE", changes={"if-match": "stale"}),
    Case("too_large", 413, "PayloadTooLarge", "PUT", length=1 << 40),
    Case("unsupported", 501, "MethodNotImplemented", "POST", f"{WORKSPACE}/actions/uploadFileMeta"),
]


async def exchanged(clients: Clients, case: Case, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Over a bare socket, so that nothing is corrected on the way."""
    address = urlsplit(clients.url)
    url = URL(f"{clients.url}{case.target}", encoded=True)
    signed = _with_length(case, url) if case.length else sign(signing_key(), case.method, url, {}, case.body)
    headers = signed | {"opc-request-id": request_id, "connection": "close"} | case.changes
    lines = [f"{case.method} {case.target} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items() if v is not None)]
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write("\r\n".join([*lines, "", ""]).encode() + case.body)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *rest = head.decode().split("\r\n")
    found = dict(line.lower().split(": ", 1) for line in rest)
    return int(status.split(" ")[1]), found, body


def _with_length(case: Case, url: URL) -> dict[str, str]:
    key, facts = signing_key(), sign(signing_key(), case.method, url, {}, b"")
    facts["content-length"] = str(case.length)
    names = ("date", "(request-target)", "host", "content-length", "content-type", "x-content-sha256")
    signature = key.private_key.sign(
        signing_string(names, case.method, case.target, facts), PKCS1v15(), hashes.SHA256()
    )
    before, _, _ = facts["authorization"].partition('headers="')
    return facts | {"authorization": f'{before}headers="{" ".join(names)}",signature="{b64encode(signature).decode()}"'}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_every_answer_names_the_request(clients: Clients, case: Case) -> None:
    status, headers, body = await exchanged(clients, case, REQUEST_ID)
    assert status == case.status, body
    assert headers["opc-request-id"] == REQUEST_ID
    if case.code is not None:
        error = json.loads(body)
        assert error["code"] == case.code
        assert error["message"]
        assert headers["content-type"] == "application/json"
