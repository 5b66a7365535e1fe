"""The notebook that Lab shows: its cells, its kernel and whether it is saved."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

KERNEL_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True)
class NotebookPanel:
    page: Page

    @property
    def tab(self) -> Locator:
        return self.page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current")

    @property
    def status(self) -> Locator:
        """The kernel's name and what it does, in the status bar."""
        return self.page.locator("#jp-main-statusbar .jp-StatusBar-TextItem", has_text=re.compile(r" \| "))

    def cell(self, index: int = 0) -> Locator:
        return self._panel.locator(".jp-Notebook-cell").nth(index)

    def editor(self, index: int = 0) -> Locator:
        return self.cell(index).locator(".cm-content")

    def output(self, index: int = 0) -> Locator:
        return self.cell(index).locator(".jp-OutputArea-output")

    async def shown(self, name: str) -> None:
        await expect(self.tab).to_have_text(name)
        await expect(self.cell()).to_be_visible()

    async def ready(self) -> None:
        """Connected to a kernel. What it does may stay unknown until it is used: when its first words come in an
        unlucky order, Lab drops them, with the gateway and without."""
        await expect(self.status).to_have_text(re.compile(r" \| (Idle|Unknown)$"), timeout=KERNEL_MILLISECONDS)

    async def type(self, source: str, cell: int = 0) -> None:
        """Replace what is in the cell."""
        await self.editor(cell).click()
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.insert_text(source)

    async def start(self, cell: int = 0) -> None:
        await self.editor(cell).click()
        await self.page.keyboard.press("Control+Enter")

    async def run(self, source: str, output: str, cell: int = 0) -> None:
        """Type it, run it, and see that it writes this."""
        await self.type(source, cell)
        await self.start(cell)
        await expect(self.output(cell)).to_have_text(output, timeout=KERNEL_MILLISECONDS)

    async def save(self) -> None:
        async with self.saving():
            await self.press_save()
        await self.saved()

    def saving(self) -> AbstractAsyncContextManager[object]:
        """While a save by hand goes on, which ends with a checkpoint; Lab ignores further ones until then."""
        return self.page.expect_response(
            lambda response: response.request.method == "POST" and "/checkpoints" in response.url
        )

    async def press_save(self) -> None:
        await self.page.keyboard.press("Control+s")

    async def saved(self) -> None:
        await expect(self.tab).not_to_have_class(re.compile("jp-mod-dirty"))

    async def changed(self) -> None:
        await expect(self.tab).to_have_class(re.compile("jp-mod-dirty"))

    @property
    def _panel(self) -> Locator:
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
