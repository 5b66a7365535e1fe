"""Oracle's Python clients beyond contents: objects, uploads in chunks, sessions, exports (spec oci 4.7, 4.8, 5, 6)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.s3 import S3Server
from tests.compat.oracle_client import GONE, OracleClient, dp, gateway_over
from tests.fakes.jupyter import JupyterServer
from tests.fakes.workspace import CLUSTER_ID
from tests.gateways import NOTEBOOK, Clients
from tests.matrix.stores import STORES, Servers

pytestmark = pytest.mark.asyncio(loop_scope="module")

KERNELS = {"jupyter": None, "oci": CLUSTER_ID}
"""The stores that have kernels, and the cluster that they run on."""


@pytest.fixture(scope="module", params=list(STORES))
def store(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(
    store: str, s3_server: S3Server, jupyter_server: JupyterServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Clients]:
    servers = Servers(s3_server, jupyter_server)
    async with gateway_over(store, servers, tmp_path_factory.mktemp("oracle-objects")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", params=[True, False], ids=["strict", "plain"])
async def client(gateway: Clients, request: pytest.FixtureRequest) -> AsyncIterator[OracleClient]:
    with closing(OracleClient.at(gateway.url, strict=request.param)) as opened:
        yield await opened.in_new_folder()


def names_in(listed: Any) -> list[str]:
    return [item.display_name for item in listed.data.items]


async def test_objects_are_made_listed_read_changed_and_deleted(client: OracleClient) -> None:
    objects, path = client.objects(), f"{client.folder}/a b.bin"
    made = await objects.call("create_workspace_object", b"\x00\xff", path, type="FILE")
    assert (made.status, made.headers["type"]) == (200, "FILE")
    taken = await objects.refused("create_workspace_object", b"x", path, type="FILE")
    assert taken == (409, "Conflict")
    await objects.call("create_workspace_object", b"", f"{client.folder}/d", type="FOLDER")
    first = await objects.call("list_workspace_objects", client.folder, limit=1)
    second = await objects.call("list_workspace_objects", client.folder, limit=1, page=first.next_page)
    assert (names_in(first), names_in(second), second.has_next_page) == (["a b.bin"], ["d"], False)
    read = await objects.call("get_workspace_object", path)
    assert (read.data.content, read.headers["etag"]) == (b"\x00\xff", made.headers["etag"])
    head = await objects.call("head_workspace_object", path)
    assert head.headers["composite-etag"] == first.data.items[0].composite_etag
    changed = await objects.call("update_workspace_object", path, b"two", if_match=made.headers["etag"])
    for name, arguments in (("update_workspace_object", (path, b"three")), ("delete_workspace_object", (path,))):
        assert await objects.refused(name, *arguments, if_match=made.headers["etag"]) == (412, "NoEtagMatch")
    gone = await objects.call("delete_workspace_object", path, if_match=changed.headers["etag"])
    assert gone.status == 204
    assert await objects.refused("get_workspace_object", path) == GONE


async def test_objects_are_copied_moved_and_renamed(client: OracleClient) -> None:
    objects, models, folder = client.objects(), dp.models, client.folder
    etag = (await client.saved(f"{folder}/a.ipynb", "# one")).headers["etag"]
    await objects.call("create_workspace_object", b"", f"{folder}/d", type="FOLDER")
    copy = models.CopyWorkspaceObjectDetails(from_path=f"{folder}/a.ipynb", to_path=f"{folder}/b.ipynb")
    copied = await objects.call("copy_workspace_object", copy)
    assert (copied.data.path, copied.data.type) == (f"{folder}/b.ipynb", "NOTEBOOK")
    rename = models.RenameWorkspaceObjectDetails(path=f"{folder}/a.ipynb", new_name="c.ipynb")
    renamed = await objects.call("rename_workspace_object", rename, if_match=etag)
    assert renamed.data.path == f"{folder}/c.ipynb"
    move = models.MoveWorkspaceObjectDetails(from_path=f"{folder}/c.ipynb", to_path=f"{folder}/d/")
    moved = await objects.call("move_workspace_object", move)
    assert moved.data.display_name == "c.ipynb"
    assert names_in(await objects.call("list_workspace_objects", folder)) == ["b.ipynb", "d"]
    assert await client.text_at(f"{folder}/d/c.ipynb") == "# one"


async def test_a_notebook_is_uploaded_in_chunks(client: OracleClient) -> None:
    path, facts = f"{client.folder}/n.ipynb", {"total_size_bytes": len(NOTEBOOK), "total_chunks": 3}
    for index, piece in ((1, NOTEBOOK[:40]), (2, NOTEBOOK[40:80]), (-1, NOTEBOOK[80:])):
        chunk = dp.models.UpdateContentDetails(
            type="notebook",
            format="json",
            content=base64.b64encode(piece).decode(),
            upload_id="0b1c9a54-6a38-4a5b-9a3e-1d9c77b0f6a1",
            upload_chunk_index=index,
            sha256=hashlib.sha256(NOTEBOOK).hexdigest(),
            **facts,
        )
        taken = await client.call("update_content", path, chunk)
        assert (taken.status, taken.data.upload_chunk_index, taken.data.total_chunks) == (200, index, 3)
    assert (await client.call("get_content", path, content=0)).headers["etag"] == taken.headers["etag"]
    assert await client.text_at(path) == "# one"


async def test_a_notebook_is_exported(client: OracleClient) -> None:
    path = f"{client.folder}/n.ipynb"
    etag = (await client.saved(path, "# one *two*")).headers["etag"]
    notebook = await client.call("export_contents", path, dp.models.ExportContentsDetails(format="ipynb"))
    assert (notebook.data.format, notebook.headers["etag"]) == ("ipynb", etag)
    assert "".join(notebook.data.content["cells"][0]["source"]) == "# one *two*"
    page = await client.call("export_contents", path, dp.models.ExportContentsDetails(format="html"))
    assert (page.data.format, page.data.path) == ("html", path)
    assert "<em>two</em>" in page.data.content
    assert "<script" not in page.data.content
    json.dumps(page.data.content)


async def test_a_session_runs_where_the_mount_has_kernels(client: OracleClient, store: str) -> None:
    path = f"{client.folder}/n.ipynb"
    await client.saved(path, "# one")
    kernel = dp.models.Kernel(name="python3")
    wanted = dp.models.CreateSessionDetails(path=path, type="notebook", kernel=kernel, cluster_id=KERNELS.get(store))
    if store not in KERNELS:
        assert await client.refused("create_session", wanted) == (501, "MethodNotImplemented")
        assert await client.refused("list_sessions") == (501, "MethodNotImplemented")
        return
    made = await client.call("create_session", wanted)
    assert (made.status, made.data.path, made.data.type) == (201, path, "notebook")
    listed = await client.call("list_sessions", path=path)
    assert [session.id for session in listed.data.items] == [made.data.id]
    found = await client.call("get_session", made.data.id)
    assert found.data.lifecycle_state in ("CREATING", "ACTIVE")
    change = dp.models.PatchSessionDetails(name="renamed")
    assert await client.refused("patch_session", made.data.id, change, if_match="stale") == (412, "NoEtagMatch")
    patched = await client.call("patch_session", made.data.id, change, if_match=found.headers["etag"])
    assert patched.data.name == "renamed"
    assert (await client.call("delete_session", made.data.id)).status == 204
    assert await client.refused("get_session", made.data.id) == GONE
