"""A backend in memory with every capability and every optional protocol, for tests of what stands before a backend."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

from gateway.contents.backend import Capability
from gateway.contents.model import (
    Absent,
    Checkpoint,
    Document,
    Entry,
    ETag,
    Kind,
    Listing,
    Matches,
    Precondition,
    Written,
    directory_entry,
    sha256_hex,
)
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid, not_found, stale

_ALL = frozenset(Capability) - {Capability.IMPLICIT_PARENTS}


@dataclass(frozen=True, slots=True)
class Saved:
    checkpoint: Checkpoint
    body: bytes


@dataclass(frozen=True, slots=True)
class File:
    body: bytes
    modified: datetime
    created: datetime
    saved: tuple[Saved, ...] = ()


@dataclass(slots=True)
class MemoryBackend:
    """Files and directories by path. By default it asks for parents as a folder does; ``capabilities`` may say less.

    Every method is done within one step of the event loop, so each is atomic.
    """

    capabilities: frozenset[Capability] = _ALL
    files: dict[ContentPath, File] = field(default_factory=dict)
    directories: dict[ContentPath, datetime] = field(default_factory=dict)
    down: Problem | None = None
    """Raised by every method while it is set."""
    is_closed: bool = False

    async def probe(self) -> None:
        self._reach()

    async def stat(self, path: ContentPath) -> Entry:
        self._reach()
        if (file := self.files.get(path)) is not None:
            return _file_entry(path, file)
        return self._directory(path)

    async def read(self, path: ContentPath) -> Document:
        self._reach()
        file = self._file(path)
        return Document(_file_entry(path, file), file.body)

    async def list(self, path: ContentPath) -> Listing:
        self._reach()
        if path in self.files:
            raise invalid("This is a file, not a directory.", reason=Reason.BAD_TYPE)
        return Listing(self._directory(path), self._children(path))

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        self._reach()
        file = self.files.get(path)
        self._check(path, precondition)
        if self._is_directory(path):
            raise Problem(Code.CONFLICT, "A directory of that name exists.")
        self._need_parent(path)
        now = datetime.now(UTC)
        self.files[path] = File(body, now, file.created, file.saved) if file else File(body, now, now)
        return Written(_file_entry(path, self.files[path]), created=file is None)

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        self._reach()
        if path.is_root:
            raise invalid("The root cannot be deleted.")
        self._check(path, precondition)
        if path not in self.files:
            self._directory(path)
        self.files = {each: file for each, file in self.files.items() if not each.starts_with(path)}
        self.directories = {each: date for each, date in self.directories.items() if not each.starts_with(path)}

    async def make_directory(self, path: ContentPath) -> Entry:
        self._reach()
        if self._exists(path):
            raise already_exists()
        self._need_parent(path)
        self.directories[path] = datetime.now(UTC)
        return self._directory(path)

    async def aclose(self) -> None:
        self.is_closed = True

    async def copy(self, source: ContentPath, target: ContentPath) -> Written:
        file = self._file(source)
        return await self.write(target, file.body, precondition=Absent())

    async def move(self, source: ContentPath, target: ContentPath) -> Entry:
        self._reach()
        if not self._exists(source):
            raise not_found()
        if self._exists(target):
            raise already_exists()
        self._need_parent(target)
        self.files = {_moved(path, source, target): file for path, file in self.files.items()}
        self.directories = {_moved(path, source, target): date for path, date in self.directories.items()}
        return await self.stat(target)

    async def list_checkpoints(self, path: ContentPath) -> tuple[Checkpoint, ...]:
        self._reach()
        file = self.files.get(path)
        return tuple(saved.checkpoint for saved in file.saved) if file is not None else ()

    async def create_checkpoint(self, path: ContentPath) -> Checkpoint:
        self._reach()
        file = self._file(path)
        checkpoint = Checkpoint(uuid4().hex, file.modified)
        self.files[path] = replace(file, saved=(*file.saved, Saved(checkpoint, file.body)))
        return checkpoint

    async def restore_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        self._reach()
        file = self._file(path)
        saved = _saved(file, checkpoint_id)
        self.files[path] = replace(file, body=saved.body, modified=datetime.now(UTC))

    async def delete_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        self._reach()
        file = self._file(path)
        gone = _saved(file, checkpoint_id)
        self.files[path] = replace(file, saved=tuple(saved for saved in file.saved if saved is not gone))

    def _reach(self) -> None:
        if self.down is not None:
            raise self.down

    def _file(self, path: ContentPath) -> File:
        self._reach()
        if path not in self.files:
            self._directory(path)
            raise invalid("This is a directory, not a file.", reason=Reason.BAD_TYPE)
        return self.files[path]

    def _directory(self, path: ContentPath) -> Entry:
        if not self._is_directory(path):
            raise not_found()
        children = self._children(path)
        dates = [child.modified for child in children]
        if path in self.directories:
            dates.append(self.directories[path])
        return directory_entry(path, children, modified=max(dates, default=None))

    def _children(self, path: ContentPath) -> tuple[Entry, ...]:
        files = [_file_entry(each, file) for each, file in self.files.items() if _is_child(each, path)]
        inner = [self._directory(each) for each in self.directories if _is_child(each, path)]
        return (*files, *inner)

    def _is_directory(self, path: ContentPath) -> bool:
        return path.is_root or path in self.directories

    def _exists(self, path: ContentPath) -> bool:
        return path in self.files or self._is_directory(path)

    def _need_parent(self, path: ContentPath) -> None:
        if path.parent in self.files:
            raise invalid("The parent is a file.", reason=Reason.BAD_TYPE)
        if self._is_directory(path.parent):
            return
        if Capability.IMPLICIT_PARENTS not in self.capabilities:
            raise not_found("The parent directory does not exist.")
        self._need_parent(path.parent)
        self.directories[path.parent] = datetime.now(UTC)

    def _check(self, path: ContentPath, precondition: Precondition) -> None:
        file = self.files.get(path)
        match precondition:
            case Absent() if self._exists(path):
                raise stale()
            case Matches(etag) if file is None or _file_entry(path, file).etag != etag:
                raise stale()


def _file_entry(path: ContentPath, file: File) -> Entry:
    digest = sha256_hex(file.body)
    return Entry(path, Kind.of_file(path), file.modified, file.created, ETag(digest), len(file.body), digest)


def _saved(file: File, checkpoint_id: str) -> Saved:
    for saved in file.saved:
        if saved.checkpoint.id == checkpoint_id:
            return saved
    raise not_found("No such checkpoint.")


def _is_child(path: ContentPath, directory: ContentPath) -> bool:
    return not path.is_root and path.parent == directory


def _moved(path: ContentPath, source: ContentPath, target: ContentPath) -> ContentPath:
    return target.join(path.relative_to(source)) if path.starts_with(source) else path
