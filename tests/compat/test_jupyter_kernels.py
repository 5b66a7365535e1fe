"""Other people's clients of kernels, over the gateway's WebSockets: none of them is JupyterLab."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_kernel_client import JupyterKernelClient  # type: ignore[import-untyped]  # ships without types
from jupyter_kernel_client.manager import KernelHttpManager  # type: ignore[import-untyped]  # ships without types
from nbclient import NotebookClient
from yarl import URL

from tests.compat.places import ROOT, Place, new_place
from tests.fakes.jupyter import running_jupyter
from tests.gateways import Clients

pytestmark = pytest.mark.asyncio(loop_scope="session")


def outputs_of(place: Place, code: str) -> Any:
    """What a kernel that is started for this puts out; it is gone afterwards."""
    with JupyterKernelClient(server_url=place.url, token=place.token) as kernel:
        return kernel.execute(code)["outputs"]


def run(place: Place, notebook: nbformat.NotebookNode) -> None:
    """nbclient in front of a kernel that it has not started itself."""
    manager = KernelHttpManager(place.url, place.token)
    manager.start_kernel("python3", place.folder)
    client, channels = NotebookClient(notebook, km=manager), manager.client
    client.kc = channels
    channels.start_channels()
    channels.wait_for_ready()
    try:
        asyncio.run(client.async_execute())
    finally:
        channels.stop_channels()
        manager.shutdown_kernel(now=True)


def notebook_of(*code: str) -> Any:
    cells: list[Any] = [
        {"cell_type": "code", "id": f"c{index}", "metadata": {}, "source": each, "outputs": [], "execution_count": None}
        for index, each in enumerate(code)
    ]
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    return nbformat.from_dict(content)  # type: ignore[no-untyped-call]  # nbformat is typed in part


async def kernels(gateway: Clients) -> list[str]:
    return [model["id"] for model in (await gateway.jupyter("GET", "/kernels")).json()]


async def test_a_kernel_client_runs_code(notebooks: Clients) -> None:
    before = await kernels(notebooks)
    (result,) = await asyncio.to_thread(outputs_of, await new_place(notebooks, ROOT), "1 + 1")
    assert result["data"]["text/plain"] == "2"
    assert await kernels(notebooks) == before


async def test_the_gateway_gives_kernels_to_another_jupyter_server(notebooks: Clients, tmp_path: Path) -> None:
    """``jupyter server --gateway-url``, whose own kernels are then none at all."""
    place = await new_place(notebooks, ROOT)
    options = [f"--gateway-url={place.url}", f"--GatewayClient.auth_token={place.token}"]
    async with running_jupyter(tmp_path, *options) as server:
        (printed,) = await asyncio.to_thread(outputs_of, Place(server.url, server.token, ""), "print('far away')")
        headers = {"Authorization": f"token {server.token}"}
        icon = await notebooks.send("GET", URL(f"{server.url}/kernelspecs/python3/logo-64x64.png"), headers)
    assert printed["text"] == "far away\n"
    assert (icon.status, icon.headers["Content-Type"]) == (200, "image/png")


async def test_nbclient_runs_a_notebook(notebooks: Clients) -> None:
    code = ["import os; print(os.path.basename(os.getcwd()))", "6 * 7", "_ + 1"]
    notebook = notebook_of(*code)
    place = await new_place(notebooks, ROOT)
    await asyncio.to_thread(run, place, notebook)
    printed, *results = [cell.outputs[0] for cell in notebook.cells]
    assert printed.text == f"{place.folder}\n"
    assert [result.data["text/plain"] for result in results] == ["42", "43"]
