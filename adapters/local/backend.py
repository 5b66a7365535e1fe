"""A folder as a backend: atomic replacement, sha256 etags, checkpoints where Jupyter keeps them."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from adapters.local.changes import changing, make_directory, remove, remove_empty, rename, replace_file, sync_folder
from adapters.local.errors import missing_root, problem_from
from adapters.local.files import Folder, file_entry
from adapters.local.streams import LocalStream, Opening
from gateway.contents.backend import Backend, Capability, Stream
from gateway.contents.model import (
    Absent,
    Checkpoint,
    Document,
    Entry,
    Kind,
    Listing,
    Matches,
    Precondition,
    Written,
    sha256_hex,
)
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem, Reason, already_exists, invalid, not_found, stale
from gateway.wire.client import UpstreamClient

CHECKPOINT_ID = "checkpoint"
MAX_BODY_BYTES = 100 << 20
WORKERS = 8
"""Threads of its own: a folder that hangs, as a network drive may, leaves those of other mounts alone."""

P = ParamSpec("P")
R = TypeVar("R")


def create(client: UpstreamClient, *, root: str, homes: bool = False) -> Backend:
    """A backend over the folder ``root``; of the upstream client it needs only how much a document may hold.

    ``homes`` says that the folder holds one home for each user, which no symlink may lead out of.
    """
    return LocalBackend(Path(root).expanduser(), max_body_bytes=client.max_body_bytes, homes=homes)


class LocalBackend:
    """Every method is one visit to a thread; writers of one path take turns, across processes too."""

    capabilities = frozenset(
        {
            Capability.CONDITIONAL_WRITE,
            Capability.CONDITIONAL_DELETE,
            Capability.ATOMIC_REPLACE,
            Capability.NATIVE_HASH,
            Capability.EMPTY_DIRECTORIES,
            Capability.BYTE_EXACT,
        }
    )

    def __init__(self, root: Path, *, max_body_bytes: int = MAX_BODY_BYTES, homes: bool = False) -> None:
        self._folder = Folder(root, max_body_bytes, homes=homes)
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="local")
        self._running: set[asyncio.Task[object]] = set()

    async def probe(self) -> None:
        await self._in_thread(self._probe)

    async def stat(self, path: ContentPath) -> Entry:
        return await self._in_thread(self._folder.entry, path)

    async def read(self, path: ContentPath) -> Document:
        return Document(*await self._in_thread(self._folder.read, path))

    async def open(self, path: ContentPath) -> Stream:
        opening = Opening(partial(self._folder.opened, path))
        return LocalStream(await opening.done(self._in_thread), self._in_thread)

    async def list(self, path: ContentPath) -> Listing:
        return Listing(*await self._in_thread(self._folder.children, path))

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        return await self._in_thread(self._write, path, body, precondition)

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        await self._in_thread(self._delete, path, precondition)

    async def make_directory(self, path: ContentPath) -> Entry:
        return await self._in_thread(self._make_directory, path)

    async def copy(self, source: ContentPath, target: ContentPath) -> Written:
        return await self._in_thread(self._copy, source, target)

    async def move(self, source: ContentPath, target: ContentPath) -> Entry:
        return await self._in_thread(self._move, source, target)

    async def remove_empty(self, path: ContentPath) -> None:
        await self._in_thread(self._remove_empty, path)

    async def list_checkpoints(self, path: ContentPath) -> tuple[Checkpoint, ...]:
        return await self._in_thread(self._list_checkpoints, path)

    async def create_checkpoint(self, path: ContentPath) -> Checkpoint:
        return await self._in_thread(self._create_checkpoint, path)

    async def restore_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        await self._in_thread(self._restore_checkpoint, path, checkpoint_id)

    async def delete_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        await self._in_thread(self._delete_checkpoint, path, checkpoint_id)

    async def aclose(self) -> None:
        """Let what was cancelled half-way come to its end."""
        await asyncio.gather(*self._running, return_exceptions=True)
        self._threads.shutdown(wait=False)

    def _probe(self) -> None:
        if not self._folder.root.is_dir():
            raise missing_root()

    def _write(self, path: ContentPath, body: bytes, precondition: Precondition) -> Written:
        with changing(self._folder.root, path):
            self._check(path, precondition)
            return self._replace(path, body, must_be_absent=isinstance(precondition, Absent))

    def _replace(self, path: ContentPath, body: bytes, *, must_be_absent: bool) -> Written:
        """Store the bytes; a symlink stays, and what it leads to is replaced, as Jupyter does."""
        if path.is_root:
            raise problem_from(IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
        host = self._folder.locate(path)
        if host.is_symlink() and not must_be_absent:
            host = Path(os.path.realpath(host))
        existed = os.path.lexists(host)
        try:
            facts = replace_file(host, body, bounds=self._folder.bounds(path), must_be_absent=must_be_absent)
        except FileExistsError as error:
            raise stale("Something with that name exists already.") from error
        return Written(file_entry(path, facts, sha256_hex(body)), created=not existed)

    def _delete(self, path: ContentPath, precondition: Precondition) -> None:
        if path.is_root:
            raise invalid("The root cannot be deleted.")
        with changing(self._folder.root, path):
            self._check(path, precondition)
            is_directory = self._folder.is_directory(path)
            remove(self._folder.root, self._folder.locate(path), bounds=self._folder.bounds(path))
            if not is_directory:
                self._folder.locate_checkpoint(path).unlink(missing_ok=True)

    def _remove_empty(self, path: ContentPath) -> None:
        if path.is_root:
            raise invalid("The root cannot be deleted.")
        with changing(self._folder.root, path):
            if not self._folder.is_directory(path):
                raise invalid("This is not a directory.", reason=Reason.BAD_TYPE)
            remove_empty(self._folder.locate(path), bounds=self._folder.bounds(path))

    def _make_directory(self, path: ContentPath) -> Entry:
        if path.is_root:
            raise already_exists()
        make_directory(self._folder.locate(path), bounds=self._folder.bounds(path))
        return self._folder.entry(path)

    def _copy(self, source: ContentPath, target: ContentPath) -> Written:
        _, body = self._folder.read(source)
        return self._write(target, body, Absent())

    def _move(self, source: ContentPath, target: ContentPath) -> Entry:
        if source.is_root or target.starts_with(source):
            raise invalid("A directory cannot be moved into itself.")
        if target.is_root:
            raise already_exists()
        with changing(self._folder.root, source, target):
            is_directory = self._folder.is_directory(source)
            origin, goal = self._folder.locate(source), self._folder.locate(target)
            rename(origin, goal, bounds=(self._folder.bounds(source), self._folder.bounds(target)))
            if not is_directory:
                self._move_checkpoint(source, target)
            return self._folder.entry(target)

    def _move_checkpoint(self, source: ContentPath, target: ContentPath) -> None:
        """One that was left at the target by a file long gone must not become the moved file's."""
        kept, goal = self._folder.locate_checkpoint(source), self._folder.locate_checkpoint(target)
        if kept.is_file():
            goal.parent.mkdir(exist_ok=True)
            kept.replace(goal)
        else:
            goal.unlink(missing_ok=True)

    def _list_checkpoints(self, path: ContentPath) -> tuple[Checkpoint, ...]:
        try:
            return (self._known_checkpoint(path, CHECKPOINT_ID)[0],)
        except (FileNotFoundError, Problem):  # a Problem can only be NOT_FOUND here: no such file, or none saved
            return ()

    def _create_checkpoint(self, path: ContentPath) -> Checkpoint:
        with changing(self._folder.root, path):
            if self._is_saved(path):
                return self._known_checkpoint(path, CHECKPOINT_ID)[0]
            entry, body = self._folder.read(path)
            file = self._folder.locate_checkpoint(path)
            file.parent.mkdir(exist_ok=True)
            modified_ns = self._folder.facts(path).st_mtime_ns
            bounds = self._folder.bounds(path)
            replace_file(file, body, bounds=bounds, must_be_absent=False, modified_ns=modified_ns)
        return Checkpoint(CHECKPOINT_ID, entry.modified)

    def _restore_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        with changing(self._folder.root, path):
            self._known_checkpoint(path, checkpoint_id)
            if not self._is_saved(path):
                _, body = self._folder.read(self._folder.checkpoint_path(path))
                self._replace(path, body, must_be_absent=False)

    def _delete_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        with changing(self._folder.root, path):
            _, file = self._known_checkpoint(path, checkpoint_id)
            file.unlink()
            sync_folder(file.parent)

    def _is_saved(self, path: ContentPath) -> bool:
        """Whether the file's checkpoint holds the very bytes that stand there."""
        try:
            return self._folder.entry(self._folder.checkpoint_path(path)).etag == self._folder.entry(path).etag
        except (FileNotFoundError, Problem):  # a Problem can only be NOT_FOUND here: no such file, or none saved
            return False

    def _known_checkpoint(self, path: ContentPath, checkpoint_id: str) -> tuple[Checkpoint, Path]:
        if self._folder.is_directory(path):
            raise not_found("A directory has no checkpoints.")
        file = self._folder.locate_checkpoint(path)
        if checkpoint_id != CHECKPOINT_ID or not file.is_file():
            raise not_found("No such checkpoint.")
        return Checkpoint(CHECKPOINT_ID, file_entry(path, file.stat(), None).modified), file

    def _check(self, path: ContentPath, precondition: Precondition) -> None:
        if isinstance(precondition, Absent) and os.path.lexists(self._folder.locate(path)):
            raise stale("Something with that name exists already.")
        if isinstance(precondition, Matches) and self._etag_there(path) != precondition.etag:
            raise stale()

    def _etag_there(self, path: ContentPath) -> str | None:
        """The etag of the file, None for a directory or nothing."""
        try:
            entry = self._folder.entry(path)
        except (FileNotFoundError, Problem):  # a Problem can only be NOT_FOUND here: a pipe, or a link to outside
            return None
        return None if entry.kind is Kind.DIRECTORY else entry.etag

    async def _in_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run blocking work to its end even when the waiting task is cancelled: a write is whole or not at all."""
        task = asyncio.create_task(self._visit(partial(self._guarded, partial(work, *args, **kwargs))))
        self._running.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def _visit(self, work: Callable[[], R]) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, copy_context().run, work)

    def _guarded(self, work: Callable[[], R]) -> R:
        try:
            return work()
        except OSError as error:
            if not self._folder.root.is_dir():
                raise missing_root() from error
            raise problem_from(error) from error

    def _finished(self, task: asyncio.Task[object]) -> None:
        """What a task raises after its waiter was cancelled has nobody left to hear it."""
        self._running.discard(task)
        if not task.cancelled():
            task.exception()
