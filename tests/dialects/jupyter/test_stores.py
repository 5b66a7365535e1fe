"""Stores that know or can do less than Jupyter's own folder look no different to a client."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from gateway.contents.model import EPOCH
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.dialects.jupyter import jupyter_dialect
from tests.contents.stand import BareBackend
from tests.dialects.jupyter.conftest import STARTED
from tests.dialects.jupyter.driving import Ask, Server, dialect_app
from tests.dialects.jupyter.vectors import Vector, folder, hold, text
from tests.fakes.memory import MemoryBackend

ALL = "/api/contents/a.txt/checkpoints"
START = "2026-11-21T02:42:25.683618Z"

VECTORS = [
    Vector("list_is_empty", Ask("GET", ALL), 200, []),
    Vector("create_is_forbidden", Ask("POST", ALL), 403, {"message": "This mount keeps no checkpoints."}),
    Vector("restore_is_unsupported", Ask("POST", f"{ALL}/x"), 501),
    Vector("delete_is_unsupported", Ask("DELETE", f"{ALL}/x"), 501),
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_a_store_without_checkpoints_has_none(
    vector: Vector, backend: MemoryBackend, session: ClientSession
) -> None:
    app = dialect_app(jupyter_dialect(started=STARTED), BareBackend(backend))
    async with TestServer(app) as server:
        await hold(vector, Server(session, str(server.make_url("")).rstrip("/")))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_other_faults_of_checkpoints_are_told_as_they_are(
    dialect: Server, backend: MemoryBackend, method: str
) -> None:
    backend.down = Problem(Code.UNAVAILABLE, "Down.")
    assert (await dialect.send(Ask(method, ALL))).status == 503


async def test_a_directory_without_a_date_has_the_gateways_start_for_one(
    dialect: Server, backend: MemoryBackend
) -> None:
    backend.directories[ContentPath(("f",))] = EPOCH
    read = await dialect.send(Ask("GET", "/api/contents/f"))
    unread = await dialect.send(Ask("GET", "/api/contents/f?content=0"))
    (listed,) = (await dialect.send(Ask("GET", "/api/contents"))).json()["content"]
    for model in (read.json(), unread.json(), listed):
        assert (model["created"], model["last_modified"]) == (START, START)
    assert read.headers["Last-Modified"] == unread.headers["Last-Modified"] == "Sat, 21 Nov 2026 02:42:25 GMT"


async def test_clutter_is_not_listed_but_there(dialect: Server) -> None:
    await dialect.send(folder("__pycache__"))
    for name in ("a.pyc", "a.pyo", "a.txt~", "a.txt"):
        assert (await dialect.send(text(name))).status == 201
    listed = (await dialect.send(Ask("GET", "/api/contents"))).json()["content"]
    assert [model["name"] for model in listed] == ["a.txt"]
    assert (await dialect.send(Ask("GET", "/api/contents/a.pyc"))).json()["content"] == "hello"


async def test_what_is_not_listed_is_copied_under_the_next_name(dialect: Server) -> None:
    await dialect.send(text("a.pyc"))
    copied = await dialect.send(Ask("POST", "/api/contents", {"copy_from": "a.pyc"}))
    assert copied.json()["name"] == "a-Copy1.pyc"
