"""Oracle's command line against the whole gateway: notebook sessions (spec oci 5.1)."""

from __future__ import annotations

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from tests.compat.oracle_cli import OracleCli, statuses
from tests.gateways import NOTEBOOK

pytest.importorskip("aidp_cli", reason="Oracle's command line is not installed")

PATH = "/Workspace/ñ 5%41.ipynb"
SAVE = {"type": "notebook", "format": "json", "content": json.loads(NOTEBOOK)}
WANTED = {"path": PATH, "type": "notebook", "name": "one", "cluster_id": "c", "kernel": {"name": "python3"}}

GONE = (404, "NotAuthorizedOrNotFound")
STALE = (412, "NoEtagMatch")


@pytest.mark.parametrize("cli", ["jupyter"], indirect=True)
async def test_a_session_is_started_listed_renamed_and_ended(cli: OracleCli) -> None:
    assert (await cli.notebook("update-content", PATH, body=SAVE)).status == 200
    started = await cli.notebook("create-session", body=WANTED, opc_retry_token="token-1")
    session_id = started.data["id"]
    assert (started.status, started.data["path"], started.data["lifecycleState"]) == (201, PATH, "ACTIVE")
    assert (started.data["kernel"]["name"], started.headers["location"].endswith(session_id)) == ("python3", True)
    await _found(cli, session_id, started.etag)
    renamed = await cli.notebook("patch-session", session_id, body={"name": "two"}, if_match=started.etag)
    assert (renamed.status, renamed.data["name"]) == (200, "two")
    assert renamed.etag != started.etag
    patched, ended = await asyncio.gather(
        cli.notebook("patch-session", session_id, body={"name": "no"}, if_match=started.etag),
        cli.notebook("delete-session", session_id, if_match=started.etag),
    )
    assert patched.refusal == ended.refusal == STALE
    gone = await cli.notebook("delete-session", session_id, if_match=renamed.etag)
    assert (gone.status, gone.data) == (204, None)
    missing, listed = await asyncio.gather(
        cli.notebook("get-session", session_id), cli.notebook("list-sessions", path=PATH)
    )
    assert (missing.refusal, listed.data) == (GONE, {"items": []})


async def _found(cli: OracleCli, session_id: str, etag: str) -> None:
    """By its id and its path; and whoever starts a session for the path finds it, too."""
    found, listed, elsewhere, again = await asyncio.gather(
        cli.notebook("get-session", session_id),
        cli.notebook("list-sessions", path=PATH, limit=10, sort_by="timeCreated", sort_order="ASC"),
        cli.notebook("list-sessions", path="/Workspace/other.ipynb"),
        cli.notebook("create-session", body=WANTED),
    )
    assert (found.status, found.etag, found.data["name"]) == (200, etag, "one")
    assert [each["id"] for each in listed.data["items"]] == [session_id]
    assert elsewhere.data == {"items": []}
    assert again.data["id"] == session_id


@pytest.mark.parametrize("cli", ["local"], indirect=True)
async def test_a_store_without_kernels_is_not_asked_twice(cli: OracleCli) -> None:
    with capture_logs() as logged:
        listed, started = await asyncio.gather(
            cli.notebook("list-sessions"), cli.notebook("create-session", body=WANTED)
        )
    assert listed.refusal == started.refusal == (501, "MethodNotImplemented")
    assert statuses(logged) == [501, 501]
