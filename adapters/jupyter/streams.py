"""Files of the server piece by piece.

It writes in place, so a reader may meet half a write. What the gateway carries is read whole, as other reads are. A
larger file comes from the server's own ``/files``, and its last bytes are given only when it is then still the same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from cachetools import LRUCache

from adapters.jupyter.models import Facts, decoded, to_entry
from adapters.jupyter.server import Server
from gateway.contents.backend import Stream
from gateway.contents.model import Document, Entry, Kind, Span
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Reason, invalid
from gateway.contents.streams import WholeStream, unchanged
from gateway.wire.client import nonsense

Revision = tuple[int | None, str]
"""Size and date, by which a change of a file shows."""

_REMEMBERED_ENTRIES = 1000


class Streams:
    """Opens files of one server. The server reads a file whole for its digest, so those of large ones are remembered
    for as long as size and date stay what they are."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._entries: LRUCache[tuple[ContentPath, Revision], Entry] = LRUCache(_REMEMBERED_ENTRIES)

    async def open(self, path: ContentPath, read: Callable[[ContentPath], Awaitable[Document]]) -> Stream:
        """``read`` is how the file is read whole."""
        facts = await self._server.facts(path)
        if facts.type is Kind.DIRECTORY:
            raise invalid("This is a directory.", reason=Reason.BAD_TYPE)
        if facts.size is None:
            raise nonsense()
        if facts.size <= self._server.max_body_bytes:
            return WholeStream(await read(path))
        revision = _revision(facts)
        if (path, revision) not in self._entries:
            digested = decoded(await self._server.get(path, "?type=file&content=0&hash=1"), Facts)
            revision = _revision(digested)
            self._entries[path, revision] = to_entry(path, digested)
        return LargeStream(self._server, self._entries[path, revision], revision)


@dataclass(frozen=True, slots=True)
class LargeStream:
    """A file that the gateway does not hold."""

    server: Server
    entry: Entry
    revision: Revision

    def pieces(self, span: Span) -> AsyncGenerator[bytes, None]:
        received = self.server.bytes_of(self.entry.path, span, self.entry.size or 0)
        return unchanged(received, self._is_unchanged)

    async def aclose(self) -> None:
        """Nothing is held between the pieces of one reader."""

    async def _is_unchanged(self) -> bool:
        facts = await self.server.standing(self.entry.path)
        return facts is not None and _revision(facts) == self.revision


def _revision(facts: Facts) -> Revision:
    return facts.size, facts.last_modified
