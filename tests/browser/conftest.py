"""One browser and one Lab for a run, and a fresh context and folder for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, expect

from gateway.demo.s3 import S3Server
from tests.browser.chromium import running_chromium
from tests.browser.places import Place
from tests.browser.stand import Stand, running_stand
from tests.browser.upstream import running_lab
from tests.browser.watch import Watch
from tests.browser.window import LabWindow
from tests.fakes.jupyter import JupyterServer

expect.set_options(timeout=20_000)  # five seconds by default, which a busy machine may need for a dialog

NO_CHECKPOINTS = "page error: This mount keeps no checkpoints|(status 403: POST|console: .* 403) .*/checkpoints"
"""An OCI workspace has nowhere to keep them."""


class Visit(Protocol):
    """Opens a tab whose file browser shows the place."""

    async def __call__(self, place: Place, *, clock: bool = False) -> LabWindow: ...


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with running_chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def upstream(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[JupyterServer]:
    async with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stand(
    upstream: JupyterServer, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stand]:
    async with running_stand(tmp_path_factory.mktemp("stand"), upstream, s3_server) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def place(stand: Stand, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """A new folder in the mount that ``over`` names."""
    fresh = await Place.new(stand.lab(request.param), request.param)
    yield fresh
    await fresh.end_sessions()


@pytest_asyncio.fixture(loop_scope="session")
async def watch() -> AsyncIterator[Watch]:
    watching = Watch()
    yield watching
    unexpected = watching.unexpected()
    assert not unexpected, "\n".join(unexpected)


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser, watch: Watch) -> AsyncIterator[BrowserContext]:
    """As a user's browser that has never been here. In it, whatever a page complains of fails the test."""
    fresh = await browser.new_context(viewport={"width": 1100, "height": 800}, accept_downloads=True)
    await watch.begin(fresh)
    yield fresh
    await fresh.close()


@pytest.fixture
def visit(context: BrowserContext, watch: Watch) -> Visit:
    async def visited(place: Place, *, clock: bool = False) -> LabWindow:
        if place.folder.startswith("oci/"):
            watch.allow(NO_CHECKPOINTS, because="Lab asks for them all the same, and says no more of it than this")
        return await LabWindow.at(context, watch, place, clock=clock)

    return visited
