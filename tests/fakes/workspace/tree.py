"""What the emulated workspace holds: directories and files with opaque etags, and one clock that never stands still."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from .paths import ROOT, Path, is_below
from .refusals import absent, conflict, invalid


@dataclass
class Node:
    """A directory when ``body`` is None. What kind of file it is, its name tells."""

    body: bytes | None
    created: datetime
    modified: datetime
    etag: str
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    description: str | None = None
    object_type: str | None = None
    """What an object was created as, where its creator said so."""


@dataclass
class Shadow:
    """What stood at a path before its last change, for so many reads as do not see the change yet."""

    node: Node | None
    reads: int


class Tree:
    """Paths to nodes; ``Workspace`` is there from the beginning. ``lag_reads`` says how long a change stays unseen."""

    def __init__(self, lag_reads: Callable[[], int] = lambda: 0) -> None:
        self._lag_reads = lag_reads
        self._last = datetime.now(UTC)
        self.nodes: dict[Path, Node] = {}
        self.shadows: dict[Path, Shadow] = {}
        self.put(ROOT, None)

    def get(self, path: Path) -> Node:
        if path not in self.nodes:
            raise absent()
        return self.nodes[path]

    def kind(self, path: Path) -> str:
        return kind_of(path, self.get(path))

    def children(self, path: Path) -> Iterator[Path]:
        return (each for each in sorted(self.nodes) if each[:-1] == path)

    def below(self, path: Path) -> list[Path]:
        """The path itself and everything in it."""
        return [each for each in self.nodes if is_below(each, path)]

    def put(self, path: Path, body: bytes | None) -> Node:
        """Create or replace; the caller has checked that the parent is a directory."""
        self._shade(path)
        now, old = self._now(), self.nodes.get(path)
        fresh = Node(body, now, now, new_etag())
        node = fresh if old is None else replace(old, body=body, modified=now, etag=new_etag())
        self.nodes[path] = node
        if old is None:
            self._touch(path[:-1])
        return node

    def check_parent(self, path: Path) -> None:
        parent = self.nodes.get(path[:-1])
        if parent is None:
            raise absent()
        if parent.body is not None:
            raise conflict("The parent is not a directory.")

    def move(self, source: Path, target: Path, *, new_etags: bool = True) -> Node:
        """What stands at the target is refused as a conflict; the moved node alone gets a new etag."""
        node = self.get(source)
        if source == ROOT:
            raise conflict("The root stays where it is.")
        self.check_parent(target)
        if target in self.nodes:
            raise conflict("The target path exists already.")
        if is_below(target, source):
            raise invalid("A directory cannot be moved into itself.")
        for path in self.below(source):
            goal = target + path[len(source) :]
            self._shade(path)
            self._shade(goal)
            self.nodes[goal] = self.nodes.pop(path)
        if new_etags:
            self.nodes[target] = node = replace(node, etag=new_etag())
        self._touch(source[:-1])
        self._touch(target[:-1])
        return node

    def copy(self, source: Path, target: Path) -> Node:
        """A new node for everything in the source; the caller has checked the target and its parent."""
        for path in self.below(source):
            self.put(target + path[len(source) :], self.nodes[path].body)
        return self.nodes[target]

    def remove(self, path: Path, *, recursive: bool) -> None:
        self.get(path)
        if path == ROOT:
            raise conflict("The root stays where it is.")
        below = self.below(path)
        if len(below) > 1 and not recursive:
            raise conflict("The directory is not empty.")
        for each in below:
            self._shade(each)
            del self.nodes[each]
        self._touch(path[:-1])

    def free_name(self, parent: Path, stem: str, extension: str, separator: str = "") -> Path:
        number = 0
        while (path := (*parent, f"{stem}{separator * bool(number)}{number or ''}{extension}")) in self.nodes:
            number += 1
        return path

    def unseen_change(self, path: Path) -> Shadow | None:
        """Counts one read of the path; what stood there before, when that read does not see the last change yet."""
        shadow = self.shadows.get(path)
        if shadow is None:
            return None
        shadow.reads -= 1
        if shadow.reads == 0:
            del self.shadows[path]
        return shadow

    def _shade(self, path: Path) -> None:
        self.shadows.pop(path, None)
        if self._lag_reads() > 0:
            node = self.nodes.get(path)
            self.shadows[path] = Shadow(replace(node) if node else None, self._lag_reads())

    def _touch(self, path: Path) -> None:
        if path in self.nodes:
            self.nodes[path].modified, self.nodes[path].etag = self._now(), new_etag()

    def _now(self) -> datetime:
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last


def kind_of(path: Path, node: Node) -> str:
    return "directory" if node.body is None else kind_of_name(path[-1])


def kind_of_name(name: str) -> str:
    return "notebook" if name.endswith(".ipynb") else "file"


def new_etag() -> str:
    return secrets.token_hex(12)
