"""A Jupyter server as one caller reaches it, and where files lie as it counts them: its own, and those of other stores.

A file of another store is for the server a path below a hidden folder of the mount, where nothing stands:
``.nbgateway/{mount}/{inner path}``. Kernels start in the nearest folder above that exists, which is the mount's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.contents.backend import Backend
from gateway.contents.model import Caller
from gateway.contents.mounts import HOMES, Action, Mount, Mounts
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Code, Problem, invalid
from gateway.contents.upstream import SupportsForwarding

ELSEWHERE = ".nbgateway"
"""The hidden folder. No caller's path begins so, as hidden ones are refused."""
BESIDE_MOUNTS = "~"
"""Stands there for a mount where a path leads into none, as consoles at a root that only lists mounts; no mount can be
called so."""


@dataclass(frozen=True, slots=True)
class Server:
    """``is_home`` is the one whose pages the gateway shows."""

    caller: Caller
    mount: Mount
    backend: SupportsForwarding
    is_home: bool
    mounts: Mounts

    def address(self, path: ContentPath) -> str:
        """What the server is told of a file of any mount, whether anything stands there or not.

        NOT_FOUND and FORBIDDEN as for who reads it; INVALID for hidden paths, and for what would not find its way back.
        """
        if path.is_hidden:
            raise invalid("Names that begin with a dot are hidden, and nothing runs there.")
        own = self.own_address(path)
        if own is not None and self.path(own) == path:
            return own
        address = self.backend.address(ContentPath((ELSEWHERE, *self._elsewhere(path))))
        if self.path(address) != path:
            raise invalid("This path is too long for what a Jupyter server is told of it.")
        return address

    def own_address(self, path: ContentPath) -> str | None:
        """Where one of the server's own files really lies; None for those of other stores. Rights as of ``address``."""
        name = self.mounts.name_of(path)
        for mount, backend in self._sharing():
            if mount.name == name:
                return backend.address(self.mounts.place(self.caller, path, Action.READ).inner)
        return None

    def path(self, address: str) -> ContentPath | None:
        """The way back, in the caller's own spelling; None for what the caller may not read."""
        for mount, backend in self._sharing():
            inner = backend.inner(address)
            if inner is None:
                continue
            if inner.segments[:1] == (ELSEWHERE,):
                return self._path_elsewhere(ContentPath(inner.segments[1:]))
            if not inner.is_hidden and (path := self.mounts.path_of(self.caller, mount.name, inner)) is not None:
                return path
        return None

    @property
    def top(self) -> str:
        """Where things start that have no place of their own: the caller's folder of the mount."""
        return self.backend.address(self.mount.base(self.caller))

    def holds(self, path: ContentPath) -> bool:
        """Whether the file is one of the server's own."""
        name = self.mounts.name_of(path)
        return any(mount.name == name for mount, _ in self._sharing())

    @property
    def conceals(self) -> bool:
        """Whether something may run there that this caller is not to know of."""
        if self.mount.is_personal:
            return False
        is_all_shared = all(
            mount.permits(self.caller, Action.READ) and not mount.homes and not mount.is_personal
            for mount in self.mounts.all()
        )
        return not is_all_shared or self.mounts.root is None or self.backend.inner("") is None

    def _elsewhere(self, path: ContentPath) -> tuple[str, ...]:
        """The names below the hidden folder."""
        if not self.mounts.name_of(path):
            return (BESIDE_MOUNTS, self._username(), *path.segments)
        place = self.mounts.place(self.caller, path, Action.READ)
        return (*self._folder(place.mount), *place.inner.segments)

    def _path_elsewhere(self, path: ContentPath) -> ContentPath | None:
        name = path.segments[0] if path.segments else ""
        try:
            if name == BESIDE_MOUNTS:
                own = ContentPath((name, self._username()))
                inner = path.relative_to(own) if path.starts_with(own) else None
                return inner if inner is not None and not self.mounts.name_of(inner) else None
            mount = next((mount for mount in self.mounts.all() if mount.name == name), None)
            if mount is None or not path.starts_with(folder := ContentPath(self._folder(mount))):
                return None
        except Problem:
            return None
        found = self.mounts.path_of(self.caller, name, path.relative_to(folder))
        return found if found is not None and not found.is_hidden else None

    def _folder(self, mount: Mount) -> tuple[str, ...]:
        """A mount with a store for each user has a folder for each."""
        return (mount.name, HOMES, self._username()) if mount.is_personal else (mount.name,)

    def _sharing(self) -> Iterator[tuple[Mount, SupportsForwarding]]:
        """The mounts that stand on this server, its own first."""
        yield self.mount, self.backend
        for mount in self.mounts.all():
            backend = self._backend(mount)
            if mount.name == self.mount.name or not isinstance(backend, SupportsForwarding):
                continue
            if backend.upstream.url == self.backend.upstream.url:
                yield mount, backend

    def _backend(self, mount: Mount) -> Backend | None:
        if not mount.permits(self.caller, Action.READ):
            return None
        try:
            return mount.of(self.caller).backend
        except Problem:  # a user whose name cannot be that of a server
            return None

    def _username(self) -> str:
        """FORBIDDEN for who is no user, or has a name that cannot be one in a path."""
        name = self.caller.username
        if name is None or "/" in name or not is_plain_name(name):
            raise Problem(Code.FORBIDDEN, "Only a user can run something here.")
        return name
