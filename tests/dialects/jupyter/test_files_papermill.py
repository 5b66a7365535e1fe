"""Papermill and plain HTTP clients, unchanged, with notebooks of the gateway as their files."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.s3 import S3Server
from gateway.server.certificates import server_context, write_dev_certificate
from tests.fakes.jupyter import JupyterServer
from tests.gateways import TOKEN, USER, Clients, running_gateway
from tests.matrix.stores import STORES, Servers

pytestmark = pytest.mark.skipif(importlib.util.find_spec("papermill") is None, reason="papermill is not installed")

SOURCE = 'print("Grüße, 日本 🎉", answer * 2)'
NOTEBOOK: dict[str, Any] = {
    "cells": [
        {
            "cell_type": "code",
            "id": "p",
            "metadata": {"tags": ["parameters"]},
            "source": "answer = 1",
            "outputs": [],
            "execution_count": None,
        },
        {"cell_type": "code", "id": "c", "metadata": {}, "source": SOURCE, "outputs": [], "execution_count": None},
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
MAKING = "import sys, requests; requests.put(sys.argv[1], data=sys.argv[2].encode()).raise_for_status()"
SHOWING = "import sys, requests; sys.stdout.buffer.write(requests.get(sys.argv[1]).content)"
CHANGING = """
import sys
import requests
url = sys.argv[1]
read = requests.get(url)
read.raise_for_status()
stale = requests.put(url, data=read.content + b" ", headers={"If-Match": '"other"'})
saved = requests.put(url, data=read.content + b" ", headers={"If-Match": read.headers["ETag"]})
again = requests.put(url, data=read.content, headers={"If-Match": read.headers["ETag"]})
is_told = saved.headers["ETag"] == requests.head(url).headers["ETag"]
print(stale.status_code, saved.status_code, again.status_code, is_told)
"""


@dataclass(frozen=True)
class Stand:
    clients: Clients
    authority: Path

    def url(self, path: str) -> str:
        """With the token as the password of a user, which is all that such clients can send."""
        scheme, _, rest = self.clients.url.partition("://")
        return f"{scheme}://{USER}:{TOKEN}@{rest}/files/m/{path}"


@pytest.fixture(params=["nx1", "local"])
async def stand(
    request: pytest.FixtureRequest, tmp_path: Path, s3_server: S3Server, jupyter_server: JupyterServer
) -> AsyncIterator[Stand]:
    """The folder is reached over TLS, the bucket without."""
    authority, certificate, key = write_dev_certificate(tmp_path, ["127.0.0.1"])
    tls = server_context(certificate, key) if request.param == "local" else None
    async with (
        STORES[request.param](Servers(s3_server, jupyter_server), tmp_path) as section,
        running_gateway(tmp_path, [{"name": "m", **section}], tls=tls) as clients,
    ):
        yield Stand(clients, authority)


async def run(stand: Stand, folder: Path, *command: str) -> str:
    """Run Python with these arguments, in a home of its own, to its good end."""
    environment = os.environ | {"HOME": str(folder), "REQUESTS_CA_BUNDLE": str(stand.authority)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        env=environment,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    return output


async def test_papermill_runs_a_notebook_of_the_gateway_into_another(stand: Stand, tmp_path: Path) -> None:
    """A real kernel runs it here; each step of the result is stored as it comes."""
    await run(stand, tmp_path, "-c", MAKING, stand.url("a.ipynb"), json.dumps(NOTEBOOK, ensure_ascii=False))
    await run(stand, tmp_path, "-m", "papermill", stand.url("a.ipynb"), stand.url("b.ipynb"), "-p", "answer", "21")
    result = json.loads(await run(stand, tmp_path, "-c", SHOWING, stand.url("b.ipynb")))
    (output,) = result["cells"][-1]["outputs"]
    assert "".join(output["text"]) == "Grüße, 日本 🎉 42\n"
    assert result["metadata"]["papermill"]["exception"] is None
    assert json.loads(await run(stand, tmp_path, "-c", SHOWING, stand.url("a.ipynb"))) == NOTEBOOK


async def test_a_plain_client_keeps_what_others_have_saved(stand: Stand, tmp_path: Path) -> None:
    await run(stand, tmp_path, "-c", MAKING, stand.url("a.ipynb"), json.dumps(NOTEBOOK))
    assert (await run(stand, tmp_path, "-c", CHANGING, stand.url("a.ipynb"))).split() == ["412", "200", "412", "True"]
