"""The file browser at the side of Lab, used with mouse and keyboard."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Locator, Page, expect


@dataclass(frozen=True, slots=True)
class FileBrowser:
    page: Page

    def entry(self, name: str) -> Locator:
        exactly = re.compile(f"^{re.escape(name)}$")
        text = self.page.locator(".jp-DirListing-itemText", has_text=exactly)
        return self.page.locator(".jp-DirListing-item", has=text)

    async def open(self, name: str) -> None:
        await self.entry(name).dblclick()

    async def at(self, folder: str) -> None:
        """Wait until this folder is shown."""
        await expect(self.page.locator(".jp-BreadCrumbs-item").last).to_have_attribute("data-path", folder)

    async def enter(self, folder: str) -> None:
        await self.open(folder)
        await expect(self.page.locator(".jp-BreadCrumbs-item").last).to_have_text(folder)

    async def go_home(self) -> None:
        await self.page.locator(".jp-BreadCrumbs-home").click()
        await expect(self.page.locator(".jp-BreadCrumbs-item")).to_have_count(0)

    async def rename(self, name: str, new_name: str) -> None:
        await self.entry(name).click()
        await self.page.keyboard.press("F2")
        await self._enter_name(new_name)

    async def new_folder(self, name: str) -> None:
        await self.page.locator('[data-command="filebrowser:create-new-directory"]').click()
        await self._enter_name(name)

    async def cut(self, name: str) -> None:
        await self._context_menu(name, "Cut")

    async def paste(self) -> None:
        """Into the folder that is shown, by a click beside the names."""
        await self.page.locator(".jp-DirListing-content").click(button="right", position={"x": 100, "y": 400})
        await self._menu_entry("Paste").click()

    async def upload(self, file: Path) -> None:
        async with self.page.expect_file_chooser() as chooser:
            await self.page.locator('jp-button[title="Upload Files"]').click()
        await (await chooser.value).set_files(file)

    async def download(self, name: str) -> bytes:
        async with self.page.expect_download() as download:
            await self._context_menu(name, "Download")
        return Path(await (await download.value).path()).read_bytes()

    async def _context_menu(self, name: str, command: str) -> None:
        await self.entry(name).click(button="right")
        await self._menu_entry(command).click()

    def _menu_entry(self, command: str) -> Locator:
        return self.page.locator(".lm-Menu-itemLabel").get_by_text(command, exact=True)

    async def _enter_name(self, name: str) -> None:
        editor = self.page.locator("input.jp-DirListing-editor")
        await editor.fill(name)
        await editor.press("Enter")
        await expect(self.entry(name)).to_be_visible()
