"""Nx1's own operations on notebooks: a validated upload, and one flat list of everything in the caller's home."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from gateway.contents.model import Caller, Entry, Kind
from gateway.contents.notebook import validate
from gateway.contents.offload import offloaded
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath

MAX_LISTED = 10_000

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
    """Every notebook below the folder, sorted by path; at most ``MAX_LISTED``, and the log says when it is more."""

    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> list[Entry]:
        found: list[Entry] = []
        pending = [self.path]
        while pending and len(found) < MAX_LISTED:
            for entry in (await services.contents.list(self.caller, pending.pop())).entries:
                if entry.kind is Kind.DIRECTORY:
                    pending.append(entry.path)
                elif entry.kind is Kind.NOTEBOOK:
                    found.append(await self._sized(services, entry))
        if pending or len(found) > MAX_LISTED:
            _log.warning("a home holds more notebooks than are listed", caller=self.caller.username, limit=MAX_LISTED)
        return sorted(found, key=lambda entry: str(entry.path))[:MAX_LISTED]

    async def _sized(self, services: Services, entry: Entry) -> Entry:
        """Stores that list no sizes are asked for each; the contract makes the size a required number."""
        if entry.size is not None:
            return entry
        return await services.contents.stat(self.caller, entry.path)
