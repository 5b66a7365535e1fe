"""A tab of the browser that shows Lab: how it is opened, its menus and its dialogs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.files import FileBrowser
from tests.browser.notebook import NotebookPanel
from tests.browser.places import Place
from tests.browser.watch import Watch

START_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True)
class LabWindow:
    """Lab in a tab, in a workspace of its own, so that it restores nothing of another test."""

    page: Page
    watch: Watch

    @classmethod
    async def at(cls, context: BrowserContext, watch: Watch, place: Place, *, clock: bool = False) -> LabWindow:
        """A new tab whose file browser shows the place; with a ``clock`` that ``later`` can put forward."""
        window = cls(await context.new_page(), watch)
        if clock:
            await window.page.clock.install()
        workspace = f"test-{secrets.token_hex(4)}"
        address = f"{place.lab.url}/lab/workspaces/{workspace}/tree/{place.folder}?token={place.lab.token}"
        await window.page.goto(address)
        await window.started()
        await window.files.at(place.folder)  # it starts at the top, and comes here a moment later
        return window

    async def started(self) -> None:
        await expect(self.page.locator(".jp-FileBrowser")).to_be_visible(timeout=START_MILLISECONDS)
        await expect(self.page.locator("#jupyterlab-splash")).to_have_count(0, timeout=START_MILLISECONDS)
        await expect(self.page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current")).to_be_visible()

    async def reload(self) -> None:
        await self.page.reload()
        await self.started()

    async def later(self, *, minutes: int) -> None:
        """What would happen in the page in so long a time happens now, each timer once."""
        await self.page.clock.fast_forward(minutes * 60_000)

    async def misses_its_server(self) -> None:
        """See that Lab finds its server away. From now on its saying so is closed whenever it is in the way."""
        self.watch.allow("dialog: Server Connection Error: ", because="it is away; Lab may say so more than once")
        await expect(self.dialog).to_contain_text("JupyterLab will continue trying to reconnect")
        await self.page.add_locator_handler(self.dialog, _close)

    @property
    def files(self) -> FileBrowser:
        return FileBrowser(self.page)

    @property
    def dialog(self) -> Locator:
        return self.page.locator(".jp-Dialog")

    async def answer(self, title: str, button: str) -> None:
        """Press a button of the dialog of that title, which must come, and see it go."""
        await expect(self.dialog.locator(".jp-Dialog-header")).to_have_text(title)
        await self.dialog.locator(".jp-Dialog-button").get_by_text(button, exact=True).click()
        await expect(self.dialog).to_have_count(0)
        self.watch.expected(f"dialog: {title}: ")

    async def choose(self, *entries: str) -> None:
        """Walk through the menus: the first is in the menu bar."""
        bar, *path, last = entries
        await self.page.locator(".lm-MenuBar-itemLabel", has_text=bar).click()
        for entry in path:
            await self._menu_entry(entry).hover()
        await self._menu_entry(last).click()

    async def open_notebook(self, name: str) -> NotebookPanel:
        """By a double click in the file browser; a kernel of its own is ready when this returns."""
        await self.files.open(name)
        panel = NotebookPanel(self.page)
        await panel.shown(name)
        await panel.ready()
        return panel

    def _menu_entry(self, text: str) -> Locator:
        return self.page.locator(".lm-Menu-itemLabel").get_by_text(text, exact=True)


async def _close(dialog: Locator) -> None:
    await dialog.locator(".jp-Dialog-button").get_by_text("Close", exact=True).click()
