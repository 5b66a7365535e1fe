"""Oracle's own client finds sessions, exports and chunked uploads in the emulated workspace (spec oci 4.7, 4.8, 5)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.compat.workspace_calls import CELL, NOTEBOOK, call, oracle_client, refused
from tests.fakes.workspace import CLUSTER_ID, WorkspaceEmulator, running_workspace

oci_exceptions = pytest.importorskip("oci.exceptions", reason="Oracle's client is not installed")
models = pytest.importorskip("aidp_python_client.aidataplatform_dp.models", reason="Oracle's client is not installed")

GONE = (404, "NotAuthorizedOrNotFound")
INVALID = (400, "InvalidParameter")
PATH = "/Workspace/a.ipynb"


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture
def notebooks(workspace: WorkspaceEmulator, tmp_path: Path) -> Iterator[Any]:
    with oracle_client("NotebookClient", workspace, tmp_path, strict=True) as client:
        yield client


def session_at(path: str = PATH, **fields: Any) -> Any:
    return models.CreateSessionDetails(path=path, **{"cluster_id": CLUSTER_ID, **fields})


def pieces_of(body: bytes, count: int, **wrong: Any) -> list[Any]:
    """The chunks of a save; ``wrong`` is said of the whole instead of what is true."""
    size = len(body) // count + 1
    said = {
        "upload_id": "u-1",
        "total_chunks": count,
        "total_size_bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        **wrong,
    }
    return [
        models.UpdateContentDetails(
            format="json",
            type="notebook",
            upload_chunk_index=number if number < count else -1,
            content=base64.b64encode(body[(number - 1) * size : number * size]).decode(),
            **said,
        )
        for number in range(1, count + 1)
    ]


async def test_a_session_becomes_active_and_goes(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    created = await call(notebooks.create_session, session_at(kernel=models.Kernel(name="python3")))
    assert (created.status, created.data.lifecycle_state, created.data.kernel) == (201, "CREATING", None)
    assert created.headers["location"].endswith(f"/sessions/{created.data.id}")
    again = await call(notebooks.create_session, session_at(name="other"))
    assert (again.status, again.data.id) == (200, created.data.id)
    seen = [(await call(notebooks.get_session, created.data.id)).data for _ in range(3)]
    assert [each.lifecycle_state for each in seen] == ["CREATING", "CREATING", "ACTIVE"]
    assert [each.kernel and each.kernel.name for each in seen] == [None, None, "python3"]
    assert seen[2].kernel.execution_state == "idle"
    gone = await call(notebooks.delete_session, created.data.id, if_match=created.headers["etag"])
    assert gone.status == 204
    assert await refused(notebooks.get_session, created.data.id) == GONE


async def test_a_session_is_changed_under_its_etag(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    workspace.habits.session_polls = 0
    created = await call(notebooks.create_session, session_at())
    change = models.PatchSessionDetails(name="named", must_refresh_context=True)
    assert await refused(notebooks.patch_session, created.data.id, change, if_match="old") == (412, "NoEtagMatch")
    patched = await call(notebooks.patch_session, created.data.id, change, if_match=created.headers["etag"])
    assert (patched.data.name, patched.data.path) == ("named", PATH)
    assert patched.data.kernel.id != created.data.kernel.id
    assert patched.headers["etag"] != created.headers["etag"]


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"cluster_id": "unknown"}, GONE),
        ({"cluster_id": "stopped"}, INVALID),
        ({"cluster_id": None}, INVALID),
        ({"path": None}, INVALID),
        ({"type": "nonsense"}, INVALID),
    ],
)
async def test_sessions_that_cannot_be_are_refused(
    workspace: WorkspaceEmulator, notebooks: Any, fields: dict[str, Any], refusal: tuple[int, str]
) -> None:
    workspace.habits.clusters["stopped"] = "STOPPED"
    assert await refused(notebooks.create_session, session_at(**fields)) == refusal
    assert not workspace.sessions


async def test_sessions_are_listed_in_pages_and_by_path(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    workspace.habits.clusters["stopped"] = "STOPPED"
    for number in range(3):
        await call(notebooks.create_session, session_at(f"/Workspace/{number}.ipynb"))
    first = await call(notebooks.list_sessions, limit=2)
    last = await call(notebooks.list_sessions, limit=2, page=first.next_page)
    assert [item.name for item in first.data.items + last.data.items] == ["2.ipynb", "1.ipynb", "0.ipynb"]
    assert last.next_page is None
    (found,) = (await call(notebooks.list_sessions, path="/Workspace/1.ipynb", cluster_id=CLUSTER_ID)).data.items
    assert found.name == "1.ipynb"
    assert (await refused(notebooks.list_sessions, cluster_id="stopped"))[0] == 500


async def test_a_repeated_session_is_one(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    first = await call(notebooks.create_session, session_at(), opc_retry_token="t")
    again = await call(notebooks.create_session, session_at(), opc_retry_token="t")
    assert (again.status, again.data.id) == (201, first.data.id)
    await call(notebooks.delete_session, first.data.id)
    late = await refused(notebooks.create_session, session_at(), opc_retry_token="t")
    assert late == (409, "InvalidatedRetryToken")


async def test_exports_as_ipynb_and_html(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    image = {"output_type": "display_data", "data": {"image/png": "QUJD\n"}, "metadata": {}}
    notebook = {**NOTEBOOK, "cells": [{**CELL, "source": ["<b>\n"], "outputs": [image]}]}
    workspace.tree.put(("Workspace", "a.ipynb"), json.dumps(notebook).encode())
    workspace.tree.put(("Workspace", "a.txt"), b"")
    export, details = notebooks.export_contents, models.ExportContentsDetails
    plain = await call(export, PATH, details())
    assert (json.loads(plain.data.content), plain.data.format) == (notebook, "ipynb")
    assert plain.headers["etag"] == (await call(notebooks.get_content, PATH)).headers["etag"]
    page = (await call(export, PATH, details(format="html"))).data.content
    assert "<code>&lt;b&gt;\n</code>" in page
    assert 'src="data:image/png;base64,QUJD"' in page
    workspace.habits.export_as_object = True
    assert (await call(export, PATH, details())).data.content["cells"][0]["source"] == "<b>\n"
    assert await refused(export, "/Workspace/a.txt", details()) == INVALID
    assert await refused(export, "/Workspace/none.ipynb", details()) == GONE


@pytest.mark.parametrize("count", [1, 3])
async def test_a_notebook_in_chunks_is_stored_when_it_is_whole(
    workspace: WorkspaceEmulator, notebooks: Any, count: int
) -> None:
    *pieces, last = pieces_of(json.dumps(NOTEBOOK).encode(), count)
    for number, piece in enumerate(pieces, 1):
        taken = await call(notebooks.update_content, PATH, piece)
        assert (taken.status, taken.data.upload_chunk_index, taken.data.content) == (200, number, None)
        assert await refused(notebooks.get_content, PATH) == GONE
    done = await call(notebooks.update_content, PATH, last)
    assert (done.data.upload_chunk_index, done.data.upload_id, done.data.total_chunks) == (-1, "u-1", count)
    read = await call(notebooks.get_content, PATH)
    assert (read.data.content, read.headers["etag"]) == (NOTEBOOK, done.headers["etag"])


async def test_a_notebook_in_chunks_may_be_created_untitled(workspace: WorkspaceEmulator, notebooks: Any) -> None:
    pieces = [
        models.CreateContentDetails(**{name: getattr(piece, name) for name in piece.attribute_map if name in CREATED})
        for piece in pieces_of(json.dumps(NOTEBOOK).encode(), 2)
    ]
    taken = await call(notebooks.create_content, "/Workspace", pieces[0])
    assert taken.data.upload_chunk_index == 1
    made = await call(notebooks.create_content, "/Workspace", pieces[1])
    assert (made.status, made.data.path) == (201, "/Workspace/Untitled.ipynb")
    assert (await call(notebooks.get_content, made.data.path)).data.content == NOTEBOOK


CREATED = ("upload_id", "upload_chunk_index", "total_chunks", "total_size_bytes", "sha256", "content", "format", "type")


@pytest.mark.parametrize(
    ("wrong", "order"),
    [
        ({}, [1, 0, 2]),
        ({}, [0, 2]),
        ({"total_size_bytes": 7}, [0, 1, 2]),
        ({"sha256": "0" * 64}, [0, 1, 2]),
        ({"total_chunks": 4}, [0, 1, 2]),
        ({"total_chunks": 2}, [0, 1, 2]),
        ({"upload_id": ""}, [0, 1, 2]),
    ],
)
async def test_chunks_that_do_not_fit_are_refused_and_never_stored(
    workspace: WorkspaceEmulator, notebooks: Any, wrong: dict[str, Any], order: list[int]
) -> None:
    pieces = pieces_of(json.dumps(NOTEBOOK).encode(), 3, **wrong)
    for number in order[:-1]:
        with suppress(oci_exceptions.ServiceError):
            await call(notebooks.update_content, PATH, pieces[number])
    assert await refused(notebooks.update_content, PATH, pieces[order[-1]]) == INVALID
    assert set(workspace.tree.nodes) == {("Workspace",)}


async def test_a_chunk_is_taken_twice_and_a_whole_that_is_no_notebook_never(
    workspace: WorkspaceEmulator, notebooks: Any
) -> None:
    first, last = pieces_of(b'{"cells": "none"}', 2)
    for _ in range(2):
        await call(notebooks.update_content, PATH, first)
    assert await refused(notebooks.update_content, PATH, last) == INVALID
    workspace.habits.chunked_uploads = False
    assert await refused(notebooks.update_content, PATH, first) == INVALID
    assert set(workspace.tree.nodes) == {("Workspace",)}
