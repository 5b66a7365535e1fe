"""What the emulated workspace holds: directories and files with opaque etags, and one clock that never stands still."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Path = tuple[str, ...]


class RefusalError(Exception):
    """An error answer of the service (spec oci 7)."""

    def __init__(self, status: int, code: str, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.reason = status, code, message, reason


@dataclass
class Node:
    """A directory when ``body`` is None. What kind of file it is, its name tells."""

    body: bytes | None
    created: datetime
    modified: datetime
    etag: str


class Tree:
    """Paths to nodes; ``Workspace`` is there from the beginning."""

    def __init__(self) -> None:
        self._last = datetime.now(UTC)
        self.nodes: dict[Path, Node] = {}
        self.put(("Workspace",), None)

    def get(self, path: Path) -> Node:
        if path not in self.nodes:
            raise absent()
        return self.nodes[path]

    def kind(self, path: Path) -> str:
        if self.get(path).body is None:
            return "directory"
        return kind_of_name(path[-1])

    def children(self, path: Path) -> Iterator[Path]:
        return (each for each in sorted(self.nodes) if each[:-1] == path)

    def put(self, path: Path, body: bytes | None) -> Node:
        """Create or replace; the caller has checked that the parent is a directory."""
        now, old = self._now(), self.nodes.get(path)
        node = Node(body, old.created if old else now, now, new_etag())
        self.nodes[path] = node
        if old is None:
            self._touch(path[:-1])
        return node

    def check_parent(self, path: Path) -> None:
        parent = self.nodes.get(path[:-1])
        if parent is None:
            raise absent()
        if parent.body is not None:
            raise RefusalError(409, "Conflict", "The parent is not a directory.")

    def move(self, source: Path, target: Path) -> Node:
        node = self.get(source)
        self.check_parent(target)
        if target in self.nodes:
            raise RefusalError(409, "Conflict", "The target path exists already.")
        if target[: len(source)] == source:
            raise RefusalError(400, "InvalidParameter", "A directory cannot be moved into itself.")
        for path in [each for each in self.nodes if each[: len(source)] == source]:
            self.nodes[target + path[len(source) :]] = self.nodes.pop(path)
        node.etag = new_etag()
        self._touch(source[:-1])
        self._touch(target[:-1])
        return node

    def remove(self, path: Path, *, recursive: bool) -> None:
        self.get(path)
        below = [each for each in self.nodes if each[: len(path)] == path]
        if len(below) > 1 and not recursive:
            raise RefusalError(409, "Conflict", "The directory is not empty.")
        for each in below:
            del self.nodes[each]
        self._touch(path[:-1])

    def free_name(self, parent: Path, stem: str, extension: str, separator: str = "") -> Path:
        number = 0
        while (path := (*parent, f"{stem}{separator * bool(number)}{number or ''}{extension}")) in self.nodes:
            number += 1
        return path

    def _touch(self, path: Path) -> None:
        if path in self.nodes:
            self.nodes[path].modified, self.nodes[path].etag = self._now(), new_etag()

    def _now(self) -> datetime:
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last


def kind_of_name(name: str) -> str:
    return "notebook" if name.endswith(".ipynb") else "file"


def new_etag() -> str:
    return secrets.token_hex(12)


def absent() -> RefusalError:
    return RefusalError(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")
