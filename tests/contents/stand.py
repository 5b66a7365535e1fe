"""What the tests of the contents service stand on: real folders, and a view of one that can do less."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from adapters.local.backend import LocalBackend
from gateway.contents.backend import Backend, Capability
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Caller, Credential, Document, Entry, Listing, Precondition, Written
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.service import Contents

ADA = Caller("ada", Credential.TOKEN)
BOB = Caller("bob", Credential.JWT, frozenset({"team"}))
PLATFORM = Caller(None, Credential.PSK)

SWEET = frozenset({Capability.EMPTY_DIRECTORIES, Capability.BYTE_EXACT})

parse = ContentPath.parse


@dataclass
class BareBackend:
    """Only what every backend must have, over a real one, declaring only the ``capabilities`` given."""

    inner: Backend
    capabilities: frozenset[Capability] = SWEET

    async def probe(self) -> None:
        await self.inner.probe()

    async def stat(self, path: ContentPath) -> Entry:
        return await self.inner.stat(path)

    async def read(self, path: ContentPath) -> Document:
        return await self.inner.read(path)

    async def list(self, path: ContentPath) -> Listing:
        return await self.inner.list(path)

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        assert precondition is None or Capability.CONDITIONAL_WRITE in self.capabilities
        return await self.inner.write(path, body, precondition=precondition)

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        assert precondition is None or Capability.CONDITIONAL_DELETE in self.capabilities
        await self.inner.delete(path, precondition=precondition)

    async def make_directory(self, path: ContentPath) -> Entry:
        return await self.inner.make_directory(path)

    async def aclose(self) -> None:
        await self.inner.aclose()


def folder(path: Path) -> LocalBackend:
    path.mkdir()
    return LocalBackend(path)


def contents_of(*mounts: Mount) -> Contents:
    return Contents(Mounts(mounts), ProcessLocks())


async def names(contents: Contents, text: str, caller: Caller = ADA) -> list[str]:
    return sorted(entry.name for entry in (await contents.list(caller, parse(text))).entries)


async def body_of(contents: Contents, text: str, caller: Caller = ADA) -> bytes:
    return (await contents.read(caller, parse(text))).body


async def write_all(contents: Contents, texts: Iterable[str]) -> None:
    """Write files that hold their own path, making the directory above each when it is not there."""
    for text in texts:
        path = parse(text)
        above = {str(entry.path) for entry in (await contents.list(ADA, path.parent.parent)).entries}
        if len(path.segments) > 2 and str(path.parent) not in above:
            await contents.make_directory(ADA, path.parent)
        await contents.write(ADA, path, text.encode())
