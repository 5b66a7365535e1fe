"""A notebook that its user has run may draw its outputs when that user opens it again, and nobody else's may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.contents.trust import trusted
from tests.gateways import OTHER_TOKEN, TOKEN, Clients, running_gateway

HTML = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>draw()</script>"}}
PLAIN = {"output_type": "stream", "name": "stdout", "text": "1"}


def code_cell(name: str, *outputs: Any, **metadata: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name,
        "execution_count": 1,
        "metadata": metadata,
        "source": "1",
        "outputs": outputs,
    }


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    text = {"cell_type": "markdown", "id": "text", "metadata": {}, "source": "# one"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [text, *cells]}


async def marks(clients: Clients, path: str = "/files/a.ipynb", token: str = TOKEN) -> list[bool | None]:
    model = (await clients.jupyter("GET", f"/contents{path}", token=token)).json()
    return [cell["metadata"].get("trusted") for cell in model["content"]["cells"]]


async def save(clients: Clients, content: dict[str, Any], **more: str) -> None:
    body = {"type": "notebook", "format": "json", "content": content, **more}
    assert (await clients.jupyter("PUT", "/contents/files/a.ipynb", body)).status in (200, 201)


@pytest.fixture
async def clients(tmp_path: Path) -> Any:
    (tmp_path / "files").mkdir()
    mount = {"name": "files", "kind": "local", "folder": str(tmp_path / "files")}
    async with running_gateway(tmp_path, [mount]) as clients:
        yield clients


async def test_what_its_user_has_run_is_trusted_when_opened_again(clients: Clients) -> None:
    content = notebook(code_cell("a", HTML, trusted=True), code_cell("b", PLAIN))
    await save(clients, content, path="files/a.ipynb")
    assert await marks(clients) == [None, True, True]


async def test_it_is_trusted_under_another_name_and_no_longer_when_changed_by_others(clients: Clients) -> None:
    content = notebook(code_cell("a", HTML, trusted=True))
    await save(clients, content)
    await clients.jupyter("PATCH", "/contents/files/a.ipynb", {"path": "files/b.ipynb"})
    assert await marks(clients, "/files/b.ipynb") == [None, True]
    content["cells"][1]["outputs"] = [HTML, HTML]
    await clients.send("PUT", "/files/files/b.ipynb", {"Authorization": f"token {TOKEN}"}, json.dumps(content).encode())
    assert await marks(clients, "/files/b.ipynb") == [None, None]


async def test_nobody_else_trusts_it(clients: Clients) -> None:
    await save(clients, notebook(code_cell("a", HTML, trusted=True)))
    assert await marks(clients, token=OTHER_TOKEN) == [None, None]


async def test_one_cell_that_was_not_run_makes_all_untrusted(clients: Clients) -> None:
    await save(clients, notebook(code_cell("a", HTML, trusted=True), code_cell("b", HTML)))
    assert await marks(clients) == [None, None, None]


async def test_an_upload_is_not_trusted_whatever_it_says_of_itself(clients: Clients) -> None:
    await save(clients, notebook(code_cell("a", HTML, trusted=True)), name="a.ipynb", path="files/a.ipynb")
    assert await marks(clients) == [None, None]


async def test_a_marked_file_that_stands_in_the_store_is_not_trusted(clients: Clients, tmp_path: Path) -> None:
    (tmp_path / "files" / "a.ipynb").write_text(json.dumps(notebook(code_cell("a", HTML, trusted=True))))
    assert await marks(clients) == [None, None]


def test_marking_changes_nothing_else() -> None:
    body = b'{"nbformat":4,"cells":[{"cell_type":"code","x":1e999,"metadata":{"y":12345678901234567890123}}],"z":1.50}'
    marked = trusted(body).replace(b',"trusted":true', b"")
    assert marked == body


@pytest.mark.parametrize(
    "body", [b'{"nbformat":4}', b'{"cells":3}', b'{"cells":[1]}', b'{"cells":[{"cell_type":"code","metadata":1}]}']
)
def test_what_is_no_proper_notebook_stays_as_it_is(body: bytes) -> None:
    assert trusted(body) in (body, body[:-1] + b',"cells":[]}')
