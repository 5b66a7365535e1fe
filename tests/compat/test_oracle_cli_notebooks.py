"""Oracle's command line against the whole gateway: notebooks uploaded in chunks, and exported (spec oci 4.7, 4.8)."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import pytest

from tests.compat.oracle_cli import OracleCli
from tests.gateways import NOTEBOOK

pytest.importorskip("aidp_cli", reason="Oracle's command line is not installed")

PATH = "/Workspace/ñ 5%41.ipynb"
UPLOAD = {"upload_id": "4f0193bc-240b-4587-a861-0aa3915d1e10", "type": "notebook", "format": "json"}
WHOLE = {"total_size_bytes": len(NOTEBOOK), "sha256": hashlib.sha256(NOTEBOOK).hexdigest()}

GONE = (404, "NotAuthorizedOrNotFound")
INVALID = (400, "InvalidParameter")

over_a_folder = pytest.mark.parametrize("cli", ["local"], indirect=True)


def chunk(index: int, total: int, content: bytes, **changes: object) -> dict[str, object]:
    numbers = {"upload_chunk_index": index, "total_chunks": total}
    return {**UPLOAD, **WHOLE, **numbers, "content": base64.b64encode(content).decode(), **changes}


async def test_a_notebook_is_uploaded_in_chunks_and_exported(cli: OracleCli) -> None:
    taken = await cli.notebook("update-content", PATH, body=chunk(1, 2, NOTEBOOK[:50]))
    assert (taken.status, taken.data["upload_chunk_index"]) == (200, 1)
    stored = await cli.notebook("update-content", PATH, body=chunk(-1, 2, NOTEBOOK[50:]))
    assert (stored.status, stored.data["upload_chunk_index"], stored.data["path"]) == (200, -1, PATH)
    assert stored.data.items() >= WHOLE.items()
    notebook, page = await asyncio.gather(
        cli.notebook("export-contents", PATH, body={"format": "ipynb"}),
        cli.notebook("export-contents", PATH, body={"format": "html"}),
    )
    assert (notebook.status, notebook.etag, notebook.data["path"]) == (200, stored.etag, PATH)
    exported = notebook.data["content"]
    assert "".join(exported["cells"][0]["source"]) == "# one"
    assert (page.data["format"], page.data["name"]) == ("html", PATH.rpartition("/")[2])
    assert "<h1" in page.data["content"]


@over_a_folder
async def test_a_chunk_alone_is_no_notebook(cli: OracleCli) -> None:
    taken = await cli.notebook("update-content", PATH, body=chunk(1, 2, NOTEBOOK[:50]))
    missing, broken = await asyncio.gather(
        cli.notebook("get-content", PATH),
        cli.notebook("update-content", PATH, body=chunk(-1, 2, NOTEBOOK[50:], sha256="0" * 64)),
    )
    assert (taken.status, missing.refusal, broken.refusal) == (200, GONE, INVALID)
    assert (await cli.notebook("get-content", PATH)).refusal == GONE


@over_a_folder
async def test_a_chunked_create_has_the_name_the_gateway_gives(cli: OracleCli) -> None:
    made = await cli.notebook("create-content", "/Workspace", body=chunk(-1, 1, NOTEBOOK))
    assert (made.status, made.data["path"]) == (201, "/Workspace/Untitled.ipynb")
    read = await cli.notebook("get-content", "/Workspace/Untitled.ipynb", content=0, hash=1)
    assert (read.etag, read.data["hash"]) == (made.etag, WHOLE["sha256"])


@over_a_folder
async def test_only_a_notebook_is_exported(cli: OracleCli) -> None:
    text = {"type": "file", "format": "text", "content": "x"}
    assert (await cli.notebook("update-content", "/Workspace/t.txt", body=text)).status == 200
    other, missing = await asyncio.gather(
        cli.notebook("export-contents", "/Workspace/t.txt", body={}),
        cli.notebook("export-contents", "/Workspace/no.ipynb", body={"format": "html"}),
    )
    assert (other.refusal, missing.refusal) == (INVALID, GONE)
