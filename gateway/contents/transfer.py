"""Carrying files from place to place where no store can do it by itself: copy, verify, and only then delete.

When it breaks nothing is lost: what was copied is removed again as far as nobody has touched it, and what was not
copied as it stands is not deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from gateway.contents.backend import Backend, Capability, SupportsRemovingEmpty
from gateway.contents.finishing import to_its_end
from gateway.contents.guard import Guard, stat_or_none
from gateway.contents.model import (
    Absent,
    Condition,
    Document,
    Entry,
    ETag,
    Kind,
    Matches,
    Written,
    holds,
)
from gateway.contents.mounts import Place
from gateway.contents.notebook import same_notebook
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid, stale

MAX_TREE_ENTRIES = 10_000

_HALF_MOVED = "The directory was changed while it was moved; all was copied, and what has changed was not deleted."


@dataclass(frozen=True, slots=True)
class Copied:
    """What has been copied so far: directories (parents first), and files with their etags here and there."""

    directories: list[ContentPath] = field(default_factory=list)
    files: list[tuple[ContentPath, ETag | None, ETag | None]] = field(default_factory=list)


async def move_file(origin: Place, goal: Place) -> Written:
    """Both places are locked by the caller. CONFLICT (already exists) when the target is taken, CONFLICT when the
    source or the copy changed meanwhile."""
    source, target = origin.mount.backend, goal.mount.backend
    document = await source.read(origin.inner)
    writing = asyncio.create_task(_written_absent(document, goal))
    try:
        written = await asyncio.shield(writing)
        await _verify(target, goal.inner, document)
    except (Problem, asyncio.CancelledError):
        await to_its_end(_taken_back(goal, writing))
        raise
    if not await _deleted_unchanged(source, origin.inner, document.entry.etag):
        await to_its_end(_removed_unchanged(target, goal.inner, written.entry.etag))
        raise _changed("The source was changed while it was moved; it was left where it is.")
    return written


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file that was copied, as it was read, and its copy."""

    source: Entry
    copy: Entry


async def copy_file(
    origin: Place,
    goal: Place,
    condition: Condition,
    rewrite: Callable[[bytes], bytes] | None,
    *,
    replaces: bool,
) -> CopiedFile:
    """Both places are locked by the caller. PRECONDITION unless the condition holds of the bytes that are copied;
    CONFLICT (already exists) when the target is taken, unless it ``replaces``."""
    document = await origin.mount.backend.read(origin.inner)
    if not holds(condition, document.entry.etag):
        raise stale()
    if rewrite is not None:
        document = replace(document, body=await offloaded(len(document.body), rewrite, document.body))
    if replaces:
        written = await goal.mount.backend.write(goal.inner, document.body)
    else:
        written = await _written_absent(document, goal)
    await _verify(goal.mount.backend, goal.inner, document)
    return CopiedFile(document.entry, written.entry)


async def remove_copied(origin: Place, copied: Entry) -> None:
    """Delete the source of a copy that stands. CONFLICT when it has changed since it was read: also by the copying
    itself, where both are names of one file."""
    source, now = origin.mount.backend, await stat_or_none(origin.mount.backend, origin.inner)
    is_same = now is not None and (now.etag, now.modified) == (copied.etag, copied.modified)
    if not is_same or not await _deleted_unchanged(source, origin.inner, copied.etag):
        raise _changed("The source was changed while it was copied; it was left where it is.")


async def move_tree(guard: Guard, origin: Place, goal: Place) -> None:
    """Copy a directory with all below it, then delete what was copied, file by file.

    CONFLICT when something was changed or added meanwhile: it stays at the source, and all copies at the target.
    """
    copied = await copy_tree(guard, origin, goal)
    source = origin.mount.backend
    for path, etag, _ in copied.files:
        place = origin.at(origin.inner.join(path))
        async with guard.exclusive(place):
            if not await _deleted_unchanged(source, place.inner, etag):
                raise _changed(_HALF_MOVED)
    for directory in reversed(copied.directories):
        try:
            await remove_empty(source, origin.inner.join(directory))
        except Problem as problem:
            raise (_changed(_HALF_MOVED) if problem.code is Code.CONFLICT else problem) from problem


async def copy_tree(guard: Guard, origin: Place, goal: Place) -> Copied:
    """Copy a directory with all below it, verifying every file. When it breaks, what was copied is removed again.

    CONFLICT (already exists) only when the target itself is taken. INVALID above ``MAX_TREE_ENTRIES`` entries, before
    anything is written.
    """
    source, target = origin.mount.backend, goal.mount.backend
    directories, files = await _walk(source, origin.inner)
    copied = Copied()
    try:
        for directory in (ContentPath.ROOT, *directories):
            await to_its_end(_made_directory(target, goal.inner, directory, copied))
        for path in files:
            place = origin.at(origin.inner.join(path))
            async with guard.serialised(place):
                document = await source.read(place.inner)
            await to_its_end(_copied_file(guard, document, goal.at(goal.inner.join(path)), path, copied))
    except (Problem, asyncio.CancelledError) as error:
        await to_its_end(_undone(target, goal.inner, copied))
        if copied.directories and isinstance(error, Problem) and error.reason is Reason.EXISTS:
            raise _changed("Somebody else is writing into the copy; what was copied has been removed.") from error
        raise
    return copied


async def remove_empty(backend: Backend, path: ContentPath) -> None:
    """Remove a directory in which nothing is left; one that is gone already is fine. CONFLICT when something is."""
    try:
        if isinstance(backend, SupportsRemovingEmpty):
            await backend.remove_empty(path)
        else:
            await _refuse_full(backend, path)
            await backend.delete(path)
    except Problem as problem:
        if problem.code is not Code.NOT_FOUND:
            raise


async def _refuse_full(backend: Backend, path: ContentPath) -> None:
    if (await backend.list(path)).entries:
        raise Problem(Code.CONFLICT, "The directory is not empty.")


async def _made_directory(target: Backend, top: ContentPath, path: ContentPath, copied: Copied) -> None:
    await target.make_directory(top.join(path))
    copied.directories.append(path)


async def _copied_file(guard: Guard, document: Document, goal: Place, path: ContentPath, copied: Copied) -> None:
    async with guard.exclusive(goal):
        written = await _written_absent(document, goal)
        copied.files.append((path, document.entry.etag, written.entry.etag))
        await _verify(goal.mount.backend, goal.inner, document)


async def _written_absent(document: Document, goal: Place) -> Written:
    target = goal.mount.backend
    absent = Absent() if Capability.CONDITIONAL_WRITE in target.capabilities else None
    if absent is None and await stat_or_none(target, goal.inner) is not None:
        raise already_exists()
    try:
        return await target.write(goal.inner, document.body, precondition=absent)
    except Problem as problem:
        raise (already_exists() if problem.code is Code.PRECONDITION else problem) from problem


async def _verify(target: Backend, path: ContentPath, document: Document) -> None:
    """Read the copy back: CONFLICT unless it holds the same bytes, or the same notebook where bytes are not kept."""
    copied = (await target.read(path)).body
    if copied == document.body:
        return
    may_differ = Capability.BYTE_EXACT not in target.capabilities and document.entry.kind is Kind.NOTEBOOK
    if not may_differ or not await offloaded(len(copied), same_notebook, copied, document.body):
        raise _changed("The copy was changed by someone else while it was made; the source is as it was.")


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


async def _undone(target: Backend, top: ContentPath, copied: Copied) -> None:
    """Remove what this copy has made, and nothing that anybody else has made or changed since."""
    for path, _, etag in copied.files:
        await _removed_unchanged(target, top.join(path), etag)
    for directory in reversed(copied.directories):
        with suppress(Problem):  # somebody uses it, or the store is down: then it stays
            await remove_empty(target, top.join(directory))


async def _taken_back(goal: Place, writing: asyncio.Task[Written]) -> None:
    await asyncio.wait({writing})
    if writing.exception() is None:
        await _removed_unchanged(goal.mount.backend, goal.inner, writing.result().entry.etag)


async def _removed_unchanged(target: Backend, path: ContentPath, etag: ETag | None) -> None:
    with suppress(Problem):  # the store that broke the copying may break this too: then the copy stays
        await _deleted_unchanged(target, path, etag)


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
