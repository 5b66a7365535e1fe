"""Contents: everything that is true of files on every backend and in every dialect.

Scope and rights, hidden names, preconditions where the store has none, untitled and copy names, the way in and out of
mounts. Dialects call it through operations; it calls a backend once in the common case, and says so where it is more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cachetools import LRUCache

from gateway.contents.backend import Capability, SupportsCheckpoints
from gateway.contents.copying import Copying
from gateway.contents.directories import Directories, empty_top
from gateway.contents.guard import Guard
from gateway.contents.journal import Journal, NoJournal
from gateway.contents.listings import Listings
from gateway.contents.locks import Locks
from gateway.contents.model import (
    Absent,
    Caller,
    Checkpoint,
    Condition,
    Document,
    Entry,
    ETag,
    Kind,
    Listing,
    MatchesAny,
    Written,
    sha256_hex,
)
from gateway.contents.mounts import Action, Mounts, Place
from gateway.contents.naming import free, reraise_unless_taken, untitled_names
from gateway.contents.notebook import EMPTY_NOTEBOOK
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid
from gateway.contents.resuming import Resuming
from gateway.contents.scope import Scope, Vacated
from gateway.contents.transfer import remove_empty

_REMEMBERED_DIGESTS = 10_000
_ANY_ATTEMPTS = 10


class Contents:
    """The one contents service. All methods take the caller and the caller's own paths, and raise Problem."""

    def __init__(
        self, mounts: Mounts, locks: Locks, vacated: Vacated | None = None, journal: Journal | None = None
    ) -> None:
        journal = journal or NoJournal()
        self._scope = Scope(mounts, vacated)
        self._guard = Guard(locks)
        self._listings = Listings()
        self._directories = Directories(self._scope, self._listings)
        self._copying = Copying(self._scope, self._guard, self._listings, self._directories, journal)
        self._resuming = Resuming(self._scope, self._guard, self._listings, journal)
        self._digests: LRUCache[tuple[str, ETag], str] = LRUCache(_REMEMBERED_DIGESTS)

    def mount_name(self, path: ContentPath) -> str:
        """The mount that the path leads into; empty at a root that is none."""
        return self._scope.mounts.name_of(path)

    def tells_stored_bytes(self, path: ContentPath) -> bool:
        """Whether what is read there is what is stored, so that its sha256 is the stored file's."""
        return not self._scope.mounts.capabilities(path).isdisjoint({Capability.BYTE_EXACT, Capability.NATIVE_HASH})

    def lists_etags(self, path: ContentPath) -> bool:
        """Whether the listing of that folder tells the etags of its files."""
        return Capability.LISTED_ETAGS in self._scope.mounts.capabilities(path)

    # -- reading -----------------------------------------------------------------------------------------------------

    async def stat(self, caller: Caller, path: ContentPath, *, with_sha256: bool = False) -> Entry:
        """The facts. One call; a second one, a read, when the digest is wanted and the store does not know it."""
        if self._scope.is_virtual_root(path):
            return (await self.list(caller, path)).entry
        place = self._scope.place(caller, path, Action.READ)
        try:
            async with self._guard.serialised(place):
                entry = await place.mount.backend.stat(place.inner)
        except Problem as problem:
            return place.outward(empty_top(place, problem))
        if with_sha256 and entry.sha256 is None and entry.kind is not Kind.DIRECTORY:
            entry = await self._digested(place, entry)
        return place.outward(entry)

    async def read(self, caller: Caller, path: ContentPath) -> Document:
        """A file with its bytes; its entry always carries the sha256."""
        if self._scope.is_virtual_root(path):
            raise invalid("The root is a directory.", reason=Reason.BAD_TYPE)
        place = self._scope.place(caller, path, Action.READ)
        async with self._guard.serialised(place):
            document = await place.mount.backend.read(place.inner)
        entry = replace(document.entry, sha256=document.entry.sha256 or sha256_hex(document.body))
        return Document(place.outward(entry), document.body)

    async def list(self, caller: Caller, path: ContentPath) -> Listing:
        """As ``Directories.list``."""
        return await self._directories.list(caller, path)

    # -- writing -----------------------------------------------------------------------------------------------------

    async def write(self, caller: Caller, path: ContentPath, body: bytes, condition: Condition = None) -> Written:
        """Create or replace a file. Under a condition the store cannot keep: a stat and the write, inside a lock."""
        place = self._scope.writable_place(caller, path)
        await self._scope.prepare_home(place)
        with self._listings.changing(place):
            async with self._guard.exclusive(place):
                written = await self._written(place, body, condition)
        return Written(place.outward(written.entry), written.created)

    async def _written(self, place: Place, body: bytes, condition: Condition) -> Written:
        """A condition that any revision satisfies is tried again when the revision has changed meanwhile."""
        attempts_left = _ANY_ATTEMPTS if condition == MatchesAny() else 1
        while True:
            attempts_left -= 1
            precondition = await self._guard.settled_write(place, condition)
            try:
                return await place.mount.backend.write(place.inner, body, precondition=precondition)
            except Problem as problem:
                if problem.code is not Code.PRECONDITION or not attempts_left:
                    raise

    def writable_place(self, caller: Caller, path: ContentPath) -> Place:
        """As ``Scope.writable_place``."""
        return self._scope.writable_place(caller, path)

    async def need_directory(self, caller: Caller, path: ContentPath) -> None:
        """Refuse what ``write`` below that directory would refuse: a stat, unless the store makes parents by itself."""
        if Capability.IMPLICIT_PARENTS in self._scope.mounts.capabilities(path):
            return
        if (await self.stat(caller, path)).kind is not Kind.DIRECTORY:
            raise invalid("A file stands where a directory is needed.", reason=Reason.BAD_TYPE)

    async def make_directory(self, caller: Caller, path: ContentPath) -> Entry:
        """Make one directory; CONFLICT when the name is taken."""
        place = self._scope.place(caller, path, Action.WRITE)
        if place.is_mount_top:
            raise already_exists()
        await self._scope.prepare_home(place)
        with self._listings.changing(place):
            async with self._guard.serialised(place):
                return place.outward(await place.mount.backend.make_directory(place.inner))

    async def create_untitled(
        self, caller: Caller, directory: ContentPath, kind: Kind, extension: str = "", body: bytes | None = None
    ) -> Entry:
        """Create something, by default empty, under the first free untitled name: one listing, and a write that must
        find it free."""
        taken = await self._directories.names(caller, directory)
        for name in free(untitled_names(kind, extension), taken):
            try:
                return await self._created(caller, directory.child(name), kind, body)
            except Problem as problem:
                reraise_unless_taken(problem)
        raise already_exists("No free name was found.")

    async def delete(
        self, caller: Caller, path: ContentPath, condition: Condition = None, *, recursive: bool = True
    ) -> None:
        """Delete a file, or a directory with all in it; without ``recursive`` a directory must be empty (CONFLICT)."""
        place = self._scope.place(caller, path, Action.WRITE)
        if place.is_mount_top:
            raise invalid("A mount cannot be deleted.")
        with self._listings.changing(place):
            async with self._guard.exclusive(place):
                precondition = await self._guard.settled_delete(place, condition)
                backend = place.mount.backend
                if not recursive and (await backend.stat(place.inner)).kind is Kind.DIRECTORY:
                    await remove_empty(backend, place.inner)
                else:
                    await backend.delete(place.inner, precondition=precondition)
        await self._scope.tell_vacated(path, place.mount, caller.key)

    # -- copying and moving ------------------------------------------------------------------------------------------

    async def copy_into(self, caller: Caller, source: ContentPath, directory: ContentPath) -> Entry:
        """As ``Copying.copy_into``."""
        return await self._copying.copy_into(caller, source, directory)

    async def copy_to(
        self, caller: Caller, source: ContentPath, target: ContentPath, condition: Condition = None
    ) -> Entry:
        """As ``Copying.copy_to``."""
        return await self._copying.copy_to(caller, source, target, condition)

    async def copy_file(
        self,
        caller: Caller,
        source: ContentPath,
        target: ContentPath,
        condition: Condition = None,
        rewrite: Callable[[bytes], bytes] | None = None,
        *,
        replaces: bool = False,
        moves: bool = False,
    ) -> Entry:
        """As ``Copying.copy_file``."""
        return await self._copying.copy_file(caller, source, target, condition, rewrite, replaces=replaces, moves=moves)

    async def move(
        self, caller: Caller, source: ContentPath, target: ContentPath, condition: Condition = None
    ) -> Entry:
        """As ``Copying.move``."""
        return await self._copying.move(caller, source, target, condition)

    async def resume_moves(self) -> None:
        """As ``Resuming.resume``: for now and then, and for the start."""
        await self._resuming.resume()

    # -- checkpoints -------------------------------------------------------------------------------------------------

    async def list_checkpoints(self, caller: Caller, path: ContentPath) -> tuple[Checkpoint, ...]:
        place, backend = self._checkpoints_of(caller, path, Action.READ)
        return await backend.list_checkpoints(place.inner)

    async def create_checkpoint(self, caller: Caller, path: ContentPath) -> Checkpoint:
        place, backend = self._checkpoints_of(caller, path, Action.WRITE)
        async with self._guard.serialised(place):
            return await backend.create_checkpoint(place.inner)

    async def restore_checkpoint(self, caller: Caller, path: ContentPath, checkpoint_id: str) -> None:
        place, backend = self._checkpoints_of(caller, path, Action.WRITE)
        with self._listings.changing(place):
            async with self._guard.exclusive(place):
                await backend.restore_checkpoint(place.inner, checkpoint_id)

    async def delete_checkpoint(self, caller: Caller, path: ContentPath, checkpoint_id: str) -> None:
        place, backend = self._checkpoints_of(caller, path, Action.WRITE)
        await backend.delete_checkpoint(place.inner, checkpoint_id)

    def _checkpoints_of(self, caller: Caller, path: ContentPath, action: Action) -> tuple[Place, SupportsCheckpoints]:
        place = self._scope.place(caller, path, action)
        if not isinstance(place.mount.backend, SupportsCheckpoints):
            raise Problem(Code.UNSUPPORTED, "This mount keeps no checkpoints.")
        return place, place.mount.backend

    async def _created(self, caller: Caller, path: ContentPath, kind: Kind, body: bytes | None) -> Entry:
        if kind is Kind.DIRECTORY:
            return await self.make_directory(caller, path)
        if body is None:
            body = EMPTY_NOTEBOOK if kind is Kind.NOTEBOOK else b""
        return (await self.write(caller, path, body, Absent())).entry

    async def _digested(self, place: Place, entry: Entry) -> Entry:
        key = (place.lock_name, entry.etag or ETag(""))
        if entry.etag is None or key not in self._digests:
            async with self._guard.serialised(place):
                document = await place.mount.backend.read(place.inner)
            entry = document.entry
            key = (place.lock_name, entry.etag or ETag(""))
            self._digests[key] = entry.sha256 or sha256_hex(document.body)
        return replace(entry, sha256=self._digests[key])
