"""Contents: everything that is true of files on every backend and in every dialect.

Scope and rights, hidden names, preconditions where the store has none, untitled and copy names, the way in and out of
mounts. Dialects call it through operations; it calls a backend once in the common case, and says so where it is more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from cachetools import LRUCache

from gateway.contents.backend import Capability, SupportsCheckpoints, SupportsCopy, SupportsMove
from gateway.contents.guard import Guard
from gateway.contents.locks import Locks
from gateway.contents.model import (
    EPOCH,
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
    directory_entry,
    sha256_hex,
)
from gateway.contents.mounts import Action, Mounts, Place
from gateway.contents.naming import copy_names, untitled_names
from gateway.contents.notebook import EMPTY_NOTEBOOK
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid, not_found
from gateway.contents.transfer import copy_file, copy_tree, move_file, move_tree, remove_copied, remove_empty

_NAME_ATTEMPTS = 10_000
_REMEMBERED_DIGESTS = 10_000
_ANY_ATTEMPTS = 10

Vacated = Callable[[ContentPath, str | None], Awaitable[None]]
"""Told of a path where nothing stands any longer; with a ``Caller.key`` where only that caller means it so."""


class Contents:
    """The one contents service. All methods take the caller and the caller's own paths, and raise Problem."""

    def __init__(self, mounts: Mounts, locks: Locks, vacated: Vacated | None = None) -> None:
        self._mounts = mounts
        self._vacated = vacated
        self._guard = Guard(locks)
        self._digests: LRUCache[tuple[str, ContentPath, ETag], str] = LRUCache(_REMEMBERED_DIGESTS)

    def mount_name(self, path: ContentPath) -> str:
        """The mount that the path leads into; empty at a root that is none."""
        return self._mounts.name_of(path)

    def tells_stored_bytes(self, path: ContentPath) -> bool:
        """Whether what is read there is what is stored, so that its sha256 is the stored file's."""
        return not self._mounts.capabilities(path).isdisjoint({Capability.BYTE_EXACT, Capability.NATIVE_HASH})

    def lists_etags(self, path: ContentPath) -> bool:
        """Whether the listing of that folder tells the etags of its files."""
        return Capability.LISTED_ETAGS in self._mounts.capabilities(path)

    # -- reading -----------------------------------------------------------------------------------------------------

    async def stat(self, caller: Caller, path: ContentPath, *, with_sha256: bool = False) -> Entry:
        """The facts. One call; a second one, a read, when the digest is wanted and the store does not know it."""
        if self._is_virtual_root(path):
            return (await self.list(caller, path)).entry
        place = self._place(caller, path, Action.READ)
        try:
            async with self._guard.serialised(place):
                entry = await place.mount.backend.stat(place.inner)
        except Problem as problem:
            return place.outward(_empty_top(place, problem))
        if with_sha256 and entry.sha256 is None and entry.kind is not Kind.DIRECTORY:
            entry = await self._digested(place, entry)
        return place.outward(entry)

    async def read(self, caller: Caller, path: ContentPath) -> Document:
        """A file with its bytes; its entry always carries the sha256."""
        if self._is_virtual_root(path):
            raise invalid("The root is a directory.", reason=Reason.BAD_TYPE)
        place = self._place(caller, path, Action.READ)
        async with self._guard.serialised(place):
            document = await place.mount.backend.read(place.inner)
        entry = replace(document.entry, sha256=document.entry.sha256 or sha256_hex(document.body))
        return Document(place.outward(entry), document.body)

    async def list(self, caller: Caller, path: ContentPath) -> Listing:
        """What stands in a directory and is not hidden; at the root, the caller's mounts too."""
        if self._is_virtual_root(path):
            tops = [self._mount_top(mount.name) for mount in self._mounts.beside_root(caller)]
            return Listing(directory_entry(path, tops, modified=EPOCH, writable=False), tuple(tops))
        place = self._place(caller, path, Action.READ)
        try:
            listing = await place.mount.backend.list(place.inner)
        except Problem as problem:
            listing = Listing(_empty_top(place, problem), ())
        entries: Iterable[Entry] = [place.outward(entry) for entry in listing.entries if not entry.name.startswith(".")]
        if path.is_root:
            entries = self._beside_mounts(caller, entries)
        return Listing(place.outward(listing.entry), tuple(entries))

    # -- writing -----------------------------------------------------------------------------------------------------

    async def write(self, caller: Caller, path: ContentPath, body: bytes, condition: Condition = None) -> Written:
        """Create or replace a file. Under a condition the store cannot keep: a stat and the write, inside a lock."""
        place = self.writable_place(caller, path)
        await self._prepare_home(place)
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
        """Where a file of that path would be written; raises what ``write`` would before it calls a backend."""
        place = self._place(caller, path, Action.WRITE)
        if place.is_mount_top:
            raise invalid("This path is a directory.", reason=Reason.BAD_TYPE)
        return place

    async def need_directory(self, caller: Caller, path: ContentPath) -> None:
        """Refuse what ``write`` below that directory would refuse: a stat, unless the store makes parents by itself."""
        if Capability.IMPLICIT_PARENTS in self._mounts.capabilities(path):
            return
        if (await self.stat(caller, path)).kind is not Kind.DIRECTORY:
            raise invalid("A file stands where a directory is needed.", reason=Reason.BAD_TYPE)

    async def make_directory(self, caller: Caller, path: ContentPath) -> Entry:
        """Make one directory; CONFLICT when the name is taken."""
        place = self._place(caller, path, Action.WRITE)
        if place.is_mount_top:
            raise already_exists()
        await self._prepare_home(place)
        async with self._guard.serialised(place):
            return place.outward(await place.mount.backend.make_directory(place.inner))

    async def create_untitled(
        self, caller: Caller, directory: ContentPath, kind: Kind, extension: str = "", body: bytes | None = None
    ) -> Entry:
        """Create something, by default empty, under the first free untitled name: one listing, and a write that must
        find it free."""
        taken = await self._names_in(caller, directory)
        for name in _free(untitled_names(kind, extension), taken):
            try:
                return await self._created(caller, directory.child(name), kind, body)
            except Problem as problem:
                _reraise_unless_taken(problem)
        raise already_exists("No free name was found.")

    async def delete(
        self, caller: Caller, path: ContentPath, condition: Condition = None, *, recursive: bool = True
    ) -> None:
        """Delete a file, or a directory with all in it; without ``recursive`` a directory must be empty (CONFLICT)."""
        place = self._place(caller, path, Action.WRITE)
        if place.is_mount_top:
            raise invalid("A mount cannot be deleted.")
        async with self._guard.exclusive(place):
            precondition = await self._guard.settled_delete(place, condition)
            backend = place.mount.backend
            if not recursive and (await backend.stat(place.inner)).kind is Kind.DIRECTORY:
                await remove_empty(backend, place.inner)
            else:
                await backend.delete(place.inner, precondition=precondition)
        await self._tell_vacated(caller, path, place)

    # -- copying and moving ------------------------------------------------------------------------------------------

    async def copy_into(self, caller: Caller, source: ContentPath, directory: ContentPath) -> Entry:
        """Copy a file or directory into a directory, under its own name or Jupyter's next copy name."""
        origin = self._place(caller, source, Action.READ)
        entry = await origin.mount.backend.stat(origin.inner)
        taken = await self._names_in(caller, directory)
        for name in _free(copy_names(source.name), taken):
            try:
                return (await self._copied(caller, origin, entry, directory.child(name))).entry
            except Problem as problem:
                _reraise_unless_taken(problem)
        raise already_exists("No free name was found for the copy.")

    async def copy_to(
        self, caller: Caller, source: ContentPath, target: ContentPath, condition: Condition = None
    ) -> Entry:
        """Copy a file or directory to exactly that path; CONFLICT when it is taken. The condition speaks of the source;
        of a file it speaks of the very bytes that are copied."""
        origin = self._place(caller, source, Action.READ)
        entry = await origin.mount.backend.stat(origin.inner)
        if condition is not None and entry.kind is not Kind.DIRECTORY:
            return await self.copy_file(caller, source, target, condition)
        await self._guard.checked(origin, condition)
        try:
            return (await self._copied(caller, origin, entry, target)).entry
        except Problem as problem:
            raise (already_exists() if problem.code is Code.PRECONDITION else problem) from problem

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
        """Copy a file, ``rewrite`` what it holds, to a path where nothing stands (CONFLICT), or with ``replaces``
        perhaps another file. With ``moves`` the source goes afterwards, unless it is then no longer what was copied
        (CONFLICT). The condition speaks of the source."""
        origin = self._place(caller, source, Action.WRITE if moves else Action.READ)
        goal = self.writable_place(caller, target)
        if origin.lock_name == goal.lock_name:
            raise already_exists()
        await self._prepare_home(goal)
        async with self._guard.locked(origin, goal):
            written = await copy_file(origin, goal, condition, rewrite, replaces=replaces)
            if moves:
                await remove_copied(origin, written.source)
        if moves:
            await self._tell_vacated(caller, source, origin)
        return goal.outward(written.copy)

    async def move(
        self, caller: Caller, source: ContentPath, target: ContentPath, condition: Condition = None
    ) -> Entry:
        """Rename, also across mounts. CONFLICT when the target exists. The condition speaks of the source.

        Within one backend that renames by itself: one call, and a stat under a condition. Otherwise all is copied, each
        copy is read back and compared, and only then is the source deleted.
        """
        origin, goal = self._place(caller, source, Action.WRITE), self._place(caller, target, Action.WRITE)
        if origin.is_mount_top or goal.is_mount_top:
            raise invalid("A mount cannot be moved or replaced.")
        if source == target:
            await self._guard.checked(origin, condition)
            return await self.stat(caller, source)
        if target.starts_with(source):
            raise invalid("A directory cannot be moved into itself.")
        await self._prepare_home(goal)
        async with self._guard.locked(origin, goal):
            await self._guard.checked(origin, condition)
            backend = origin.mount.backend
            if backend is goal.mount.backend and isinstance(backend, SupportsMove):
                moved = goal.outward(await backend.move(origin.inner, goal.inner))
            else:
                moved = await self._moved_by_copy(origin, goal)
        await self._tell_vacated(caller, source, origin)
        return moved

    async def _copied(self, caller: Caller, origin: Place, entry: Entry, target: ContentPath) -> Written:
        goal = self._place(caller, target, Action.WRITE)
        if goal.mount is origin.mount and goal.inner == origin.inner:
            raise already_exists()  # a name that its store keeps out of listings
        if goal.mount is origin.mount and goal.inner.starts_with(origin.inner):
            raise invalid("A directory cannot be copied into itself.")
        await self._prepare_home(goal)
        backend = goal.mount.backend
        if entry.kind is Kind.DIRECTORY:
            await copy_tree(self._guard, origin, goal)
            return Written(goal.outward(await backend.stat(goal.inner)), created=True)
        if backend is origin.mount.backend and isinstance(backend, SupportsCopy):
            written = await backend.copy(origin.inner, goal.inner)
            return Written(goal.outward(written.entry), written.created)
        async with self._guard.serialised(origin):
            document = await origin.mount.backend.read(origin.inner)
        return await self.write(caller, target, document.body, Absent())

    async def _moved_by_copy(self, origin: Place, goal: Place) -> Entry:
        entry = await origin.mount.backend.stat(origin.inner)
        if entry.kind is not Kind.DIRECTORY:
            return goal.outward((await move_file(origin, goal)).entry)
        await move_tree(self._guard, origin, goal)
        return goal.outward(await goal.mount.backend.stat(goal.inner))

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
        async with self._guard.exclusive(place):
            await backend.restore_checkpoint(place.inner, checkpoint_id)

    async def delete_checkpoint(self, caller: Caller, path: ContentPath, checkpoint_id: str) -> None:
        place, backend = self._checkpoints_of(caller, path, Action.WRITE)
        await backend.delete_checkpoint(place.inner, checkpoint_id)

    def _checkpoints_of(self, caller: Caller, path: ContentPath, action: Action) -> tuple[Place, SupportsCheckpoints]:
        place = self._place(caller, path, action)
        if not isinstance(place.mount.backend, SupportsCheckpoints):
            raise Problem(Code.UNSUPPORTED, "This mount keeps no checkpoints.")
        return place, place.mount.backend

    # -- scope -------------------------------------------------------------------------------------------------------

    def _place(self, caller: Caller, path: ContentPath, action: Action) -> Place:
        if path.is_hidden:
            if action is Action.READ:
                raise not_found()
            raise invalid("Names that begin with a dot are hidden and cannot be written.")
        if action is Action.WRITE and self._is_virtual_root(path):
            raise invalid("The root holds only mounts; choose a folder below one of them.")
        return self._mounts.place(caller, path, action)

    def _is_virtual_root(self, path: ContentPath) -> bool:
        return path.is_root and self._mounts.root is None

    async def _tell_vacated(self, caller: Caller, path: ContentPath, place: Place) -> None:
        if self._vacated is not None:
            await self._vacated(path, caller.key if place.mount.homes else None)

    @staticmethod
    def _mount_top(name: str) -> Entry:
        return directory_entry(ContentPath((name,)), modified=EPOCH)

    def _beside_mounts(self, caller: Caller, entries: Iterable[Entry]) -> Iterable[Entry]:
        tops = {mount.name: self._mount_top(mount.name) for mount in self._mounts.beside_root(caller)}
        return [*(entry for entry in entries if entry.name not in tops), *tops.values()]

    async def _names_in(self, caller: Caller, directory: ContentPath) -> set[str]:
        if self._is_virtual_root(directory):
            raise invalid("The root holds only mounts; choose a folder below one of them.")
        return {entry.name for entry in (await self.list(caller, directory)).entries}

    async def _created(self, caller: Caller, path: ContentPath, kind: Kind, body: bytes | None) -> Entry:
        if kind is Kind.DIRECTORY:
            return await self.make_directory(caller, path)
        if body is None:
            body = EMPTY_NOTEBOOK if kind is Kind.NOTEBOOK else b""
        return (await self.write(caller, path, body, Absent())).entry

    async def _prepare_home(self, place: Place) -> None:
        """Make the caller's home folder before its first use, on stores that do not make parents by themselves."""
        backend = place.mount.backend
        if not place.mount.homes or Capability.IMPLICIT_PARENTS in backend.capabilities:
            return
        if place.inner.parent != place.base:
            return
        for folder in (place.base.parent, place.base):
            try:
                await backend.make_directory(folder)
            except Problem as problem:
                if problem.reason is not Reason.EXISTS:
                    raise

    async def _digested(self, place: Place, entry: Entry) -> Entry:
        key = (place.mount.name, entry.path, entry.etag or ETag(""))
        if entry.etag is None or key not in self._digests:
            async with self._guard.serialised(place):
                document = await place.mount.backend.read(place.inner)
            entry = document.entry
            key = (place.mount.name, entry.path, entry.etag or ETag(""))
            self._digests[key] = entry.sha256 or sha256_hex(document.body)
        return replace(entry, sha256=self._digests[key])


def _empty_top(place: Place, problem: Problem) -> Entry:
    """A home that nobody has written to yet is an empty directory, not a missing one."""
    if problem.code is Code.NOT_FOUND and place.is_mount_top and place.mount.homes:
        return directory_entry(place.inner, modified=EPOCH)
    raise problem


def _free(names: Iterator[str], taken: set[str]) -> Iterator[str]:
    return (name for name in islice(names, _NAME_ATTEMPTS) if name not in taken)


def _reraise_unless_taken(problem: Problem) -> None:
    if problem.code is not Code.PRECONDITION and problem.reason is not Reason.EXISTS:
        raise problem
