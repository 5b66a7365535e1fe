"""Nx1's own operations on notebooks: a validated upload, and one flat list of everything in the caller's home."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import structlog

from gateway.contents.model import Caller, Entry, Kind
from gateway.contents.notebook import validate
from gateway.contents.offload import offloaded
from gateway.contents.operations import Services
from gateway.contents.paths import MAX_PATH_BYTES, ContentPath
from gateway.contents.problem import Code, Problem

MAX_LISTED = 10_000
MAX_FOLDERS = 2_000
"""Folders looked into for one list: symlinks that lead in circles make more than can ever be looked into."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Upload:
    """Store an uploaded notebook, replacing an older one. UNPROCESSABLE unless it is a valid notebook."""

    caller: Caller
    path: ContentPath
    body: bytes

    async def run(self, services: Services) -> Entry:
        await offloaded(len(self.body), validate, self.body)
        written = await services.contents.write(self.caller, self.path, self.body)
        return replace(written.entry, size=len(self.body) if written.entry.size is None else written.entry.size)


@dataclass(frozen=True, slots=True)
class ListNotebooks:
    """Every notebook below the folder, sorted by path: at most ``MAX_LISTED``, in the ``MAX_FOLDERS`` nearest folders.

    The log says when there is more. One call for each folder, and one for each notebook whose size a listing lacks.
    """

    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> list[Entry]:
        found: list[Entry] = []
        folders = deque([self.path])
        visited = 0
        while folders and visited < MAX_FOLDERS and len(found) < MAX_LISTED:
            visited += 1
            for entry in await self._children(services, folders.popleft()):
                if entry.kind is Kind.DIRECTORY and len(str(entry.path).encode()) < MAX_PATH_BYTES:
                    folders.append(entry.path)
                elif entry.kind is Kind.NOTEBOOK:
                    found.append(entry)
        if folders or len(found) > MAX_LISTED:
            _log.warning("a home holds more than is listed", caller=self.caller.username, limit=MAX_LISTED)
        nearest = sorted(found, key=lambda entry: str(entry.path))[:MAX_LISTED]
        sized = [await self._sized(services, entry) for entry in nearest]
        return [entry for entry in sized if entry is not None]

    async def _children(self, services: Services, folder: ContentPath) -> tuple[Entry, ...]:
        """Nothing in a folder that has gone since it was listed."""
        try:
            return (await services.contents.list(self.caller, folder)).entries
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            return ()

    async def _sized(self, services: Services, entry: Entry) -> Entry | None:
        """Stores that list no sizes are asked for each: the contract makes the size a required number. None if gone."""
        if entry.size is not None:
            return entry
        try:
            return await services.contents.stat(self.caller, entry.path)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            return None
