"""Clients of two dialects append to one notebook at the same time, each under If-Match: no line is ever lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.s3 import S3Server
from tests.fakes.jupyter import JupyterServer
from tests.gateways import NOTEBOOK, Answer, Clients, running_gateway
from tests.matrix.stores import STORES, Servers

LINES_EACH = 5


@pytest.fixture(params=list(STORES))
async def clients(
    request: pytest.FixtureRequest, s3_server: S3Server, jupyter_server: JupyterServer, tmp_path: Path
) -> AsyncIterator[Clients]:
    async with (
        STORES[request.param](Servers(s3_server, jupyter_server), tmp_path) as mount,
        running_gateway(tmp_path, [{**mount, "name": "m"}]) as gateway,
    ):
        yield gateway


def _lines(answer: Answer) -> list[str]:
    return "".join(answer.json()["content"]["cells"][0]["source"]).splitlines()


def _with_line(answer: Answer, line: str) -> dict[str, object]:
    notebook = json.loads(NOTEBOOK)
    notebook["cells"][0]["source"] = "\n".join([*_lines(answer), line])
    return {"type": "notebook", "format": "json", "content": notebook}


async def _append_through_jupyter(clients: Clients, line: str) -> Answer:
    read = await clients.jupyter("GET", "/contents/m/shared.ipynb")
    return await clients.jupyter("PUT", "/contents/m/shared.ipynb", _with_line(read, line), If_Match=f'"{read.etag}"')


async def _append_through_oci(clients: Clients, line: str) -> Answer:
    read = await clients.oci("GET", "/Workspace/shared.ipynb")
    return await clients.oci("PUT", "/Workspace/shared.ipynb", _with_line(read, line), if_match=read.etag)


async def test_every_acknowledged_line_is_there_once(clients: Clients) -> None:
    model = {"type": "notebook", "format": "json", "content": json.loads(NOTEBOOK)}
    first = await clients.jupyter("PUT", "/contents/m/shared.ipynb", model)
    assert first.status == 201
    refused = 0

    async def write(name: str) -> None:
        nonlocal refused
        append = _append_through_oci if name.startswith("oci") else _append_through_jupyter
        for number in range(LINES_EACH):
            while (answer := await append(clients, f"{name} {number}")).status != 200:
                assert answer.status == 412
                refused += 1

    writers = ("oci 1", "jupyter 1", "oci 2", "jupyter 2")
    await asyncio.gather(*(write(name) for name in writers))
    lines = _lines(await clients.jupyter("GET", "/contents/m/shared.ipynb"))
    assert lines[0] == "# one"
    assert sorted(lines[1:]) == sorted(f"{name} {number}" for name in writers for number in range(LINES_EACH))
    assert refused > 0
