"""``python -m tests.contents.dying SPEC``: moves between two mounts, each made by a process that dies on the way.

The process is forked for each of them, so that what takes long is imported once. A move of ``tree-7`` is killed at its
seventh point: points are before and after whatever changes a store or the journal.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from gateway.contents.backend import SupportsRemovingEmpty
from gateway.contents.journal import Move, Step
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Precondition, Written
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.service import Contents
from gateway.registry import create_backend
from gateway.sections import AnyMount
from gateway.state.journal import StateJournal
from gateway.state.store import StateStore
from gateway.wire.client import UpstreamClient, open_session
from tests.contents.stand import ADA, BareBackend, parse

BODIES = {"a.txt": b"first" * 1000, "inner/b.ipynb": b'{"cells": []}', "inner/deep/c.bin": bytes(range(256))}
FILE_BODY = b"of one file"


@dataclass
class Doom:
    """Kills its own process, as the kernel does, when a point is reached."""

    point: int
    passed: int = 0

    async def __aenter__(self) -> None:
        self._pass()

    async def __aexit__(self, *_: object) -> None:
        self._pass()

    def _pass(self) -> None:
        if self.passed == self.point:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1


@dataclass
class DoomedBackend(BareBackend):
    doom: Doom = field(kw_only=True)

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        async with self.doom:
            return await super().write(path, body, precondition=precondition)

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        async with self.doom:
            await super().delete(path, precondition=precondition)

    async def make_directory(self, path: ContentPath) -> Any:
        async with self.doom:
            return await super().make_directory(path)

    async def remove_empty(self, path: ContentPath) -> None:
        assert isinstance(self.inner, SupportsRemovingEmpty)
        async with self.doom:
            await self.inner.remove_empty(path)


class DoomedJournal(StateJournal):
    def __init__(self, store: StateStore, doom: Doom) -> None:
        super().__init__(store)
        self._doom = doom

    async def begin(self, move: Move, directories: Sequence[ContentPath], files: Sequence[Step]) -> None:
        async with self._doom:
            await super().begin(move, directories, files)

    async def note(self, move: Move, made: Step | None, about_to: Step | None) -> None:
        async with self._doom:
            await super().note(move, made, about_to)

    async def finish(self, move: Move) -> None:
        async with self._doom:
            await super().finish(move)


async def _fill(contents: Contents, name: str) -> None:
    if name.startswith("file"):
        await contents.write(ADA, parse(f"source/{name}"), FILE_BODY)
        return
    for folder in ("", "/inner", "/inner/deep"):
        await contents.make_directory(ADA, parse(f"source/{name}{folder}"))
    for path, body in BODIES.items():
        await contents.write(ADA, parse(f"source/{name}/{path}"), body)


async def _move(spec: dict[str, Any], name: str, point: int) -> None:
    store = await StateStore.open(spec["state"])
    async with open_session() as session:
        client = UpstreamClient(session, max_body_bytes=1 << 20)
        plain, doomed, doom = [], [], Doom(point)
        for section in TypeAdapter(list[AnyMount]).validate_python(spec["mounts"]):
            backend = create_backend(section.kind, client, section.options())
            await backend.probe()
            where, folder = section.stands_on()
            plain.append(Mount(section.name, backend, store=where, below=parse(folder)))
            doomed.append(
                Mount(
                    section.name,
                    DoomedBackend(backend, backend.capabilities, doom=doom),
                    store=where,
                    below=parse(folder),
                )
            )
        await _fill(Contents(Mounts(plain), ProcessLocks()), name)
        contents = Contents(Mounts(doomed), ProcessLocks(), journal=DoomedJournal(store, doom))
        await contents.move(ADA, parse(f"source/{name}"), parse(f"target/{name}"))
        for mount in plain:
            await mount.backend.aclose()
    await store.aclose()


def _dies_or_ends(spec: dict[str, Any], name: str, point: int) -> None:
    child = os.fork()
    if not child:
        asyncio.run(_move(spec, name, point))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0 or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)


def main(spec: dict[str, Any]) -> None:
    for kind, points in spec["points"].items():
        for point in points:
            _dies_or_ends(spec, f"{kind}-{point}", point)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
