"""Blocking file work, run in threads: facts, whole reads, atomic replacement, and what is never shown."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat as modes
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

from gateway.contents.model import Entry, ETag, Kind, directory_entry, sha256_hex
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Problem, Reason, invalid, not_found

PRIVATE_FOLDER = ".nbgw"
CHECKPOINTS_FOLDER = ".ipynb_checkpoints"

_NEVER_LISTED = ("__pycache__", "*.pyc", "*.pyo", ".DS_Store", "*~")
_TEMPORARY_PREFIX = ".nbgw-"


class Folder:
    """The root folder and what may be reached in it: nothing through a symlink that leaves it."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._digests: dict[tuple[int, int, int, int], str] = {}

    def locate(self, path: ContentPath) -> Path:
        """The host path. NOT_FOUND when a symlink on the way leaves the root."""
        host = self.root.joinpath(*path.segments)
        real = Path(os.path.realpath(host))
        if real != self.root and self.root not in real.parents:
            raise not_found()
        return host

    def entry(self, path: ContentPath, *, with_digest: bool = True) -> Entry:
        host = self.locate(path)
        facts = host.stat()
        if modes.S_ISDIR(facts.st_mode):
            return directory_entry(path, self._children(path, host), modified=_date(facts.st_mtime_ns))
        if not modes.S_ISREG(facts.st_mode):
            raise not_found()
        digest = self._digest(host, facts) if with_digest else None
        return file_entry(path, facts, digest)

    def read(self, path: ContentPath) -> tuple[Entry, bytes]:
        """One open file: the facts are of the very bytes that are read."""
        host = self.locate(path)
        if host.is_dir():
            raise invalid("This is a directory.", reason=Reason.BAD_TYPE)
        with host.open("rb") as file:
            facts = os.fstat(file.fileno())
            body = file.read()
        return file_entry(path, facts, sha256_hex(body)), body

    def children(self, path: ContentPath) -> tuple[Entry, tuple[Entry, ...]]:
        host = self.locate(path)
        if not host.exists():
            raise not_found()
        if not host.is_dir():
            raise invalid("This is not a directory.", reason=Reason.BAD_TYPE)
        entries = tuple(self._children(path, host))
        return directory_entry(path, entries, modified=_date(host.stat().st_mtime_ns)), entries

    def _children(self, path: ContentPath, host: Path) -> Iterator[Entry]:
        with os.scandir(host) as found:
            for item in found:
                if not is_plain_name(item.name) or item.name.startswith(".") or _never_listed(item.name):
                    continue
                if (entry := self._child(path.child(item.name), item)) is not None:
                    yield entry

    def _child(self, path: ContentPath, item: os.DirEntry[str]) -> Entry | None:
        """None for what vanished meanwhile, leads outside, or is neither file nor directory."""
        try:
            if item.is_symlink():
                self.locate(path)
            facts = item.stat()
        except (OSError, Problem):
            return None
        if modes.S_ISDIR(facts.st_mode):
            return directory_entry(path, modified=_date(facts.st_mtime_ns))
        return file_entry(path, facts, None) if modes.S_ISREG(facts.st_mode) else None

    def _digest(self, host: Path, facts: os.stat_result) -> str:
        key = (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size)
        if key not in self._digests:
            if len(self._digests) > 10_000:
                self._digests.clear()
            self._digests[key] = sha256_hex(host.read_bytes())
        return self._digests[key]


def file_entry(path: ContentPath, facts: os.stat_result, digest: str | None) -> Entry:
    modified = _date(facts.st_mtime_ns)
    etag = ETag(digest) if digest else None
    return Entry(path, Kind.of_file(path), modified, modified, etag, facts.st_size, digest)


def replace_file(host: Path, body: bytes, *, must_be_absent: bool) -> None:
    """Write aside, make durable, then put in place at once. FileExistsError when it must be absent and is not."""
    temporary = host.parent / f"{_TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        if must_be_absent:
            os.link(temporary, host)
        else:
            _keep_mode(host, temporary)
            temporary.replace(host)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(host.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writers_lock(root: Path) -> Iterator[None]:
    """Keep other processes that serve the same folder from writing between a check and a write."""
    private = root / PRIVATE_FOLDER
    private.mkdir(exist_ok=True)
    with (private / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _keep_mode(host: Path, temporary: Path) -> None:
    if host.exists():
        temporary.chmod(modes.S_IMODE(host.stat().st_mode))


def _never_listed(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _NEVER_LISTED)


def _date(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // 1000 / 1_000_000, UTC)
