"""What stands in a directory, as a caller sees it: at the root the mounts too, and nothing hidden."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.contents.listings import Listings
from gateway.contents.model import EPOCH, Caller, Entry, Listing, directory_entry
from gateway.contents.mounts import Action, Place
from gateway.contents.offload import ENTRY_BYTES, offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.scope import Scope, root_holds_only_mounts


class Directories:
    """Lists directories."""

    def __init__(self, scope: Scope, listings: Listings) -> None:
        self._scope = scope
        self._listings = listings

    async def list(self, caller: Caller, path: ContentPath) -> Listing:
        """What stands in a directory and is not hidden; at the root, the caller's mounts too. One call, which may be
        shared with others who ask at the same time."""
        if self._scope.is_virtual_root(path):
            tops = self._mount_tops(caller)
            return Listing(directory_entry(path, tops, modified=EPOCH, writable=False), tops)
        place = self._scope.place(caller, path, Action.READ)
        try:
            listing = await self._listings.of(place)
        except Problem as problem:
            listing = Listing(empty_top(place, problem), ())
        entries = await offloaded(len(listing.entries) * ENTRY_BYTES, _shown, place, listing.entries)
        if path.is_root:
            entries = self._beside_mounts(caller, entries)
        return Listing(place.outward(listing.entry), entries)

    async def names(self, caller: Caller, directory: ContentPath) -> set[str]:
        """The names that are taken in a directory in which something is to be made."""
        if self._scope.is_virtual_root(directory):
            raise root_holds_only_mounts()
        return {entry.name for entry in (await self.list(caller, directory)).entries}

    def _mount_tops(self, caller: Caller) -> tuple[Entry, ...]:
        mounts = self._scope.mounts.beside_root(caller)
        return tuple(directory_entry(ContentPath((mount.name,)), modified=EPOCH) for mount in mounts)

    def _beside_mounts(self, caller: Caller, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        tops = {top.name: top for top in self._mount_tops(caller)}
        return (*(entry for entry in entries if entry.name not in tops), *tops.values())


def _shown(place: Place, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(place.outward(entry) for entry in entries if not entry.name.startswith("."))


def empty_top(place: Place, problem: Problem) -> Entry:
    """A home that nobody has written to yet is an empty directory, not a missing one."""
    if problem.code is Code.NOT_FOUND and place.is_mount_top and place.mount.homes:
        return directory_entry(place.inner, modified=EPOCH)
    raise problem
