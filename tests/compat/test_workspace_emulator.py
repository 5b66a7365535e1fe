"""Oracle's own client works against the workspace emulator, so that what passes there has a chance with Oracle."""

from __future__ import annotations

import asyncio
import configparser
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.workspace import PLATFORM_ID, WORKSPACE_KEY, WorkspaceEmulator, running_workspace

pytest.importorskip("aidp_python_client", reason="Oracle's client is not installed")

NOTEBOOK = {"cells": [], "metadata": {"of": "test"}, "nbformat": 4, "nbformat_minor": 5}
WHERE = (PLATFORM_ID, WORKSPACE_KEY)


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture
def notebooks(workspace: WorkspaceEmulator, tmp_path: Path) -> Iterator[Any]:
    from aidp_python_client.aidataplatform_dp import NotebookClient

    client = NotebookClient(config_of(workspace, tmp_path), **options_of(workspace, strict=True))
    yield client
    client.base_client.session.close()


@pytest.fixture
def objects(workspace: WorkspaceEmulator, tmp_path: Path) -> Iterator[Any]:
    from aidp_python_client.aidataplatform_dp import WorkspaceObjectClient

    client = WorkspaceObjectClient(config_of(workspace, tmp_path), **options_of(workspace, strict=False))
    yield client
    client.base_client.session.close()


def config_of(workspace: WorkspaceEmulator, folder: Path) -> dict[str, str]:
    parser = configparser.ConfigParser()
    parser.read(workspace.write_profile(folder))
    return dict(parser["DEFAULT"])


def options_of(workspace: WorkspaceEmulator, *, strict: bool) -> dict[str, Any]:
    from oci.retry import NoneRetryStrategy

    named = {"service_endpoint": workspace.url, "retry_strategy": NoneRetryStrategy()}
    return named | {"enable_strict_url_encoding": strict}


async def call(operation: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Oracle's client blocks, so it runs beside the loop that serves it."""
    return await asyncio.to_thread(operation, *arguments, **named)


async def refused(operation: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[int, str]:
    from oci.exceptions import ServiceError

    with pytest.raises(ServiceError) as caught:
        await call(operation, *arguments, **named)
    assert caught.value.request_id
    return caught.value.status, caught.value.code


def update(content: Any = NOTEBOOK, **more: Any) -> Any:
    from aidp_python_client.aidataplatform_dp.models import UpdateContentDetails

    return UpdateContentDetails(type="notebook", format="json", content=content, **more)


async def test_create_rename_save_read_and_delete(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    from aidp_python_client.aidataplatform_dp.models import CreateContentDetails, ModifyContentDetails

    details = CreateContentDetails(type="notebook", ext=".ipynb")
    created = await call(notebooks.create_content, *WHERE, "/Workspace", details)
    assert (created.status, created.data.name, created.data.type) == (201, "Untitled.ipynb", "notebook")
    assert created.headers["location"].startswith(workspace.url)
    move = ModifyContentDetails(path="/Workspace/a b.ipynb")
    moved = await call(notebooks.modify_content, *WHERE, "/Workspace/Untitled.ipynb", move)
    assert (moved.status, moved.data.path) == (200, "/Workspace/a b.ipynb")
    etag = moved.headers["etag"]
    saved = await call(notebooks.update_content, *WHERE, "/Workspace/a b.ipynb", update(), if_match=etag)
    assert saved.status == 200
    assert saved.headers["etag"] != etag
    read = await call(notebooks.get_content, *WHERE, "/Workspace/a b.ipynb", type="notebook", content=1)
    assert (read.data.content, read.headers["etag"]) == (NOTEBOOK, saved.headers["etag"])
    assert read.headers["last-modified"]
    gone = await call(notebooks.delete_content, *WHERE, "/Workspace/a b.ipynb", if_match=read.headers["etag"])
    assert gone.status == 204
    assert await refused(notebooks.get_content, *WHERE, "/Workspace/a b.ipynb") == (404, "NotAuthorizedOrNotFound")


async def test_refusals_are_read_as_oracles_errors(notebooks: Any, workspace: WorkspaceEmulator) -> None:
    from aidp_python_client.aidataplatform_dp.models import ModifyContentDetails

    for name in ("a.ipynb", "b.ipynb"):
        workspace.tree.put(("Workspace", name), json.dumps(NOTEBOOK).encode())
    path = "/Workspace/a.ipynb"
    stale = await refused(notebooks.update_content, *WHERE, path, update(), if_match="old")
    assert stale == (412, "NoEtagMatch")
    assert (await refused(notebooks.delete_content, *WHERE, path, if_match="old"))[0] == 412
    move = ModifyContentDetails(path="/Workspace/b.ipynb")
    assert await refused(notebooks.modify_content, *WHERE, path, move) == (409, "Conflict")
    assert (await refused(notebooks.update_content, *WHERE, path, update(content={})))[0] == 400
    assert (await refused(notebooks.get_content, *WHERE, path, type="directory"))[0] == 400
    listing = await refused(notebooks.get_content, *WHERE, "/Workspace", type="directory", content=1)
    assert listing == (400, "InvalidParameter")
    assert (await refused(notebooks.get_content, "other", WORKSPACE_KEY, path))[0] == 404


async def test_directory_metadata_is_served_without_content(notebooks: Any) -> None:
    answer = await call(notebooks.get_content, *WHERE, "/Workspace", type="directory", content=0)
    assert (answer.data.type, answer.data.content, answer.data.name) == ("directory", None, "Workspace")


async def test_a_retry_token_answers_again_without_acting_again(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    from aidp_python_client.aidataplatform_dp.models import CreateContentDetails

    details = CreateContentDetails(type="notebook")
    first = await call(notebooks.create_content, *WHERE, "/Workspace", details, opc_retry_token="t" * 64)
    again = await call(notebooks.create_content, *WHERE, "/Workspace", details, opc_retry_token="t" * 64)
    assert (again.status, again.data.path, again.headers["etag"]) == (201, first.data.path, first.headers["etag"])
    assert len(workspace.tree.nodes) == 2
    other = CreateContentDetails(type="directory")
    reused = await refused(notebooks.create_content, *WHERE, "/Workspace", other, opc_retry_token="t" * 64)
    assert reused == (409, "InvalidatedRetryToken")
    await call(notebooks.delete_content, *WHERE, first.data.path)
    late = await refused(notebooks.create_content, *WHERE, "/Workspace", details, opc_retry_token="t" * 64)
    assert late == (409, "InvalidatedRetryToken")
    long = await refused(notebooks.create_content, *WHERE, "/Workspace", details, opc_retry_token="t" * 65)
    assert long == (400, "InvalidParameter")


async def test_folders_are_made_listed_in_pages_and_deleted(workspace: WorkspaceEmulator, objects: Any) -> None:
    made = await call(objects.create_workspace_object, *WHERE, b"", path="/Workspace/f", type="FOLDER")
    assert made.status == 200
    twice = await refused(objects.create_workspace_object, *WHERE, b"", path="/Workspace/f", type="FOLDER")
    assert twice == (409, "Conflict")
    for number in range(30):
        workspace.tree.put(("Workspace", "f", f"{number:02}.ipynb"), b"{}")
    page = await call(objects.list_workspace_objects, *WHERE, path="/Workspace/f")
    assert [item.type for item in page.data.items] == ["NOTEBOOK"] * 25
    last = await call(objects.list_workspace_objects, *WHERE, path="/Workspace/f", page=page.next_page)
    assert (len(last.data.items), last.next_page) == (5, None)
    await call(objects.delete_workspace_object, *WHERE, "Workspace/f")
    assert len(workspace.tree.nodes) == 1


async def test_without_strict_encoding_the_path_is_not_one_segment_and_not_found(
    workspace: WorkspaceEmulator, notebooks: Any
) -> None:
    notebooks.base_client.enable_strict_url_encoding = False
    assert (await refused(notebooks.get_content, *WHERE, "/Workspace", content=0))[0] == 404


async def test_a_stranger_sees_nothing_and_an_unknown_key_is_not_authenticated(
    workspace: WorkspaceEmulator, notebooks: Any
) -> None:
    workspace.strangers.update(workspace.keys)
    assert await refused(notebooks.get_content, *WHERE, "/Workspace", content=0) == (404, "NotAuthorizedOrNotFound")
    workspace.keys.clear()
    assert await refused(notebooks.get_content, *WHERE, "/Workspace", content=0) == (401, "NotAuthenticated")
