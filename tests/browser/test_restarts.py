"""An open Lab while the Jupyter server, or the gateway, is stopped and started again where it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import expect
from yarl import URL

from tests.browser.chromium import IN_BROWSER
from tests.browser.conftest import Visit
from tests.browser.places import ROOT, Lab, Place
from tests.browser.stand import jupyter_mount, local_mount
from tests.browser.upstream import running_lab
from tests.browser.watch import Watch
from tests.fakes.jupyter import JupyterServer
from tests.gateways import TOKEN, Clients, running_gateway

pytestmark = [*IN_BROWSER, pytest.mark.timeout(240)]

BACK_MILLISECONDS = 45_000
"""Lab tries again after up to 30 seconds."""
AWAY = "console: (Failed to load|WebSocket connection)|status 503|failed: .*ERR_(CONNECTION|EMPTY|INCOMPLETE)"


async def test_lab_outlives_a_restart_of_its_jupyter_server(visit: Visit, watch: Watch, tmp_path: Path) -> None:
    async with AsyncExitStack() as first, AsyncExitStack() as rest:
        upstream = await first.enter_async_context(running_lab(tmp_path))
        gateway = await rest.enter_async_context(_gateway(tmp_path, upstream))
        place = await Place.new(Lab(gateway.url, TOKEN, gateway.session), ROOT)
        await place.put_notebook("a.ipynb", "")
        lab = await visit(place)
        notebook = await lab.open_notebook("a.ipynb")
        await notebook.run("print('before')", "before")
        await notebook.save()
        watch.allow(AWAY, because="the Jupyter server is away, or has just come back without its kernels")
        watch.allow("status 404: GET .*/api/(kernels|sessions)/", because="what ran on the server has ended with it")
        await first.aclose()
        await lab.misses_its_server()
        again = running_lab(tmp_path, port=URL(upstream.url).port or 0, token=upstream.token)
        await rest.enter_async_context(again)
        await place.put_notebook("b.ipynb", "")
        await expect(lab.files.entry("b.ipynb")).to_be_visible(timeout=BACK_MILLISECONDS)
        other = await lab.open_notebook("b.ipynb")
        await other.run("print('after')", "after")


async def test_lab_outlives_a_restart_of_the_gateway(
    upstream: JupyterServer, visit: Visit, watch: Watch, tmp_path: Path
) -> None:
    async with _gateway(tmp_path, upstream) as gateway:
        place = await Place.new(Lab(gateway.url, TOKEN, gateway.session), "local")
        await place.put_notebook("a.ipynb", "")
        lab = await visit(place)
        notebook = await lab.open_notebook("a.ipynb")
        await notebook.run("kept = 'here'; print(kept)", "here")
        await notebook.save()
        watch.allow(AWAY, because="the gateway is away for a moment")
    await lab.misses_its_server()
    async with _gateway(tmp_path, upstream, URL(gateway.url).port or 0) as gateway:
        place = Place(Lab(gateway.url, TOKEN, gateway.session), place.folder)
        await notebook.ready()
        await notebook.run("print(kept * 2)", "herehere")
        await notebook.save()
        assert await place.source("a.ipynb") == "print(kept * 2)"
        await place.end_sessions()


@asynccontextmanager
async def _gateway(folder: Path, upstream: JupyterServer, port: int = 0) -> AsyncIterator[Clients]:
    async with running_gateway(folder, [jupyter_mount(upstream), local_mount(folder)], port=port) as running:
        yield running
