"""Directories answered with their entries, as the service once did, where the configuration asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dialects.oci.app import Answer, Oci, running


@pytest.fixture
async def oci(tmp_path: Path) -> AsyncIterator[Oci]:
    async with running(tmp_path, lists_directories=True) as served:
        (served.root / "d").mkdir()
        await served.put_notebook("d/a.ipynb")
        (served.root / "d" / "t.txt").write_text("text")
        (served.root / "d" / ".hidden").write_text("x")
        yield served


def _entries(answer: Answer) -> dict[str, tuple[str, str, object]]:
    assert answer.status == 200
    return {entry["name"]: (entry["path"], entry["type"], entry["content"]) for entry in answer.json()["content"]}


@pytest.mark.parametrize("query", ["", "?content=1", "?type=directory", "?type=directory&content=1"])
async def test_a_directory_is_listed(oci: Oci, query: str) -> None:
    answer = await oci("GET", f"%2FWorkspace%2Fd{query}")
    assert (answer.json()["type"], answer.json()["format"], answer.json()["path"]) == (
        "directory",
        "json",
        "/Workspace/d",
    )
    assert _entries(answer) == {
        "a.ipynb": ("/Workspace/d/a.ipynb", "notebook", None),
        "t.txt": ("/Workspace/d/t.txt", "file", None),
    }
    assert answer.etag


async def test_the_workspace_itself_is_listed(oci: Oci) -> None:
    assert _entries(await oci("GET", "%2FWorkspace")) == {"d": ("/Workspace/d", "directory", None)}


async def test_files_are_read_as_ever(oci: Oci) -> None:
    notebook = await oci("GET", "d%2Fa.ipynb")
    assert (notebook.json()["type"], notebook.json()["format"]) == ("notebook", "json")
    text = await oci("GET", "d%2Ft.txt?format=text")
    assert text.json()["content"] == "text"
    assert (await oci("GET", "d%2Ft.txt?format=json")).json()["reason"] == "bad format"


@pytest.mark.parametrize(
    ("tail", "status"), [("d%2Fa.ipynb?type=directory", 400), ("d?type=notebook", 400), ("no?type=directory", 404)]
)
async def test_what_is_not_as_asked_is_refused(oci: Oci, tail: str, status: int) -> None:
    assert (await oci("GET", tail)).status == status
