"""Readers and writers of one notebook at once: every read is whole and every save succeeds, whatever the store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest

from gateway.demo.s3 import S3Server
from tests.fakes.jupyter import JupyterServer
from tests.gateways import TOKEN, Clients, running_gateway
from tests.matrix.stores import STORES, Servers

PATH = "/contents/m/n.ipynb"
CELLS = 8
SAVES, WRITERS, READERS = 4, 2, 3


@pytest.fixture(params=["local", "jupyter"])
async def clients(
    request: pytest.FixtureRequest, tmp_path: Path, s3_server: S3Server, jupyter_server: JupyterServer
) -> AsyncIterator[Clients]:
    async with (
        STORES[request.param](Servers(s3_server, jupyter_server), tmp_path) as section,
        running_gateway(tmp_path, [{"name": "m", **section}]) as clients,
    ):
        yield clients


async def save(clients: Clients, mark: str, size: int) -> int:
    """Save a notebook of about ``size`` bytes, each of whose cells ends in ``mark``; the status."""
    source = "x" * (size // CELLS) + mark
    cells = [{"cell_type": "raw", "id": f"c{n}", "metadata": {}, "source": source} for n in range(CELLS)]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    body = BytesIO(json.dumps({"type": "notebook", "format": "json", "content": content}).encode())
    headers = {"Authorization": f"token {TOKEN}"}
    async with clients.session.put(f"{clients.url}/api{PATH}", data=body, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("size", [1_000, 30_000, 300_000, 2_000_000])
async def test_readers_and_writers_never_meet_half_a_notebook(clients: Clients, size: int) -> None:
    assert await save(clients, "first", size) == 201
    done = asyncio.Event()
    marks: set[str] = set()

    async def write(writer: int) -> None:
        for number in range(SAVES):
            assert await save(clients, f"<{writer}-{number}>", size) == 200

    async def read() -> None:
        while not done.is_set():
            answer = await clients.jupyter("GET", PATH)
            assert answer.status == 200, answer.body
            sources = {cell["source"] for cell in answer.json()["content"]["cells"]}
            assert len(sources) == 1
            marks.add(sources.pop().strip("x"))

    async with asyncio.TaskGroup() as group:
        for _ in range(READERS):
            group.create_task(read())
        await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
        done.set()
    assert marks <= {"first", *(f"<{writer}-{number}>" for writer in range(WRITERS) for number in range(SAVES))}
    assert len(marks) > 1
