"""Directories, which S3 does not have: a folder is there when its marker or any key below it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from adapters.nx1.keys import key_of, listed_name, old_marker_of, prefix_of
from adapters.nx1.objects import Objects, date_of, facts_of
from adapters.nx1.store import Answer
from gateway.contents.model import EPOCH, Entry, Kind, Listing, directory_entry
from gateway.contents.offload import ENTRY_BYTES, offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem


@dataclass(slots=True)
class _Folding:
    """What has been met while the pages of one directory come in."""

    directory: ContentPath
    prefix: str
    is_there: bool = False
    dates: list[datetime] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    files: dict[str, Entry] = field(default_factory=dict)

    def add(self, page: Answer) -> None:
        for group in page.get("CommonPrefixes", ()):
            self.is_there = True
            named = listed_name(group["Prefix"], self.prefix)
            if named is not None:
                self.folders.add(named[0])
        for item in page.get("Contents", ()):
            self._add_object(item)

    def _add_object(self, item: Answer) -> None:
        self.is_there = True
        self.dates.append(date_of(item))
        named = listed_name(item["Key"], self.prefix)
        if named is None:
            return
        name, is_folder = named
        if is_folder:
            self.folders.add(name)
        else:
            self.files[name] = facts_of(item).entry(self.directory.child(name))

    def listing(self) -> Listing:
        """Folders below have no date in S3, so they take the newest one seen here. Where a foreign tool has made a
        file and a folder of one name, the file is shown, as ``stat`` finds it first."""
        date = max(self.dates, default=EPOCH)
        folders = [
            Entry(self.directory.child(name), Kind.DIRECTORY, date, date) for name in self.folders - self.files.keys()
        ]
        entries = (*folders, *self.files.values())
        return Listing(directory_entry(self.directory, entries, modified=date), entries)


async def find_listing(objects: Objects, directory: ContentPath) -> Listing | None:
    """The directory with all that stands in it, None when there is no such directory: one call for 1,000 entries."""
    folding = _Folding(directory, prefix_of(directory))
    async for page in objects.pages(folding.prefix, delimiter="/"):
        folding.add(page)
    if folding.is_there or directory.is_root:
        return await offloaded(len(folding.files) * ENTRY_BYTES, folding.listing)
    marker = await objects.head(old_marker_of(directory))
    if marker is None:
        return None
    folding.dates.append(marker.modified)
    return folding.listing()


async def is_directory(objects: Objects, path: ContentPath) -> bool:
    """Whether a folder stands at the path."""
    if path.is_root:
        return True
    below, marker = await asyncio.gather(objects.any_below(prefix_of(path)), objects.head(old_marker_of(path)))
    return below or marker is not None


async def holds_anything(objects: Objects, directory: ContentPath) -> bool:
    """Whether any key but the folder's own marker is below it."""
    marker = prefix_of(directory)
    async for page in objects.pages(marker, limit=2):
        if any(item["Key"] != marker for item in page.get("Contents", ())):
            return True
    return False


async def refuse_file_above(objects: Objects, path: ContentPath) -> None:
    """CONFLICT when a name on the way to the path is a file. A parent that holds something is taken as a folder."""
    parent = path.parent
    if parent.is_root or await objects.any_below(prefix_of(parent)):
        return
    ancestors = [ContentPath(parent.segments[:count]) for count in range(1, len(parent.segments) + 1)]
    if any(await asyncio.gather(*(objects.head(key_of(ancestor)) for ancestor in ancestors))):
        raise Problem(Code.CONFLICT, "A folder on the way to that path is a file.")


async def keep_folder(objects: Objects, path: ContentPath) -> None:
    """Mark the parent of what is about to go when it is the last thing there, so that the folder stays."""
    parent = path.parent
    if parent.is_root:
        return
    prefix, below = prefix_of(parent), prefix_of(path)
    async for page in objects.pages(prefix, delimiter="/", limit=3):
        names = [item["Key"] for item in page.get("Contents", ())]
        names += [group["Prefix"] for group in page.get("CommonPrefixes", ())]
        if any(name not in (key_of(path), below) for name in names):
            return
    await mark(objects, parent)


async def unmark(objects: Objects, directory: ContentPath) -> None:
    """Remove the folder's markers: with nothing below, it is gone."""
    await objects.remove(prefix_of(directory))
    await objects.remove(old_marker_of(directory))


async def mark(objects: Objects, directory: ContentPath) -> None:
    """Write the folder's marker."""
    await objects.put(prefix_of(directory), b"", "application/x-directory", {})
