"""Oracle's own client works against the workspace emulator, so that what passes there has a chance with Oracle."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat.workspace_calls import NOTEBOOK, call, oracle_client, refused
from tests.fakes.workspace import WorkspaceEmulator, running_workspace

models = pytest.importorskip("aidp_python_client.aidataplatform_dp.models", reason="Oracle's client is not installed")


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture
def notebooks(workspace: WorkspaceEmulator, tmp_path: Path) -> Iterator[Any]:
    with oracle_client("NotebookClient", workspace, tmp_path, strict=True) as client:
        yield client


@pytest.fixture
def objects(workspace: WorkspaceEmulator, tmp_path: Path) -> Iterator[Any]:
    with oracle_client("WorkspaceObjectClient", workspace, tmp_path, strict=False) as client:
        yield client


def update(content: Any = NOTEBOOK, **more: Any) -> Any:
    return models.UpdateContentDetails(type="notebook", format="json", content=content, **more)


async def test_create_rename_save_read_and_delete(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    details = models.CreateContentDetails(type="notebook", ext=".ipynb")
    created = await call(notebooks.create_content, "/Workspace", details)
    assert (created.status, created.data.name, created.data.type) == (201, "Untitled.ipynb", "notebook")
    assert created.headers["location"].startswith(workspace.url)
    move = models.ModifyContentDetails(path="/Workspace/a b.ipynb")
    moved = await call(notebooks.modify_content, "/Workspace/Untitled.ipynb", move)
    assert (moved.status, moved.data.path) == (200, "/Workspace/a b.ipynb")
    etag = moved.headers["etag"]
    saved = await call(notebooks.update_content, "/Workspace/a b.ipynb", update(), if_match=etag)
    assert saved.status == 200
    assert saved.headers["etag"] != etag
    read = await call(notebooks.get_content, "/Workspace/a b.ipynb", type="notebook", content=1)
    assert (read.data.content, read.headers["etag"]) == (NOTEBOOK, saved.headers["etag"])
    assert read.headers["last-modified"]
    gone = await call(notebooks.delete_content, "/Workspace/a b.ipynb", if_match=read.headers["etag"])
    assert gone.status == 204
    assert await refused(notebooks.get_content, "/Workspace/a b.ipynb") == (404, "NotAuthorizedOrNotFound")


async def test_refusals_are_read_as_oracles_errors(notebooks: Any, workspace: WorkspaceEmulator) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        workspace.tree.put(("Workspace", name), json.dumps(NOTEBOOK).encode())
    path = "/Workspace/a.ipynb"
    stale = await refused(notebooks.update_content, path, update(), if_match="old")
    assert stale == (412, "NoEtagMatch")
    assert (await refused(notebooks.delete_content, path, if_match="old"))[0] == 412
    move = models.ModifyContentDetails(path="/Workspace/b.ipynb")
    assert await refused(notebooks.modify_content, path, move) == (409, "Conflict")
    assert (await refused(notebooks.update_content, path, update(content={})))[0] == 400
    assert (await refused(notebooks.get_content, path, type="directory"))[0] == 400
    listing = await refused(notebooks.get_content, "/Workspace", type="directory", content=1)
    assert listing == (400, "InvalidParameter")


async def test_directory_metadata_is_served_without_content(notebooks: Any) -> None:
    answer = await call(notebooks.get_content, "/Workspace", type="directory", content=0)
    assert (answer.data.type, answer.data.content, answer.data.name) == ("directory", None, "Workspace")


async def test_a_retry_token_answers_again_without_acting_again(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    details = models.CreateContentDetails(type="notebook")
    first = await call(notebooks.create_content, "/Workspace", details, opc_retry_token="t" * 64)
    again = await call(notebooks.create_content, "/Workspace", details, opc_retry_token="t" * 64)
    assert (again.status, again.data.path, again.headers["etag"]) == (201, first.data.path, first.headers["etag"])
    assert len(workspace.tree.nodes) == 2
    other = models.CreateContentDetails(type="directory")
    reused = await refused(notebooks.create_content, "/Workspace", other, opc_retry_token="t" * 64)
    assert reused == (409, "InvalidatedRetryToken")
    await call(notebooks.delete_content, first.data.path)
    late = await refused(notebooks.create_content, "/Workspace", details, opc_retry_token="t" * 64)
    assert late == (409, "InvalidatedRetryToken")
    long = await refused(notebooks.create_content, "/Workspace", details, opc_retry_token="t" * 65)
    assert long == (400, "InvalidParameter")


async def test_folders_are_made_listed_in_pages_and_deleted(workspace: WorkspaceEmulator, objects: Any) -> None:
    made = await call(objects.create_workspace_object, b"", path="/Workspace/f", type="FOLDER")
    assert made.status == 200
    twice = await refused(objects.create_workspace_object, b"", path="/Workspace/f", type="FOLDER")
    assert twice == (409, "Conflict")
    for number in range(30):
        workspace.tree.put(("Workspace", "f", f"{number:02}.ipynb"), b"{}")
    page = await call(objects.list_workspace_objects, path="/Workspace/f")
    assert [item.type for item in page.data.items] == ["NOTEBOOK"] * 25
    last = await call(objects.list_workspace_objects, path="/Workspace/f", page=page.next_page)
    assert (len(last.data.items), last.next_page) == (5, None)
    await call(objects.delete_workspace_object, "Workspace/f")
    assert len(workspace.tree.nodes) == 1


async def test_without_strict_encoding_the_path_is_not_one_segment_and_not_found(
    workspace: WorkspaceEmulator, notebooks: Any
) -> None:
    notebooks.base_client.enable_strict_url_encoding = False
    assert (await refused(notebooks.get_content, "/Workspace", content=0))[0] == 404


async def test_a_stranger_sees_nothing_and_an_unknown_key_is_not_authenticated(
    workspace: WorkspaceEmulator, notebooks: Any
) -> None:
    workspace.strangers.update(workspace.keys)
    assert await refused(notebooks.get_content, "/Workspace", content=0) == (404, "NotAuthorizedOrNotFound")
    workspace.keys.clear()
    assert await refused(notebooks.get_content, "/Workspace", content=0) == (401, "NotAuthenticated")
