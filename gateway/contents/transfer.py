"""Carrying files from place to place where no store can do it by itself: copy, verify, and only then delete.

When it breaks nothing is lost: what was copied is removed again, and what was not copied as it stands is not deleted.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.contents.backend import Backend, Capability
from gateway.contents.guard import stat_or_none
from gateway.contents.model import Absent, Document, ETag, Kind, Matches, Written
from gateway.contents.mounts import Place
from gateway.contents.notebook import same_notebook
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid

MAX_TREE_ENTRIES = 10_000

_HALF_MOVED = "The directory was changed while it was moved; all was copied, and what has changed was not deleted."


@dataclass(frozen=True, slots=True)
class Copied:
    """What a tree was made of when it was copied: paths below its top, parents first, and each file's etag."""

    directories: tuple[ContentPath, ...]
    files: tuple[tuple[ContentPath, ETag | None], ...]


async def move_file(origin: Place, goal: Place) -> Written:
    """CONFLICT (already exists) when the target is taken, CONFLICT when the source or the copy changed meanwhile."""
    source = origin.mount.backend
    document = await source.read(origin.inner)
    written = await _copy_document(document, goal)
    if not await _deleted_unchanged(source, origin.inner, document.entry.etag):
        await goal.mount.backend.delete(goal.inner)
        raise _changed("The source was changed while it was moved; it was left where it is.")
    return written


async def move_tree(origin: Place, goal: Place) -> None:
    """Copy a directory with all below it, then delete what was copied, file by file.

    CONFLICT when something was changed or added meanwhile: it stays at the source, and all copies at the target.
    """
    copied = await copy_tree(origin, goal)
    source = origin.mount.backend
    for path, etag in copied.files:
        if not await _deleted_unchanged(source, origin.inner.join(path), etag):
            raise _changed(_HALF_MOVED)
    for directory in (*reversed(copied.directories), ContentPath.ROOT):
        await _delete_emptied(source, origin.inner.join(directory))


async def copy_tree(origin: Place, goal: Place) -> Copied:
    """Copy a directory with all below it, verifying every file. When it breaks, what was copied is removed again.

    INVALID above ``MAX_TREE_ENTRIES`` entries, before anything is written.
    """
    source, target = origin.mount.backend, goal.mount.backend
    directories, files = await _walk(source, origin.inner)
    etags: list[ETag | None] = []
    await target.make_directory(goal.inner)
    try:
        for directory in directories:
            await target.make_directory(goal.inner.join(directory))
        for path in files:
            document = await source.read(origin.inner.join(path))
            await _copy_document(document, goal.at(goal.inner.join(path)))
            etags.append(document.entry.etag)
    except Problem:
        await target.delete(goal.inner)
        raise
    return Copied(tuple(directories), tuple(zip(files, etags, strict=True)))


async def _copy_document(document: Document, goal: Place) -> Written:
    target = goal.mount.backend
    absent = Absent() if Capability.CONDITIONAL_WRITE in target.capabilities else None
    if absent is None and await stat_or_none(target, goal.inner) is not None:
        raise already_exists()
    try:
        written = await target.write(goal.inner, document.body, precondition=absent)
    except Problem as problem:
        raise (already_exists() if problem.code is Code.PRECONDITION else problem) from problem
    await _verify(target, goal.inner, document)
    return written


async def _verify(target: Backend, path: ContentPath, document: Document) -> None:
    """Read the copy back: CONFLICT unless it holds the same bytes, or the same notebook where bytes are not kept."""
    copied = (await target.read(path)).body
    if copied == document.body:
        return
    keeps_bytes = Capability.BYTE_EXACT in target.capabilities
    if keeps_bytes or document.entry.kind is not Kind.NOTEBOOK or not same_notebook(copied, document.body):
        raise Problem(Code.CONFLICT, "The copy was changed by someone else while it was made; nothing was removed.")


async def _deleted_unchanged(source: Backend, path: ContentPath, etag: ETag | None) -> bool:
    """Delete the file if it is still the one that was copied; where the store cannot say so, after a look at it."""
    native = Capability.CONDITIONAL_DELETE in source.capabilities
    try:
        if not native and (await source.stat(path)).etag != etag:
            return False
        await source.delete(path, precondition=Matches(etag) if native and etag else None)
    except Problem as problem:
        if problem.code not in (Code.PRECONDITION, Code.NOT_FOUND):
            raise
        return await stat_or_none(source, path) is None
    return True


async def _delete_emptied(source: Backend, path: ContentPath) -> None:
    try:
        if (await source.list(path)).entries:
            raise _changed(_HALF_MOVED)
        await source.delete(path)
    except Problem as problem:
        if problem.code is not Code.NOT_FOUND:
            raise


def _changed(detail: str) -> Problem:
    return Problem(Code.CONFLICT, detail, reason=Reason.BUSY)


async def _walk(backend: Backend, top: ContentPath) -> tuple[list[ContentPath], list[ContentPath]]:
    """All directories (parents first) and files below ``top``, as paths relative to it."""
    directories: list[ContentPath] = []
    files: list[ContentPath] = []
    pending = [top]
    while pending:
        for entry in (await backend.list(pending.pop())).entries:
            below = entry.path.relative_to(top)
            (directories if entry.kind is Kind.DIRECTORY else files).append(below)
            if entry.kind is Kind.DIRECTORY:
                pending.append(entry.path)
        if len(directories) + len(files) > MAX_TREE_ENTRIES:
            raise invalid(f"The directory holds more than {MAX_TREE_ENTRIES} entries; copy it in parts.")
    return directories, files
