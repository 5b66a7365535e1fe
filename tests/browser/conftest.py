"""One browser and one Lab for a run, and a fresh context and folder for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from tests.browser.chromium import running_chromium
from tests.browser.places import Lab, Place
from tests.browser.upstream import running_lab
from tests.browser.watch import Watch
from tests.browser.window import LabWindow
from tests.fakes.jupyter import JupyterServer


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


@pytest_asyncio.fixture(loop_scope="session")
async def place(upstream: JupyterServer, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with aiohttp.ClientSession() as session:
        fresh = await Place.new(Lab(upstream.url, upstream.token, session), "")
        yield fresh
        await fresh.end_sessions()


@pytest_asyncio.fixture(loop_scope="session")
async def watch() -> AsyncIterator[Watch]:
    watching = Watch()
    yield watching
    assert watching.unexpected() == []


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
        return await LabWindow.at(context, watch, place, clock=clock)

    return visited
