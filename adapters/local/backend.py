"""A folder as a backend: atomic replacement, sha256 etags, checkpoints where Jupyter keeps them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from adapters.local.errors import problem_from
from adapters.local.files import CHECKPOINTS_FOLDER, Folder, replace_file, sync_folder, writers_lock
from gateway.contents.backend import Backend, Capability
from gateway.contents.model import Absent, Checkpoint, Document, Entry, Kind, Listing, Matches, Precondition, Written
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid, not_found, stale
from gateway.wire.client import UpstreamClient

CHECKPOINT_ID = "checkpoint"

R = TypeVar("R")


def create(client: UpstreamClient, *, root: str) -> Backend:
    """A backend over the folder ``root``; it needs no upstream client."""
    return LocalBackend(Path(root).expanduser())


class LocalBackend:
    """Every method is one visit to a thread; writers of one folder take turns, across processes too."""

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

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)

    async def probe(self) -> None:
        if not await asyncio.to_thread(self._folder.root.is_dir):
            raise Problem(Code.UNAVAILABLE, "The folder behind this mount does not exist.")

    async def stat(self, path: ContentPath) -> Entry:
        return await _in_thread(self._folder.entry, path)

    async def read(self, path: ContentPath) -> Document:
        return Document(*await _in_thread(self._folder.read, path))

    async def list(self, path: ContentPath) -> Listing:
        return Listing(*await _in_thread(self._folder.children, path))

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        return await _in_thread(self._write, path, body, precondition)

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        await _in_thread(self._delete, path, precondition)

    async def make_directory(self, path: ContentPath) -> Entry:
        return await _in_thread(self._make_directory, path)

    async def copy(self, source: ContentPath, target: ContentPath) -> Written:
        return await _in_thread(self._copy, source, target)

    async def move(self, source: ContentPath, target: ContentPath) -> Entry:
        return await _in_thread(self._move, source, target)

    async def list_checkpoints(self, path: ContentPath) -> tuple[Checkpoint, ...]:
        return await _in_thread(self._list_checkpoints, path)

    async def create_checkpoint(self, path: ContentPath) -> Checkpoint:
        return await _in_thread(self._create_checkpoint, path)

    async def restore_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        await _in_thread(self._restore_checkpoint, path, checkpoint_id)

    async def delete_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        await _in_thread(self._delete_checkpoint, path, checkpoint_id)

    async def aclose(self) -> None:
        return None

    def _write(self, path: ContentPath, body: bytes, precondition: Precondition) -> Written:
        host = self._folder.locate(path)
        with writers_lock(self._folder.root):
            self._check(path, precondition)
            if host.is_dir():
                raise Problem(Code.CONFLICT, "A directory stands there.")
            existed = host.exists()
            try:
                replace_file(host, body, must_be_absent=isinstance(precondition, Absent))
            except FileExistsError as error:
                raise stale("Something with that name exists already.") from error
            return Written(self._folder.entry(path), created=not existed)

    def _delete(self, path: ContentPath, precondition: Precondition) -> None:
        host = self._folder.locate(path)
        with writers_lock(self._folder.root):
            self._check(path, precondition)
            if host.is_dir() and not host.is_symlink():
                shutil.rmtree(host)
            else:
                host.unlink()
                self._checkpoint_file(path).unlink(missing_ok=True)
            sync_folder(host.parent)

    def _make_directory(self, path: ContentPath) -> Entry:
        self._folder.locate(path).mkdir()
        return self._folder.entry(path)

    def _copy(self, source: ContentPath, target: ContentPath) -> Written:
        _, body = self._folder.read(source)
        return self._write(target, body, Absent())

    def _move(self, source: ContentPath, target: ContentPath) -> Entry:
        origin, goal = self._folder.locate(source), self._folder.locate(target)
        with writers_lock(self._folder.root):
            if goal.exists() or goal.is_symlink():
                raise already_exists()
            is_file = origin.is_file()
            origin.rename(goal)
            checkpoint = self._checkpoint_file(source)
            if is_file and checkpoint.exists():
                self._checkpoint_file(target).parent.mkdir(exist_ok=True)
                checkpoint.replace(self._checkpoint_file(target))
            sync_folder(goal.parent)
        return self._folder.entry(target)

    def _list_checkpoints(self, path: ContentPath) -> tuple[Checkpoint, ...]:
        file = self._checkpoint_file(path)
        return (self._checkpoint_of(path),) if file.exists() else ()

    def _create_checkpoint(self, path: ContentPath) -> Checkpoint:
        entry, body = self._folder.read(path)
        file = self._checkpoint_file(path)
        file.parent.mkdir(exist_ok=True)
        replace_file(file, body, must_be_absent=False)
        shutil.copystat(self._folder.locate(path), file)
        return Checkpoint(CHECKPOINT_ID, entry.modified)

    def _restore_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        body = self._known_checkpoint(path, checkpoint_id).read_bytes()
        self._write(path, body, None)

    def _delete_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        self._known_checkpoint(path, checkpoint_id).unlink()

    def _known_checkpoint(self, path: ContentPath, checkpoint_id: str) -> Path:
        file = self._checkpoint_file(path)
        if checkpoint_id != CHECKPOINT_ID or not file.exists():
            raise not_found("No such checkpoint.")
        return file

    def _checkpoint_of(self, path: ContentPath) -> Checkpoint:
        return Checkpoint(CHECKPOINT_ID, self._folder.entry(self._checkpoint_path(path), with_digest=False).modified)

    def _checkpoint_file(self, path: ContentPath) -> Path:
        return self._folder.locate(self._checkpoint_path(path))

    @staticmethod
    def _checkpoint_path(path: ContentPath) -> ContentPath:
        """``.ipynb_checkpoints/a-checkpoint.ipynb`` beside ``a.ipynb``, as jupyter_server names it."""
        name = Path(path.name)
        return path.parent.join(ContentPath((CHECKPOINTS_FOLDER, f"{name.stem}-checkpoint{name.suffix}")))

    def _check(self, path: ContentPath, precondition: Precondition) -> None:
        if not isinstance(precondition, Matches):
            return
        try:
            entry = self._folder.entry(path)
        except FileNotFoundError as error:
            raise stale() from error
        if entry.kind is Kind.DIRECTORY:
            raise invalid("This is a directory.", reason=Reason.BAD_TYPE)
        if entry.etag != precondition.etag:
            raise stale()


async def _in_thread(work: Callable[..., R], *arguments: object) -> R:
    """Run blocking work to its end even when the waiting task is cancelled: a write is whole or not at all."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except OSError as error:
        raise problem_from(error) from error
