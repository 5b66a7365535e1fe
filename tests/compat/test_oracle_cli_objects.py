"""Oracle's command line against the whole gateway: workspace objects, whose paths travel in headers (spec oci 6)."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.compat.oracle_cli import OracleCli, Printed, statuses
from tests.gateways import NOTEBOOK

pytest.importorskip("aidp_cli", reason="Oracle's command line is not installed")

FOLDER = "/Workspace/ñ~x+y&z 5%41"
"""A name that goes out as Latin-1 where it stands in a header, which is all that Python's HTTP client can do."""

FILE, NOTEBOOK_FILE, INNER = f"{FOLDER}/a b.bin", f"{FOLDER}/n.ipynb", f"{FOLDER}/inner"
BYTES = bytes(range(256)) * 5

GONE = (404, "NotAuthorizedOrNotFound")
TAKEN = (409, "Conflict")
STALE = (412, "NoEtagMatch")

over_a_folder = pytest.mark.parametrize("cli", ["local"], indirect=True)


def path_in(printed: Printed) -> str:
    """The header ``path``: its octets are UTF-8, which Python's HTTP client takes for Latin-1."""
    return printed.headers["path"].encode("latin-1").decode()


def names_in(listed: Printed) -> list[str]:
    return [item["displayName"] for item in listed.data["items"]]


async def test_objects_are_made_listed_read_changed_copied_moved_and_deleted(cli: OracleCli) -> None:
    first = await _made(cli)
    await _listed_and_read(cli, first)
    second, copy = await _changed_and_copied(cli, first)
    await _stale_changes_are_refused(cli, first)
    moved, taken = await asyncio.gather(
        cli.objects("move", body={"fromPath": NOTEBOOK_FILE, "toPath": f"{INNER}/"}),
        cli.objects("copy", body={"fromPath": FILE, "toPath": copy}),
    )
    assert (moved.status, moved.data["path"]) == (200, f"{INNER}/n.ipynb")
    assert taken.refusal == TAKEN
    gone, listed = await asyncio.gather(
        cli.objects("delete", FILE, if_match=second), cli.objects("list", path=INNER, sort_order="DESC")
    )
    assert (gone.status, gone.data) == (204, None)
    assert names_in(listed) == ["é.ipynb", "n.ipynb"]
    assert (await cli.objects("get", FILE)).refusal == GONE


async def _made(cli: OracleCli) -> str:
    made = await cli.objects("create", path=FOLDER, type="FOLDER", body=b"")
    assert (made.status, path_in(made), made.headers["type"]) == (200, FOLDER, "FOLDER")
    file, notebook, inner = await asyncio.gather(
        cli.objects("create", path=FILE, type="FILE", body=BYTES),
        cli.objects("create", path=NOTEBOOK_FILE, type="NOTEBOOK", body=NOTEBOOK),
        cli.objects("create", path=INNER, type="FOLDER", body=b""),
    )
    assert [each.status for each in (file, notebook, inner)] == [200] * 3
    assert file.headers["location"].startswith(f"{cli.endpoint}/20260430/aiDataPlatforms/")
    assert file.headers["object-key"]
    return file.etag


async def _listed_and_read(cli: OracleCli, etag: str) -> None:
    listed, read, head, taken = await asyncio.gather(
        cli.objects("list", path=FOLDER, limit=2),
        cli.objects("get", FILE),
        cli.objects("head", FILE),
        cli.objects("create", path=FILE, type="FILE", body=b"no"),
    )
    assert (read.body(), read.etag, path_in(read)) == (BYTES, etag, FILE)
    assert (head.data, head.headers["type"], path_in(head)) == (None, "FILE", FILE)
    assert taken.refusal == TAKEN
    file, inner = listed.data["items"]
    assert (file["path"], file["type"], inner["path"], inner["type"]) == (FILE, "FILE", INNER, "FOLDER")
    assert file["compositeEtag"] == head.headers["composite-etag"] != etag
    last = await cli.objects("list", path=FOLDER, limit=2, page=listed.headers["opc-next-page"])
    assert [(item["path"], item["type"]) for item in last.data["items"]] == [(NOTEBOOK_FILE, "NOTEBOOK")]
    assert "opc-next-page" not in last.headers


async def _changed_and_copied(cli: OracleCli, etag: str) -> tuple[str, str]:
    """The file's new etag, and where the notebook's copy is."""
    changed, copied = await asyncio.gather(
        cli.objects("update", FILE, body=b"two", if_match=etag),
        cli.objects("copy", body={"fromPath": NOTEBOOK_FILE, "toPath": f"{INNER}/ñ.ipynb"}),
    )
    assert (changed.status, path_in(changed)) == (200, FILE)
    assert changed.etag != etag
    assert (copied.status, copied.data["path"], copied.data["type"]) == (200, f"{INNER}/ñ.ipynb", "NOTEBOOK")
    read, renamed = await asyncio.gather(
        cli.objects("get", FILE),
        cli.objects("rename", body={"path": f"{INNER}/ñ.ipynb", "newName": "é.ipynb"}, if_match=copied.etag),
    )
    assert (read.body(), read.etag) == (b"two", changed.etag)
    assert (renamed.status, renamed.data["path"]) == (200, f"{INNER}/é.ipynb")
    return changed.etag, renamed.data["path"]


async def _stale_changes_are_refused(cli: OracleCli, stale: str) -> None:
    updated, deleted = await asyncio.gather(
        cli.objects("update", FILE, body=b"no", if_match=stale), cli.objects("delete", FILE, if_match=stale)
    )
    assert updated.refusal == deleted.refusal == STALE


@over_a_folder
async def test_what_an_object_call_may_say_besides(cli: OracleCli) -> None:
    options = {"path": "/Workspace/t.txt", "type": "FILE", "should_update_recent": "true"}
    first = await cli.objects("create", **options, body=b"one", opc_retry_token="token-1")
    again, overwritten, encoded = await asyncio.gather(
        cli.objects("create", **options, body=b"one", opc_retry_token="token-1"),
        cli.objects("create", **{**options, "path": "/Workspace/u.txt"}, body=b"two", is_overwrite="true"),
        cli.objects(
            "create", path="/Workspace/v.txt", type="FILE", body=b"dGhyZWU=", is_upload_file_base64_encoded="true"
        ),
    )
    assert (again.status, again.etag) == (200, first.etag)
    assert (overwritten.status, encoded.status) == (200, 200)
    read, listed, named = await asyncio.gather(
        cli.objects("get", "Workspace/v.txt"),
        cli.objects("list", path="/", type="FILE", sort_by="displayName", sort_order="ASC"),
        cli.objects("list", path="Workspace", display_name="u.txt"),
    )
    assert read.body() == b"three"
    assert (names_in(listed), names_in(named)) == (["t.txt", "u.txt", "v.txt"], ["u.txt"])


@over_a_folder
async def test_what_objects_cannot_do_is_not_asked_for_twice(cli: OracleCli) -> None:
    with capture_logs() as logged:
        addressed, archived, missing = await asyncio.gather(
            cli.objects("upload-with-par", path="/Workspace/a", body={"action": "CREATE"}),
            cli.objects("zip-and-download-workspace-folder", body={"sourceFolderPath": "/Workspace"}),
            cli.objects("head", "/Workspace/no"),
        )
    assert addressed.refusal == archived.refusal == (501, "MethodNotImplemented")
    assert missing.refusal == (404, None)  # a HEAD has no body to say more in
    assert statuses(logged) == [404, 501, 501]


@over_a_folder
async def test_the_workspace_itself_is_found(cli: OracleCli) -> None:
    found = await cli.call("workspace", "get")
    assert (found.status, found.data["lifecycleState"]) == (200, "ACTIVE")
