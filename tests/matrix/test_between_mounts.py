"""From every store to every other: copies and moves arrive whole, and nothing is lost on the way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.demo.s3 import S3Server
from tests.fakes.jupyter import JupyterServer
from tests.gateways import NOTEBOOK, Answer, Clients, running_gateway
from tests.matrix.stores import STORES, Servers

PAIRS = [(origin, goal) for origin in STORES for goal in STORES if origin != goal]


@pytest.fixture
async def clients(s3_server: S3Server, jupyter_server: JupyterServer, tmp_path: Path) -> AsyncIterator[Clients]:
    """A gateway with one mount of every kind, named after it."""
    async with AsyncExitStack() as stack:
        servers = Servers(s3_server, jupyter_server)
        mounts = []
        for name, store in STORES.items():
            (folder := tmp_path / name).mkdir()
            mounts.append({**await stack.enter_async_context(store(servers, folder)), "name": name})
        yield await stack.enter_async_context(running_gateway(tmp_path, mounts))


async def _put(clients: Clients, path: str, model: dict[str, object]) -> None:
    made = await clients.jupyter("PUT", f"/contents/{path}", model)
    assert made.status == 201, made.body


async def _fill(clients: Clients, mount: str) -> None:
    await _put(clients, f"{mount}/top", {"type": "directory"})
    await _put(clients, f"{mount}/top/inner", {"type": "directory"})
    notebook = {"type": "notebook", "format": "json", "content": json.loads(NOTEBOOK)}
    await _put(clients, f"{mount}/top/a%20b.ipynb", notebook)
    await _put(clients, f"{mount}/top/inner/t.txt", {"type": "file", "format": "text", "content": "héllo\n"})


async def _facts(clients: Clients, path: str) -> tuple[object, object]:
    notebook = await clients.jupyter("GET", f"/contents/{path}/a%20b.ipynb")
    text = await clients.jupyter("GET", f"/contents/{path}/inner/t.txt")
    assert notebook.status == text.status == 200
    return notebook.json()["content"], text.json()["content"]


def _names(listing: Answer) -> set[str]:
    return {entry["name"] for entry in listing.json()["content"]}


@pytest.mark.parametrize(("origin", "goal"), PAIRS)
async def test_a_folder_is_copied_and_then_moved(clients: Clients, origin: str, goal: str) -> None:
    await _fill(clients, origin)
    before = await _facts(clients, f"{origin}/top")
    copied = await clients.jupyter("POST", f"/contents/{goal}", {"copy_from": f"{origin}/top"})
    assert (copied.status, copied.json()["path"]) == (201, f"{goal}/top")
    assert await _facts(clients, f"{goal}/top") == before
    moved = await clients.jupyter("PATCH", f"/contents/{origin}/top", {"path": f"{goal}/moved"})
    assert (moved.status, moved.json()["path"]) == (200, f"{goal}/moved")
    assert await _facts(clients, f"{goal}/moved") == before
    assert _names(await clients.jupyter("GET", f"/contents/{origin}")) == set()


@pytest.mark.parametrize(("origin", "goal"), PAIRS)
async def test_a_notebook_is_moved_and_never_onto_another(clients: Clients, origin: str, goal: str) -> None:
    model = {"type": "notebook", "format": "json", "content": json.loads(NOTEBOOK)}
    await _put(clients, f"{origin}/a.ipynb", model)
    await _put(clients, f"{goal}/taken.ipynb", model)
    refused = await clients.jupyter("PATCH", f"/contents/{origin}/a.ipynb", {"path": f"{goal}/taken.ipynb"})
    assert refused.status == 409
    moved = await clients.jupyter("PATCH", f"/contents/{origin}/a.ipynb", {"path": f"{goal}/b.ipynb"})
    assert moved.status == 200
    assert (await clients.jupyter("GET", f"/contents/{origin}/a.ipynb")).status == 404
    assert _names(await clients.jupyter("GET", f"/contents/{goal}")) == {"b.ipynb", "taken.ipynb"}
