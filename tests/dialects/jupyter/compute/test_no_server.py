"""Where there is no Jupyter server, or none for the caller, nothing runs, and that is said plainly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.dialects.jupyter.compute.steps import AL, Compute, computing
from tests.dialects.jupyter.compute.upstreams import UNKNOWN_ID

STARTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/kernels", {"name": "python3"}),
    ("/kernels", {"name": "lab.python3"}),
    ("/sessions", {"path": "files/a.ipynb", "type": "notebook", "kernel": {"name": "python3"}}),
    ("/terminals", {}),
)
SINGLE = (
    f"/kernels/{UNKNOWN_ID}",
    f"/sessions/{UNKNOWN_ID}",
    "/terminals/1",
    "/terminals/lab.1",
    "/kernelspecs/python3",
    "/nbconvert",
    "/events/subscribe",
)


async def has_nothing(compute: Compute, status: int, token: str) -> None:
    for resource in ("/kernels", "/sessions", "/terminals"):
        assert (await compute.ask("GET", resource, token=token)).json() == []
    specs = await compute.ask("GET", "/kernelspecs", token=token)
    assert specs.json() == {"default": "", "kernelspecs": {}}
    assert (await compute.ask("GET", "/status", token=token)).json()["kernels"] == 0
    for resource in SINGLE:
        await compute.refused("GET", resource, None, 404, token=token)
    for path, body in STARTS:
        await compute.refused("POST", path, body, status, token=token)
    for page in ("/kernelspecs/python3/logo-64x64.png", "/nbconvert/html/files/none.ipynb"):
        assert (await compute.fetch(page, token=token)).status == 404
    for channels in (f"/api/kernels/{UNKNOWN_ID}/channels", "/terminals/websocket/1"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await compute.session.ws_connect(f"{compute.url}{channels}?token={token}")
        assert refused.value.status == 404
    sent = await compute.fetch("/nbconvert/html", "POST", {"content": {}}, token=token)
    assert sent.status == status


async def test_a_gateway_of_stores_alone_runs_nothing(tmp_path: Path) -> None:
    async with computing(tmp_path, [store(tmp_path)]) as compute:
        await has_nothing(compute, 501, AL)


@pytest.mark.parametrize("runners", [[], ["ada"]])
async def test_who_may_not_run_has_nothing_that_runs(tmp_path: Path, runners: list[str]) -> None:
    lab = {"name": "lab", "kind": "jupyter", "url": "http://127.0.0.1:1", "token": "x", "runners": runners}
    async with computing(tmp_path, [store(tmp_path), lab]) as compute:
        await has_nothing(compute, 403, AL)


def store(folder: Path) -> dict[str, Any]:
    (folder / "files").mkdir()
    return {"name": "files", "kind": "local", "folder": str(folder / "files")}
