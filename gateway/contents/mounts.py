"""Which backend and which inner path an address means, and who may use it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from gateway.contents.backend import Backend, Capability
from gateway.contents.model import Caller, Entry
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Code, Problem, not_found
from gateway.contents.upstream import SupportsUsers

HOMES = "home"
EVERYONE = frozenset({"*"})


class Action(Enum):
    """What a mount's rules tell apart."""

    READ = "read"
    WRITE = "write"
    RUN = "run kernels"


@dataclass(frozen=True, slots=True)
class Mount:
    """A name, a backend, and the rules for who may use it.

    ``readers``, ``writers`` and ``runners`` (of kernels) hold usernames, ``role:NAME`` or ``*``. A ``homes`` mount
    shows each caller only ``home/{caller}/`` of the backend. ``is_root`` makes it the gateway's root; other mounts
    appear beside its entries. ``store`` names what the backend stands on, and ``below`` where in it: mounts that
    overlap share their locks. ``is_personal`` mounts lead each user to a store of their own.
    """

    name: str
    backend: Backend
    homes: bool = False
    is_root: bool = False
    readers: frozenset[str] = EVERYONE
    writers: frozenset[str] = EVERYONE
    store: str = ""
    below: ContentPath = ContentPath.ROOT
    runners: frozenset[str] = EVERYONE
    is_personal: bool = False

    def permits(self, caller: Caller, action: Action) -> bool:
        granted = {Action.READ: self.readers, Action.WRITE: self.writers, Action.RUN: self.runners}[action]
        held = {"*", *(f"role:{role}" for role in caller.roles)}
        if caller.username is not None and not caller.username.startswith("role:"):
            held.add(caller.username)
        is_shared_out = self.homes or self.is_personal
        return not granted.isdisjoint(held) and not (is_shared_out and caller.username is None)

    def of(self, caller: Caller) -> Mount:
        """The mount as it is for this caller. FORBIDDEN for who has no store behind a personal one."""
        if not self.is_personal or not isinstance(self.backend, SupportsUsers):
            return self
        return replace(self, backend=self.backend.of(caller.username), store=f"{self.store} of {caller.username}")

    def base(self, caller: Caller) -> ContentPath:
        """The backend's folder that this caller sees as the mount's top."""
        if not self.homes:
            return ContentPath.ROOT
        if caller.username is None:
            raise Problem(Code.FORBIDDEN, "This credential belongs to no user, so it has no home here.")
        if "/" in caller.username or not is_plain_name(caller.username):
            raise Problem(Code.FORBIDDEN, "This username cannot be the name of a home folder.")
        return ContentPath((HOMES, caller.username))


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address leads: a mount, the path inside its backend, and the way back to the caller's own spelling."""

    mount: Mount
    top: ContentPath
    base: ContentPath
    inner: ContentPath
    writable: bool

    @property
    def is_mount_top(self) -> bool:
        return self.inner == self.base

    @property
    def lock_name(self) -> str:
        return f"{self.mount.store or self.mount.name}:{self.mount.below.join(self.inner)}"

    def at(self, inner: ContentPath) -> Place:
        """The place of another path in the same backend."""
        return replace(self, inner=inner)

    def outward(self, entry: Entry) -> Entry:
        """The entry as the caller addresses it."""
        path = self.top.join(entry.path.relative_to(self.base))
        return replace(entry, path=path, writable=entry.writable and self.writable)


class Mounts:
    """All mounts of one gateway."""

    def __init__(self, mounts: Iterable[Mount]) -> None:
        self._by_name = {mount.name: mount for mount in mounts}
        self._root = next((mount for mount in self._by_name.values() if mount.is_root), None)

    @property
    def root(self) -> Mount | None:
        return self._root

    def all(self) -> Iterable[Mount]:
        """In the order of the configuration."""
        return self._by_name.values()

    def beside_root(self, caller: Caller) -> list[Mount]:
        """The mounts that this caller sees as folders of the root."""
        return [m for m in self._by_name.values() if not m.is_root and m.permits(caller, Action.READ)]

    def name_of(self, path: ContentPath) -> str:
        """The name of the mount that the path leads into; empty when there is none."""
        try:
            return self._mount_of(path)[0].name
        except Problem:
            return ""

    def capabilities(self, path: ContentPath) -> frozenset[Capability]:
        """What the store behind the path can do; nothing where no mount is."""
        try:
            return self._mount_of(path)[0].backend.capabilities
        except Problem:
            return frozenset()

    def place(self, caller: Caller, path: ContentPath, action: Action) -> Place:
        """Find the place and check the caller's right to it: NOT_FOUND, FORBIDDEN."""
        mount, top = self._mount_of(path)
        if not mount.permits(caller, action):
            mount.base(caller)
            raise Problem(Code.FORBIDDEN, f"You may not {action.value} here.")
        base = mount.base(caller)
        inner = base.join(path.relative_to(top))
        return Place(mount.of(caller), top, base, inner, writable=mount.permits(caller, Action.WRITE))

    def path_of(self, caller: Caller, name: str, inner: ContentPath) -> ContentPath | None:
        """The way back: how the caller addresses that inner path of the mount of that name.

        None where that is nothing the caller may read, or another mount stands in the way.
        """
        mount = self._by_name.get(name)
        if mount is None or not mount.permits(caller, Action.READ):
            return None
        top = ContentPath.ROOT if mount.is_root else ContentPath((name,))
        try:
            base = mount.base(caller)
            path = top.join(inner.relative_to(base))
            is_way_back = inner.starts_with(base) and self._mount_of(path) == (mount, top)
        except Problem:
            return None
        return path if is_way_back else None

    def _mount_of(self, path: ContentPath) -> tuple[Mount, ContentPath]:
        named = self._by_name.get(path.segments[0]) if path.segments else None
        if named is not None and not named.is_root:
            return named, ContentPath(path.segments[:1])
        if self._root is not None:
            return self._root, ContentPath.ROOT
        raise not_found("No such mount; the root lists the mounts there are.")
