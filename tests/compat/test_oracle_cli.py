"""Oracle's command line, unmodified and over TLS, against the whole gateway: notebook contents (spec oci 3.8, 4, 10).

Each store is walked through once, with what is independent side by side.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.wire.signature import SigningKey
from tests.compat.oracle_cli import OracleCli, Printed
from tests.gateways import NOTEBOOK, signing_key

pytest.importorskip("aidp_cli", reason="Oracle's command line is not installed")

FOLDER = "/Workspace/ñ~x+y&z 5%41"
"""A name that means something else when it is decoded twice, or never."""

GONE = (404, "NotAuthorizedOrNotFound")
STALE = (412, "NoEtagMatch")

over_a_folder = pytest.mark.parametrize("cli", ["local"], indirect=True)
"""For what does not depend on the store."""


def save_of(text: str) -> dict[str, object]:
    content = json.loads(NOTEBOOK)
    content["cells"][0]["source"] = text
    return {"type": "notebook", "format": "json", "content": content}


def text_of(read: Printed) -> str:
    return "".join(read.data["content"]["cells"][0]["source"])


async def test_a_notebook_is_made_renamed_saved_copied_read_and_deleted(cli: OracleCli) -> None:
    made = await cli.notebook("update-content", FOLDER, body={"type": "directory"})
    assert (made.status, made.data["path"], made.data["type"]) == (200, FOLDER, "directory")
    path, etag = await _a_renamed_notebook(cli)
    saved = await cli.notebook("update-content", path, body=save_of("# one"), if_match=etag)
    assert (saved.status, saved.data["path"]) == (200, path)
    assert saved.etag != etag
    await _stale_changes_are_refused(cli, path, etag)
    copy = await _reads_and_a_copy(cli, path, saved.etag)
    gone = await cli.notebook("delete-content", path, if_match=saved.etag)
    assert (gone.status, gone.data, gone.exit_code) == (204, None, 0)
    missing, kept = await asyncio.gather(cli.notebook("get-content", path), cli.notebook("get-content", copy))
    assert (missing.refusal, text_of(kept)) == (GONE, "# one")


async def _a_renamed_notebook(cli: OracleCli) -> tuple[str, str]:
    made = await cli.notebook("create-content", FOLDER, body={"type": "notebook", "ext": ".ipynb"})
    assert (made.status, made.data["path"]) == (201, f"{FOLDER}/Untitled.ipynb")
    path = f"{FOLDER}/é ñ.ipynb"
    renamed = await cli.notebook("modify-content", made.data["path"], body={"path": path}, if_match=made.etag)
    assert (renamed.status, renamed.data["path"], renamed.data["name"]) == (200, path, "é ñ.ipynb")
    return path, renamed.etag


async def _stale_changes_are_refused(cli: OracleCli, path: str, stale: str) -> None:
    saved, renamed, deleted = await asyncio.gather(
        cli.notebook("update-content", path, body=save_of("# no"), if_match=stale),
        cli.notebook("modify-content", path, body={"path": f"{FOLDER}/no.ipynb"}, if_match=stale),
        cli.notebook("delete-content", path, if_match=stale),
    )
    assert [each.refusal for each in (saved, renamed, deleted)] == [STALE] * 3


async def _reads_and_a_copy(cli: OracleCli, path: str, etag: str) -> str:
    read, listing, folder, copied = await asyncio.gather(
        cli.notebook("get-content", path, type="notebook", format="json", content=1, hash=1),
        cli.notebook("get-content", FOLDER, type="directory", content=1),
        cli.notebook("get-content", FOLDER, content=0),
        cli.notebook("create-content", FOLDER, body={"copy_from": path}),
    )
    assert (text_of(read), read.etag, read.data["hash_algorithm"]) == ("# one", etag, "sha256")
    assert read.headers["last-modified"].endswith("GMT")
    assert listing.refusal == (400, "InvalidParameter")
    assert (folder.data["type"], folder.data["path"]) == ("directory", FOLDER)
    copy = f"{FOLDER}/é ñ-Copy1.ipynb"
    assert (copied.status, copied.data["path"]) == (201, copy)
    taken = await cli.notebook("modify-content", path, body={"path": copy})
    assert taken.refusal == (409, "Conflict")
    return copy


@over_a_folder
async def test_the_installed_script_saves_reads_and_is_refused(cli: OracleCli) -> None:
    """As it is started from a shell; all other calls are forked from a process that has imported it."""
    script, path = replace(cli, forks=None), "/Workspace/ñ a%41.ipynb"
    saved = await script.notebook("update-content", path, body=save_of("# one"))
    read, stale = await asyncio.gather(
        script.notebook("get-content", path), script.notebook("delete-content", path, if_match="old")
    )
    assert (read.etag, text_of(read)) == (saved.etag, "# one")
    assert (stale.refusal, stale.exit_code) == (STALE, 412 % 256)


@over_a_folder
async def test_text_is_read_as_bytes(cli: OracleCli) -> None:
    path = "/Workspace/t.txt"
    details = {"type": "file", "format": "text", "content": "héllo"}
    assert (await cli.notebook("update-content", path, body=details)).status == 200
    read = await cli.notebook("get-content", path, type="file", format="base64")
    assert (read.data["content"], read.data["mimetype"]) == ("aMOpbGxv\n", "text/plain")


@over_a_folder
async def test_a_repeated_create_makes_one_notebook(cli: OracleCli) -> None:
    options = {"opc_retry_token": "token-1", "should_update_recent": "true", "datalake_tenant_id": "tenant"}
    notebook = {"type": "notebook"}
    first = await cli.notebook("create-content", "/Workspace", body=notebook, **options)
    again, other = await asyncio.gather(
        cli.notebook("create-content", "/Workspace", body=notebook, **options),
        cli.notebook("create-content", "/Workspace", body={"type": "file"}, **options),
    )
    assert (again.status, again.data["path"], again.etag) == (201, first.data["path"], first.etag)
    assert again.headers["location"] == first.headers["location"]
    assert other.refusal == (409, "InvalidatedRetryToken")


@over_a_folder
async def test_every_answer_has_the_request_id_that_was_sent(cli: OracleCli) -> None:
    found, named, missing = await asyncio.gather(
        cli.notebook("get-content", "/Workspace", content=0),
        cli.notebook("get-content", "/Workspace", content=0, opc_request_id="test-1"),
        cli.notebook("get-content", "/Workspace/no", opc_request_id="test-2"),
    )
    assert re.fullmatch(r"aidp-cli-[0-9a-f-]{36}", found.headers["opc-request-id"])
    assert named.headers["opc-request-id"] == "test-1"
    assert (missing.refusal, missing.request_id) == (GONE, "test-2")


@over_a_folder
async def test_a_key_that_nobody_registered_is_not_authenticated(cli: OracleCli, tmp_path: Path) -> None:
    home = tmp_path / "stranger"
    home.mkdir()
    stranger = SigningKey(signing_key().key_id, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    forger = OracleCli.at_home(home, cli.endpoint, cli.authority, stranger, cli.forks)
    read, written = await asyncio.gather(
        forger.notebook("get-content", "/Workspace", content=0),
        forger.notebook("update-content", "/Workspace/a.ipynb", body=save_of("x")),
    )
    assert read.refusal == written.refusal == (401, "NotAuthenticated")


@over_a_folder
async def test_the_command_line_itself_takes_no_plain_http(cli: OracleCli) -> None:
    exit_code, _, said = await cli.run("--endpoint", "http://127.0.0.1:9", "notebook", "list-sessions", "w")
    assert (exit_code, said) == (2, "aidp: error: --endpoint must use https://.\n")
