"""Where a scenario is played: a Lab, and a fresh folder in its file browser."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

BARE = "bare"
"""Not a mount: the Jupyter server without the gateway, to compare with."""
ROOT = "jupyter"


@dataclass(frozen=True, slots=True)
class Lab:
    """A JupyterLab by its address, and a client of the API behind it: another one than the browser."""

    url: str
    token: str = field(repr=False)
    session: aiohttp.ClientSession = field(repr=False)

    async def call(self, method: str, path: str, value: object = None) -> Any:
        """The JSON of the answer, which must be a success; None where there is no body."""
        headers = {"Authorization": f"token {self.token}"}
        url = URL(f"{self.url}/api{path}", encoded=True)
        async with self.session.request(method, url, headers=headers, json=value) as response:
            body = await response.read()
            assert response.ok, f"{method} {url}: {response.status} {body!r}"
            return json.loads(body) if body else None


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a Lab, empty at first."""

    lab: Lab
    folder: str

    @classmethod
    async def new(cls, lab: Lab, mount: str) -> Place:
        """A new folder in that mount: in the one that is the root of the file browser, or in a folder of its own."""
        parent = "" if mount in (ROOT, BARE) else f"{mount}/"
        folder = f"{parent}test-{secrets.token_hex(4)}"
        await lab.call("PUT", f"/contents/{folder}", {"type": "directory"})
        return cls(lab, folder)

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    async def put_notebook(self, name: str, *sources: str) -> None:
        """A notebook with a code cell for each of the sources."""
        await self.put(name, {"type": "notebook", "format": "json", "content": notebook_of(*sources)})

    async def put(self, name: str, model: dict[str, Any]) -> None:
        await self.lab.call("PUT", f"/contents/{quote(self.path(name))}", model)

    async def model(self, name: str, query: str = "") -> Any:
        return await self.lab.call("GET", f"/contents/{quote(self.path(name))}{query}")

    async def source(self, name: str, cell: int = 0) -> str:
        """Of a notebook as it is stored."""
        model = await self.model(name, "?type=notebook")
        return "".join(model["content"]["cells"][cell]["source"])

    async def names(self) -> list[str]:
        listing = await self.lab.call("GET", f"/contents/{self.folder}?type=directory")
        return sorted(each["name"] for each in listing["content"])

    async def sessions(self) -> list[dict[str, Any]]:
        """Of notebooks in this folder."""
        return [each for each in await self.lab.call("GET", "/sessions") if each["path"].startswith(f"{self.folder}/")]

    async def end_sessions(self) -> None:
        """And their kernels with them."""
        for each in await self.sessions():
            await self.lab.call("DELETE", f"/sessions/{each['id']}")


def notebook_of(*sources: str) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [_code_cell(index, source) for index, source in enumerate(sources)],
    }


def _code_cell(index: int, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": f"cell-{index}",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
