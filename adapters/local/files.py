"""Reading a folder, in threads: where a path leads, the facts, whole reads, and what is never shown."""

from __future__ import annotations

import hashlib
import os
import stat as modes
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cached_property
from io import FileIO
from pathlib import Path

from adapters.local.errors import busy
from gateway.contents.model import Entry, ETag, Kind, directory_entry, sha256_hex
from gateway.contents.mounts import HOMES
from gateway.contents.paths import MAX_SEGMENT_BYTES, ContentPath, is_plain_name
from gateway.contents.problem import Problem, Reason, invalid, not_found
from gateway.wire.client import oversized

PRIVATE_PREFIX = ".nbgw"
CHECKPOINTS_FOLDER = ".ipynb_checkpoints"

_NEVER_LISTED = ("__pycache__", "*.pyc", "*.pyo", ".DS_Store", "*~", f"{PRIVATE_PREFIX}*", CHECKPOINTS_FOLDER)
_REMEMBERED_DIGESTS = 10_000
_SETTLED_NANOSECONDS = 2_000_000_000
"""A file changed within this time may change again without its date showing it: clocks of file systems are coarse."""
_READ_ATTEMPTS = 3
_DESCRIPTORS = Path("/proc/self/fd")
_TELLS_WHERE = _DESCRIPTORS.is_dir()
_EFFECTIVE_IDS = os.access in os.supports_effective_ids
_FIRST_SECOND = int(datetime(1, 1, 2, tzinfo=UTC).timestamp())
_LAST_SECOND = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp())

DigestKey = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file open for reading, and the facts that it was opened with."""

    entry: Entry
    file: FileIO
    facts: os.stat_result

    @property
    def is_unchanged(self) -> bool:
        """Whether it holds what it did. That it has lost its name, as one that is replaced, changes nothing."""
        now = os.fstat(self.file.fileno())
        return (now.st_mtime_ns, now.st_size) == (self.facts.st_mtime_ns, self.facts.st_size)

    def piece(self, start: int, size_bytes: int) -> bytes:
        """Bytes from ``start`` on, at most so many. CONFLICT (busy) when it has been changed since it was opened."""
        found = os.pread(self.file.fileno(), size_bytes, start)
        if not found or not self.is_unchanged:
            raise busy()
        return found


class Folder:
    """The root folder and what may be reached in it: nothing through a symlink that leaves it.

    With ``homes`` nothing through a symlink that leaves the home it stands in: users can make symlinks, and the gateway
    can read what they cannot.
    """

    def __init__(self, root: Path, max_body_bytes: int, *, homes: bool = False) -> None:
        self._homes = homes
        self._given_root = root
        self._max_body_bytes = max_body_bytes
        self._digests: dict[DigestKey, str] = {}

    @cached_property
    def root(self) -> Path:
        """Resolved at first use, which is in a thread."""
        return Path(os.path.realpath(self._given_root))

    def locate(self, path: ContentPath) -> Path:
        """The host path, with every symlink above its last name resolved. NOT_FOUND when any leads out of bounds."""
        if path.is_root:
            return self.root
        host = Path(os.path.realpath(self.root.joinpath(*path.parent.segments)), path.name)
        real = Path(os.path.realpath(host))
        bounds = self.bounds(path)
        if not (_is_within(bounds, host) and _is_within(bounds, real)):
            raise not_found()
        return host

    def bounds(self, path: ContentPath) -> Path:
        """What no symlink may lead out of: the home that the path is in, or else the root."""
        if not self._homes or len(path.segments) < 3 or path.segments[0] != HOMES:
            return self.root
        home = Path(os.path.realpath(self.root.joinpath(*path.segments[:2])))
        if not _is_within(self.root, home):
            raise not_found()
        return home

    def locate_checkpoint(self, path: ContentPath) -> Path:
        return self.locate(self.checkpoint_path(path))

    def checkpoint_path(self, path: ContentPath) -> ContentPath:
        """``.ipynb_checkpoints/a-checkpoint.ipynb`` beside ``a.ipynb``, as jupyter_server names it."""
        name = Path(path.name)
        kept = f"{name.stem}-checkpoint{name.suffix}"
        if len(kept.encode()) > MAX_SEGMENT_BYTES:
            kept = f"{sha256_hex(path.name.encode())}-checkpoint"
        return path.parent.join(ContentPath((CHECKPOINTS_FOLDER, kept)))

    def facts(self, path: ContentPath) -> os.stat_result:
        """What stands there, symlinks followed: a directory or a regular file, anything else is NOT_FOUND."""
        try:
            facts = self.locate(path).stat()
        except NotADirectoryError as error:
            raise not_found() from error
        if not (modes.S_ISDIR(facts.st_mode) or modes.S_ISREG(facts.st_mode)):
            raise not_found()
        return facts

    def is_directory(self, path: ContentPath) -> bool:
        return modes.S_ISDIR(self.facts(path).st_mode)

    def entry(self, path: ContentPath) -> Entry:
        """A file larger than the gateway carries is not read for its digest: its etag says which state of it it is."""
        if self.is_directory(path):
            return self.children(path)[0]
        host = self.locate(path)
        with _opened(host, self.bounds(path)) as file:
            return self._entry(path, host, file, os.fstat(file.fileno()))

    def opened(self, path: ContentPath) -> OpenFile:
        """The file with its facts, which are of the bytes that can be read from it as long as it ``is_unchanged``."""
        if self.is_directory(path):
            raise invalid("This is a directory.", reason=Reason.BAD_TYPE)
        host = self.locate(path)
        for _ in range(_READ_ATTEMPTS):
            file = _opened(host, self.bounds(path))
            try:
                facts = os.fstat(file.fileno())
                opened = OpenFile(self._entry(path, host, file, facts), file, facts)
                if opened.is_unchanged:
                    return opened
            except BaseException:
                file.close()
                raise
            file.close()
        raise busy()

    def _entry(self, path: ContentPath, host: Path, file: FileIO, facts: os.stat_result) -> Entry:
        if facts.st_size > self._max_body_bytes:
            return replace(file_entry(path, facts, None, writable=may_write(host)), etag=_state(facts))
        return file_entry(path, facts, self._digest(file, facts), writable=may_write(host))

    def read(self, path: ContentPath) -> tuple[Entry, bytes]:
        """One open file, read while it does not change: the facts are of the very bytes."""
        if self.is_directory(path):
            raise invalid("This is a directory.", reason=Reason.BAD_TYPE)
        host = self.locate(path)
        for _ in range(_READ_ATTEMPTS):
            with _opened(host, self.bounds(path)) as file:
                before = os.fstat(file.fileno())
                if before.st_size > self._max_body_bytes:
                    raise oversized()
                body = file.read(before.st_size + 1)
                if _key(os.fstat(file.fileno())) == _key(before) and len(body) == before.st_size:
                    return file_entry(path, before, sha256_hex(body), writable=may_write(host)), body
        raise busy()

    def children(self, path: ContentPath) -> tuple[Entry, tuple[Entry, ...]]:
        """The directory and what stands in it; its etag and what is listed are of one look."""
        facts = self.facts(path)
        if not modes.S_ISDIR(facts.st_mode):
            raise invalid("This is not a directory.", reason=Reason.BAD_TYPE)
        host = self.locate(path)
        with opened_folder(host, self.bounds(path)) as folder:
            entries = tuple(self._children(path, folder))
        entry = directory_entry(path, entries, modified=_date(facts.st_mtime_ns), writable=may_write(host))
        return entry, entries

    def _children(self, path: ContentPath, folder: int) -> Iterator[Entry]:
        with os.scandir(folder) as found:
            for item in found:
                if is_plain_name(item.name) and not _never_listed(item.name):
                    entry = self._child(path.child(item.name), item, folder)
                    if entry is not None:
                        yield entry

    def _child(self, path: ContentPath, item: os.DirEntry[str], folder: int) -> Entry | None:
        """None for what vanished meanwhile, leads outside, or is neither file nor directory."""
        try:
            if item.is_symlink():
                self.locate(path)
            facts = item.stat()
        except (OSError, Problem):
            return None
        writable = may_write(item.name, folder)
        if modes.S_ISDIR(facts.st_mode):
            return directory_entry(path, modified=_date(facts.st_mtime_ns), writable=writable)
        return file_entry(path, facts, None, writable=writable) if modes.S_ISREG(facts.st_mode) else None

    def _digest(self, file: FileIO, facts: os.stat_result) -> str:
        key = _key(facts)
        digest = self._digests.get(key)
        if digest is None:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if time.time_ns() - facts.st_mtime_ns > _SETTLED_NANOSECONDS and _key(os.fstat(file.fileno())) == key:
                if len(self._digests) >= _REMEMBERED_DIGESTS:
                    self._digests.clear()
                self._digests[key] = digest
        return digest


def file_entry(path: ContentPath, facts: os.stat_result, digest: str | None, *, writable: bool = True) -> Entry:
    """``created`` is the birth of the file where the system tells it, and never after ``modified``."""
    modified = _date(facts.st_mtime_ns)
    born = getattr(facts, "st_birthtime", facts.st_ctime)
    created = min(modified, _date(int(born * 1_000_000_000)))
    etag = ETag(digest) if digest else None
    return Entry(path, Kind.of_file(path), modified, created, etag, facts.st_size, digest, writable)


def _is_within(folder: Path, host: Path) -> bool:
    return folder in (*host.parents, host)


def may_write(host: Path | str, folder: int | None = None) -> bool:
    """``folder`` is the descriptor of the folder that a bare name stands in."""
    return os.access(host, os.W_OK, dir_fd=folder, effective_ids=_EFFECTIVE_IDS)


@contextmanager
def opened_folder(host: Path, bounds: Path) -> Iterator[int]:
    """A descriptor that means this folder whatever becomes of the names that led to it."""
    descriptor = os.open(host, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _refuse_outside(descriptor, bounds)
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(host: Path, bounds: Path) -> FileIO:
    """Never waits: what became a pipe since the last look is opened without blocking, and refused."""
    file = FileIO(os.open(host, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    try:
        _refuse_others(file.fileno())
        _refuse_outside(file.fileno(), bounds)
    except BaseException:
        file.close()
        raise
    return file


def _refuse_others(descriptor: int) -> None:
    if not modes.S_ISREG(os.fstat(descriptor).st_mode):
        raise not_found()


def _refuse_outside(descriptor: int, bounds: Path) -> None:
    """NOT_FOUND when a name on the way became a symlink to outside after ``locate`` had looked.

    What was replaced or deleted since it was opened is still named by where it stood, with a mark after its own name.
    Where the system does not tell, the first look has to do.
    """
    if _TELLS_WHERE and not _is_within(bounds, (_DESCRIPTORS / str(descriptor)).readlink()):
        raise not_found()


def _state(facts: os.stat_result) -> ETag:
    state = (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size)
    return ETag(sha256_hex(repr(state).encode()))


def _key(facts: os.stat_result) -> DigestKey:
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size


def _never_listed(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _NEVER_LISTED)


def _date(nanoseconds: int) -> datetime:
    """Dates that no calendar has, as broken archives set them, become the nearest that it has."""
    seconds = min(max(nanoseconds // 1_000_000_000, _FIRST_SECOND), _LAST_SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds % 1_000_000_000 // 1000)
