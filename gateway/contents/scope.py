"""Where callers may go: hidden names, rights, the root that holds only mounts, homes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.contents.backend import Capability
from gateway.contents.model import Caller
from gateway.contents.mounts import Action, Mount, Mounts, Place
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem, Reason, invalid, not_found

Vacated = Callable[[ContentPath, str | None], Awaitable[None]]
"""Told of a path where nothing stands any longer; with a ``Caller.key`` where only that caller means it so."""


class Scope:
    """The way from a caller's own paths to places, and what is said there of the way back."""

    def __init__(self, mounts: Mounts, vacated: Vacated | None = None) -> None:
        self.mounts = mounts
        self._vacated = vacated

    def place(self, caller: Caller, path: ContentPath, action: Action) -> Place:
        """Where the path leads. NOT_FOUND, FORBIDDEN; INVALID to write where only mounts or hidden names are."""
        if path.is_hidden:
            if action is Action.READ:
                raise not_found()
            raise invalid("Names that begin with a dot are hidden and cannot be written.")
        if action is Action.WRITE and self.is_virtual_root(path):
            raise root_holds_only_mounts()
        return self.mounts.place(caller, path, action)

    def writable_place(self, caller: Caller, path: ContentPath) -> Place:
        """Where a file of that path would be written; raises what a write would before it calls a backend."""
        place = self.place(caller, path, Action.WRITE)
        if place.is_mount_top:
            raise invalid("This path is a directory.", reason=Reason.BAD_TYPE)
        return place

    def is_virtual_root(self, path: ContentPath) -> bool:
        return path.is_root and self.mounts.root is None

    async def prepare_home(self, place: Place) -> None:
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

    async def tell_vacated(self, path: ContentPath, mount: Mount, owner: str) -> None:
        """Nothing stands any longer at the path, as ``owner`` (a ``Caller.key``) or, in a shared mount, anyone spells
        it."""
        if self._vacated is not None:
            await self._vacated(path, owner if mount.homes or mount.is_personal else None)


def root_holds_only_mounts() -> Problem:
    return invalid("The root holds only mounts; choose a folder below one of them.")
