"""Oracle's own client finds in the emulated workspace every operation on objects (spec oci 6)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.compat.workspace_calls import CELL, NOTEBOOK, call, oracle_client, refused
from tests.fakes.workspace import WorkspaceEmulator, running_workspace

models = pytest.importorskip("aidp_python_client.aidataplatform_dp.models", reason="Oracle's client is not installed")

GONE = (404, "NotAuthorizedOrNotFound")


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture(params=[True, False], ids=["strict", "plain"])
def objects(workspace: WorkspaceEmulator, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    with oracle_client("WorkspaceObjectClient", workspace, tmp_path, strict=request.param) as client:
        yield client


async def made(objects: Any, path: str, body: bytes = b"", kind: str = "FILE", **more: Any) -> Any:
    return await call(objects.create_workspace_object, body, path=path, type=kind, **more)


async def test_bytes_are_created_read_replaced_and_deleted(workspace: WorkspaceEmulator, objects: Any) -> None:
    path = "/Workspace/a b+c.bin"
    created = await made(objects, path, b"\x00\xff", object_description="mine")
    assert (created.status, created.headers["path"], created.headers["type"]) == (200, path, "FILE")
    assert created.headers["location"] == created.headers["content-location"]
    read = await call(objects.get_workspace_object, path)
    assert (read.data.content, read.headers["etag"]) == (b"\x00\xff", created.headers["etag"])
    assert read.headers["object-key"] == created.headers["object-key"]
    stale = await refused(objects.update_workspace_object, path, b"x", if_match="old")
    assert stale == (412, "NoEtagMatch")
    updated = await call(objects.update_workspace_object, path, b"new", if_match=read.headers["etag"])
    assert updated.headers["etag"] != read.headers["etag"]
    assert (await call(objects.get_workspace_object, path)).data.content == b"new"
    assert await refused(objects.delete_workspace_object, path, if_match=read.headers["etag"]) == stale
    gone = await call(objects.delete_workspace_object, path, if_match=updated.headers["etag"])
    assert gone.status == 204
    assert await refused(objects.get_workspace_object, path) == GONE
    assert await refused(objects.update_workspace_object, path, b"x") == GONE


async def test_a_head_has_a_composite_etag_that_no_condition_takes(workspace: WorkspaceEmulator, objects: Any) -> None:
    await made(objects, "/Workspace/a.txt", b"a")
    head = await call(objects.head_workspace_object, "/Workspace/a.txt", should_include_metadata=True)
    assert (head.headers["path"], head.headers["type"]) == ("/Workspace/a.txt", "FILE")
    assert json.loads(head.headers["file-metadata"]) == {}
    assert "etag" not in head.headers
    composite = head.headers["composite-etag"]
    (item,) = (await call(objects.list_workspace_objects, path="/Workspace")).data.items
    assert item.composite_etag == composite
    assert (await refused(objects.delete_workspace_object, "/Workspace/a.txt", if_match=composite))[0] == 412
    workspace.habits.composite_etag_matches = True
    await call(objects.delete_workspace_object, "/Workspace/a.txt", if_match=composite)


async def test_what_stands_is_replaced_only_on_demand(objects: Any) -> None:
    await made(objects, "/Workspace/f", kind="FOLDER")
    await made(objects, "/Workspace/a.txt", b"a")
    for path, body, kind in (("/Workspace/f", b"", "FOLDER"), ("f", b"x", "FILE"), ("/Workspace/a.txt", b"b", "FILE")):
        create = objects.create_workspace_object
        assert await refused(create, body, path=path, type=kind, is_overwrite=False) == (409, "Conflict")
    await made(objects, "a.txt", b"YQ==", is_overwrite=True, is_upload_file_base64_encoded=True)
    assert (await call(objects.get_workspace_object, "Workspace/a.txt")).data.content == b"a"
    assert await refused(objects.create_workspace_object, b"", path="/Workspace/no/a", type="FILE") == GONE


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/Workspace/" + "a" * 245, "FILE"), ("", "FILE"), ("/Workspace/../a", "FILE"), ("/Workspace/a", "NONSENSE")],
)
async def test_headers_that_are_too_long_or_not_plain_are_refused(objects: Any, path: str, kind: str) -> None:
    refusal = await refused(objects.create_workspace_object, b"", path=path, type=kind)
    assert refusal == (400, "InvalidParameter")


async def test_a_path_of_255_characters_is_taken(objects: Any) -> None:
    await made(objects, "/Workspace/" + "a" * 244)


async def test_lists_are_filtered_and_sorted(objects: Any) -> None:
    for name, kind in (("b.txt", "FILE"), ("a.ipynb", "NOTEBOOK"), ("c", "FOLDER")):
        await made(objects, f"/Workspace/{name}", kind=kind)

    async def names(**query: Any) -> list[str]:
        listed = await call(objects.list_workspace_objects, path="/Workspace", **query)
        return [item.display_name for item in listed.data.items]

    assert await names() == ["a.ipynb", "b.txt", "c"]
    assert await names(sort_order="DESC") == ["c", "b.txt", "a.ipynb"]
    assert await names(sort_by="timeCreated") == ["c", "a.ipynb", "b.txt"]
    assert await names(sort_by="timeCreated", sort_order="ASC") == ["b.txt", "a.ipynb", "c"]
    assert (await names(type="NOTEBOOK"), await names(display_name="c")) == (["a.ipynb"], ["c"])
    assert await refused(objects.list_workspace_objects, path="/Workspace/none") == GONE
    assert (await refused(objects.list_workspace_objects, path="/Workspace/b.txt"))[0] == 400


async def test_pages_belong_to_their_query_and_survive_changes(workspace: WorkspaceEmulator, objects: Any) -> None:
    for number in range(5):
        await made(objects, f"/Workspace/{number}")
    first = await call(objects.list_workspace_objects, path="/Workspace", limit=2)
    assert [item.display_name for item in first.data.items] == ["0", "1"]
    assert not first.next_page.isdecimal()
    other = await refused(objects.list_workspace_objects, path="/Workspace", page=first.next_page, sort_order="DESC")
    assert other == (400, "InvalidParameter")
    await call(objects.delete_workspace_object, "/Workspace/0")
    second = await call(objects.list_workspace_objects, path="/Workspace", limit=100, page=first.next_page)
    assert ([item.display_name for item in second.data.items], second.next_page) == (["2", "3", "4"], None)


async def test_copy_move_and_rename(workspace: WorkspaceEmulator, objects: Any) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "1"}
    notebook = {**NOTEBOOK, "cells": [{**CELL, "outputs": [output]}]}
    await made(objects, "/Workspace/a.ipynb", json.dumps(notebook).encode(), kind="NOTEBOOK")
    await made(objects, "/Workspace/f", kind="FOLDER")
    copying, bare = models.CopyWorkspaceObjectDetails, {"is_include_outputs": False}
    copied = await call(objects.copy_workspace_object, copying(from_path="a.ipynb", to_path="/Workspace/f/", **bare))
    assert (copied.data.path, copied.data.type) == ("/Workspace/f/a.ipynb", "NOTEBOOK")
    (cell,) = json.loads((await call(objects.get_workspace_object, "f/a.ipynb")).data.content)["cells"]
    assert cell["outputs"] == []
    again = copying(from_path="/Workspace/a.ipynb", to_path="/Workspace/f")
    assert await refused(objects.copy_workspace_object, again) == (409, "Conflict")
    again.is_over_write = again.is_delete_source = True
    await call(objects.copy_workspace_object, again)
    assert await refused(objects.get_workspace_object, "a.ipynb") == GONE
    renaming = models.RenameWorkspaceObjectDetails(path="/Workspace/f", new_name="g")
    renamed = await call(objects.rename_workspace_object, renaming)
    assert (renamed.data.path, renamed.data.display_name) == ("/Workspace/g", "g")
    moving = models.MoveWorkspaceObjectDetails(from_path="/Workspace/g/a.ipynb", to_path="/Workspace/")
    stale = await refused(objects.move_workspace_object, moving, if_match="old")
    assert stale == (412, "NoEtagMatch")
    moved = await call(objects.move_workspace_object, moving)
    assert (moved.data.path, set(workspace.tree.nodes)) == (
        "/Workspace/a.ipynb",
        {("Workspace",), ("Workspace", "g"), ("Workspace", "a.ipynb")},
    )


async def test_a_large_file_travels_past_the_api(workspace: WorkspaceEmulator, objects: Any) -> None:
    path, body = "/Workspace/new/large.bin", b"\xff" * (2 << 20)
    upload, details = objects.upload_workspace_object_with_par, models.UploadFileWithParDetails
    assert await refused(upload, details(action="CREATE"), path=path, type="FILE") == GONE
    options = {"path": path, "type": "FILE", "should_create_recursively": True}
    begun = await call(upload, details(action="CREATE"), **options)
    assert await refused(objects.get_workspace_object, path) == GONE
    refreshed = await call(upload, details(action="REFRESH"), **options)
    async with aiohttp.ClientSession() as session:
        async with session.get(begun.data.par_url) as answer:
            assert answer.status == 404
        async with session.put(refreshed.data.par_url, data=body) as answer:
            assert answer.status == 200
            etag = answer.headers["etag"]
        wrong = [details(action="UPDATE", e_tag=etag, size=7), details(action="UPDATE", e_tag="x", size=len(body))]
        assert [(await refused(upload, each, **options))[0] for each in wrong] == [400, 412]
        closed = await call(upload, details(action="UPDATE", e_tag=etag, size=len(body)), **options)
        assert closed.data.size == len(body)
        down = await call(objects.download_workspace_object_with_par, path=path, type="FILE")
        assert (down.data.size, down.data.e_tag) == (len(body), closed.data.e_tag)
        async with session.get(down.data.par_url) as answer:
            assert await answer.read() == body
    assert [method for method, _ in workspace.par_requests] == ["GET", "PUT", "GET"]
    exists = await refused(upload, details(action="CREATE"), path=path, type="FILE")
    assert exists == (409, "Conflict")
    workspace.habits.par = False
    assert await refused(objects.download_workspace_object_with_par, path=path) == GONE


async def test_asynchronous_changes_are_followed(workspace: WorkspaceEmulator, objects: Any, tmp_path: Path) -> None:
    workspace.habits.async_objects = True
    for name in ("a", "b"):
        await made(objects, f"/Workspace/{name}")
    begun = await call(objects.delete_workspace_object, "/Workspace/a")
    key = begun.headers["aidp-async-operation-key"]
    assert begun.status == 202
    assert await refused(objects.delete_workspace_object, "/Workspace/a") == (409, "IncorrectState")
    with oracle_client("AsyncOperationsClient", workspace, tmp_path, strict=False) as following:
        states = [(await platform_call(following.get_async_operation, key)).data.status for _ in range(3)]
        assert states == ["IN_PROGRESS", "IN_PROGRESS", "SUCCEEDED"]
        assert await refused(objects.get_workspace_object, "/Workspace/a") == GONE
        renaming = models.RenameWorkspaceObjectDetails(path="/Workspace/b", new_name="c")
        renamed = await call(objects.rename_workspace_object, renaming)
        assert (renamed.status, ("Workspace", "b") in workspace.tree.nodes) == (202, True)
        other = renamed.headers["aidp-async-operation-key"]
        assert (await platform_call(following.cancel_async_operation, other)).data.status == "CANCELED"
        listed = await platform_call(following.list_async_operations, resource_type="WORKSPACE_OBJECT")
        assert {item.status for item in listed.data.items} == {"SUCCEEDED", "CANCELED"}
    assert ("Workspace", "b") in workspace.tree.nodes


async def platform_call(operation: Any, *arguments: Any, **named: Any) -> Any:
    """Operations belong to the platform, not to the workspace."""
    return await call(lambda platform, _, *rest, **more: operation(platform, *rest, **more), *arguments, **named)
