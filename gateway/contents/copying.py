"""Copying and moving: within a store where it can, and else through the gateway, with a journal of what is moved."""

from __future__ import annotations

from collections.abc import Callable

from gateway.contents.backend import SupportsCopy, SupportsMove
from gateway.contents.directories import Directories
from gateway.contents.guard import Guard, stat_or_none
from gateway.contents.journal import Journal, NoJournal, Record
from gateway.contents.listings import Listings
from gateway.contents.model import Caller, Condition, Entry, Kind
from gateway.contents.mounts import Action, Place
from gateway.contents.naming import copy_names, free, reraise_unless_taken
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid
from gateway.contents.scope import Scope
from gateway.contents.transfer import copy_file, copy_tree, move_file, move_tree, remove_copied, written_absent


class Copying:
    """The copies and moves of ``Contents``."""

    def __init__(
        self, scope: Scope, guard: Guard, listings: Listings, directories: Directories, journal: Journal
    ) -> None:
        self._scope = scope
        self._guard = guard
        self._listings = listings
        self._directories = directories
        self._journal = journal

    async def copy_into(self, caller: Caller, source: ContentPath, directory: ContentPath) -> Entry:
        """Copy a file or directory into a directory, under its own name or Jupyter's next copy name."""
        origin = self._scope.place(caller, source, Action.READ)
        entry = await origin.mount.backend.stat(origin.inner)
        taken = await self._directories.names(caller, directory)
        for name in free(copy_names(source.name), taken):
            try:
                return await self._copied(caller, origin, entry, directory.child(name))
            except Problem as problem:
                reraise_unless_taken(problem)
        raise already_exists("No free name was found for the copy.")

    async def copy_to(
        self, caller: Caller, source: ContentPath, target: ContentPath, condition: Condition = None
    ) -> Entry:
        """Copy a file or directory to exactly that path; CONFLICT when it is taken. The condition speaks of the source;
        of a file it speaks of the very bytes that are copied."""
        origin = self._scope.place(caller, source, Action.READ)
        entry = await origin.mount.backend.stat(origin.inner)
        if condition is not None and entry.kind is not Kind.DIRECTORY:
            return await self.copy_file(caller, source, target, condition)
        await self._guard.checked(origin, condition)
        try:
            return await self._copied(caller, origin, entry, target)
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
        origin = self._scope.place(caller, source, Action.WRITE if moves else Action.READ)
        goal = self._scope.writable_place(caller, target)
        if origin.lock_name == goal.lock_name:
            raise already_exists()
        await self._scope.prepare_home(goal)
        with self._listings.changing(origin, goal):
            async with self._guard.locked(origin, goal):
                written = await copy_file(origin, goal, condition, rewrite, replaces=replaces)
                if moves:
                    await remove_copied(origin, written.source)
        if moves:
            await self._scope.tell_vacated(source, origin.mount, caller.key)
        return goal.outward(written.copy)

    async def move(
        self, caller: Caller, source: ContentPath, target: ContentPath, condition: Condition = None
    ) -> Entry:
        """Rename, also across mounts. CONFLICT when the target exists. The condition speaks of the source.

        Within one backend that renames by itself: one call, and a stat under a condition. Otherwise all is copied, each
        copy is read back and compared, and only then is the source deleted.
        """
        origin, goal = self._scope.place(caller, source, Action.WRITE), self._scope.place(caller, target, Action.WRITE)
        if origin.is_mount_top or goal.is_mount_top:
            raise invalid("A mount cannot be moved or replaced.")
        if source == target:
            async with self._guard.serialised(origin):
                await self._guard.checked(origin, condition)
                return origin.outward(await origin.mount.backend.stat(origin.inner))
        if target.starts_with(source):
            raise invalid("A directory cannot be moved into itself.")
        await self._scope.prepare_home(goal)
        with self._listings.changing(origin, goal):
            async with self._guard.locked(origin, goal):
                await self._guard.checked(origin, condition)
                moved = await self._moved(caller, origin, goal)
        await self._scope.tell_vacated(source, origin.mount, caller.key)
        return goal.outward(moved)

    async def _copied(self, caller: Caller, origin: Place, entry: Entry, target: ContentPath) -> Entry:
        """The copy. PRECONDITION or CONFLICT (already exists) when the target is taken."""
        goal = self._scope.place(caller, target, Action.WRITE)
        if _is_one_mount(origin, goal) and goal.inner == origin.inner:
            raise already_exists()  # a name that its store keeps out of listings
        if _is_one_mount(origin, goal) and goal.inner.starts_with(origin.inner):
            raise invalid("A directory cannot be copied into itself.")
        await self._scope.prepare_home(goal)
        with self._listings.changing(goal):
            if entry.kind is not Kind.DIRECTORY:
                return goal.outward(await self._copied_file(origin, goal))
            await copy_tree(self._guard, origin, goal, Record.new(NoJournal(), origin, goal))
            return goal.outward(await goal.mount.backend.stat(goal.inner))

    async def _copied_file(self, origin: Place, goal: Place) -> Entry:
        backend = origin.mount.backend
        if _is_one_mount(origin, goal) and isinstance(backend, SupportsCopy):
            return (await backend.copy(origin.inner, goal.inner)).entry
        if goal.is_mount_top:
            raise invalid("This path is a directory.", reason=Reason.BAD_TYPE)
        async with self._guard.serialised(origin):
            document = await backend.read(origin.inner)
        async with self._guard.exclusive(goal):
            return (await written_absent(document, goal)).entry

    async def _moved(self, caller: Caller, origin: Place, goal: Place) -> Entry:
        backend = origin.mount.backend
        if _is_one_mount(origin, goal) and isinstance(backend, SupportsMove):
            return await backend.move(origin.inner, goal.inner)
        entry = await backend.stat(origin.inner)
        if await stat_or_none(goal.mount.backend, goal.inner) is not None:
            raise already_exists()
        is_personal = origin.mount.is_personal or goal.mount.is_personal
        async with Record.new(self._journal, origin, goal, caller.username if is_personal else None) as record:
            if entry.kind is not Kind.DIRECTORY:
                return (await move_file(origin, goal, record)).entry
            await move_tree(self._guard, origin, goal, record)
            return await goal.mount.backend.stat(goal.inner)


def _is_one_mount(one: Place, other: Place) -> bool:
    """One mount, and where each user has a store of their own, one user's."""
    return (one.mount.name, one.mount.store) == (other.mount.name, other.mount.store)
