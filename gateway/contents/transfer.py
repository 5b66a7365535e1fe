"""Carrying files from place to place where no store can do it by itself: copy, verify, and only then delete.

When it breaks nothing is lost: what was copied is removed again as far as nobody has touched it, and what was not
copied as it stands is not deleted. When the process dies the journal tells another one how to go on (``resuming``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace

import structlog

from gateway.contents.backend import Backend, Capability, SupportsRemovingEmpty
from gateway.contents.finishing import to_its_end
from gateway.contents.guard import Guard, stat_or_none
from gateway.contents.journal import Record, Step
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
    sha256_hex,
)
from gateway.contents.mounts import Place
from gateway.contents.notebook import same_notebook
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid, stale

MAX_TREE_ENTRIES = 10_000

_HALF_MOVED = "The directory was changed while it was moved; all was copied, and what has changed was not deleted."

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Copied:
    """What has been copied so far: directories (parents first), and files."""

    directories: list[ContentPath] = field(default_factory=list)
    files: list[Step] = field(default_factory=list)


async def move_file(origin: Place, goal: Place, record: Record) -> Written:
    """Both places are locked by the caller. CONFLICT (already exists) when the target is taken, CONFLICT when the
    source or the copy changed meanwhile. The record is finished unless the move may still be ended either way."""
    document = await origin.mount.backend.read(origin.inner)
    await record.begin_file(await _step(ContentPath.ROOT, document))
    writing = asyncio.create_task(written_absent(document, goal))
    try:
        written = await asyncio.shield(writing)
        await _verify(goal.mount.backend, goal.inner, document)
    except (Problem, asyncio.CancelledError):
        await to_its_end(_given_up(goal, writing, record))
        raise
    if await deleted_unchanged(origin, document.entry.etag):
        await to_its_end(record.finish())
        return written
    await to_its_end(_given_up(goal, writing, record))
    raise _changed("The source was changed while it was moved; it was left where it is.")


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
        written = await written_absent(document, goal)
    await _verify(goal.mount.backend, goal.inner, document)
    return CopiedFile(document.entry, written.entry)


async def remove_copied(origin: Place, copied: Entry) -> None:
    """Delete the source of a copy that stands. CONFLICT when it has changed since it was read: also by the copying
    itself, where both are names of one file."""
    now = await stat_or_none(origin.mount.backend, origin.inner)
    is_same = now is not None and (now.etag, now.modified) == (copied.etag, copied.modified)
    if not is_same or not await deleted_unchanged(origin, copied.etag):
        raise _changed("The source was changed while it was copied; it was left where it is.")


async def move_tree(guard: Guard, origin: Place, goal: Place, record: Record) -> None:
    """Copy a directory with all below it, then delete what was copied, file by file.

    CONFLICT when something was changed or added meanwhile: it stays at the source, and all copies at the target. What
    keeps the deleting from going on leaves the record open.
    """
    copied = await copy_tree(guard, origin, goal, record)
    try:
        await to_its_end(record.copied())
    except Problem:
        await to_its_end(_undone(guard, goal, copied, record))
        raise
    is_gone = True
    for step in copied.files:
        place = below(origin, step.path)
        async with guard.exclusive(place):
            is_gone &= await deleted_unchanged(place, step.etag)
    is_gone &= await directories_removed(origin, copied.directories)
    await to_its_end(record.finish())
    if not is_gone:
        raise _changed(_HALF_MOVED)


async def copy_tree(guard: Guard, origin: Place, goal: Place, record: Record) -> Copied:
    """Copy a directory with all below it, verifying every file. When it breaks, what was copied is removed again.

    CONFLICT (already exists) only when the target itself is taken. INVALID above ``MAX_TREE_ENTRIES`` entries, before
    anything is written.
    """
    directories, files = await _walk(origin.mount.backend, origin.inner)
    await record.begin_tree((ContentPath.ROOT, *directories))
    copied = Copied()
    try:
        for directory in (ContentPath.ROOT, *directories):
            await to_its_end(_made_directory(goal, directory, copied))
        for path in files:
            place = below(origin, path)
            async with guard.serialised(place):
                document = await origin.mount.backend.read(place.inner)
            await to_its_end(_copied_file(guard, document, below(goal, path), path, copied, record))
    except (Problem, asyncio.CancelledError) as error:
        await to_its_end(_undone(guard, goal, copied, record))
        if copied.directories and isinstance(error, Problem) and error.reason is Reason.EXISTS:
            raise _changed("Somebody else is writing into the copy; what was copied has been removed.") from error
        raise
    return copied


async def directories_removed(place: Place, directories: Iterable[ContentPath]) -> bool:
    """Remove the directories (given parents first) below the place that are empty; whether none is left."""
    is_gone = True
    for directory in reversed(tuple(directories)):
        try:
            await remove_empty(place.mount.backend, place.inner.join(directory))
        except Problem as problem:
            if problem.code not in (Code.CONFLICT, Code.INVALID):  # something is left, or a file stands there by now
                raise
            is_gone = False
    return is_gone


def below(place: Place, path: ContentPath) -> Place:
    """The place of a path that is counted from another place."""
    return place.at(place.inner.join(path))


async def is_copy(origin: Place, goal: Place, step: Step, copy: Document) -> bool:
    """Whether what was read at ``goal`` is the copy of what the step says of ``origin``, which need not stand there any
    longer unless the copy is spelled otherwise."""
    if await offloaded(len(copy.body), sha256_hex, copy.body) == step.sha256:
        return True
    if not _may_respell(goal.mount.backend, copy):
        return False
    body = (await origin.mount.backend.read(origin.inner)).body
    if await offloaded(len(body), sha256_hex, body) != step.sha256:
        return False
    return await offloaded(len(body), same_notebook, copy.body, body)


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


async def _made_directory(top: Place, path: ContentPath, copied: Copied) -> None:
    await top.mount.backend.make_directory(top.inner.join(path))
    copied.directories.append(path)


async def _copied_file(
    guard: Guard, document: Document, goal: Place, path: ContentPath, copied: Copied, record: Record
) -> None:
    step = await _step(path, document)
    await record.about_to(step)
    async with guard.exclusive(goal):
        try:
            written = await written_absent(document, goal)
        except Problem as problem:
            if _may_be_done(problem):
                copied.files.append(step)
            raise
        made = replace(step, copy_etag=written.entry.etag)
        copied.files.append(made)
        await _verify(goal.mount.backend, goal.inner, document)
    record.made(made)


async def _step(path: ContentPath, document: Document) -> Step:
    entry = document.entry
    digest = await offloaded(len(document.body), sha256_hex, document.body)
    return Step(path, entry.etag, entry.modified, digest)


async def written_absent(document: Document, goal: Place) -> Written:
    """Write what was read to where nothing stands. CONFLICT (already exists) when something does."""
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
    if not _may_respell(target, document) or not await offloaded(len(copied), same_notebook, copied, document.body):
        raise _changed("The copy was changed by someone else while it was made; the source is as it was.")


def _may_respell(target: Backend, document: Document) -> bool:
    return Capability.BYTE_EXACT not in target.capabilities and document.entry.kind is Kind.NOTEBOOK


async def deleted_unchanged(place: Place, etag: ETag | None) -> bool:
    """Delete the file if it is still of that etag; where the store cannot say so, after a look at it. Whether it is
    gone."""
    source, path = place.mount.backend, place.inner
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


async def _undone(guard: Guard, goal: Place, copied: Copied, record: Record) -> None:
    """Remove what this copy has made, and nothing that anybody else has made or changed since.

    The store that broke the copying may break this too: then the record stays open, for whoever takes it over.
    """
    is_undone = True
    for step in copied.files:
        place = below(goal, step.path)
        turn = guard.exclusive(place)
        is_undone &= step.copy_etag is not None and await _removed_unchanged(place, step.copy_etag, turn)
    try:
        await directories_removed(goal, copied.directories)
    except Problem as problem:
        _log.warning("copies could not be taken back", detail=problem.detail)
        is_undone = False
    if is_undone:
        await record.finish()


async def _given_up(goal: Place, writing: asyncio.Task[Written], record: Record) -> None:
    """The same for a single file."""
    await asyncio.wait({writing})
    failure = writing.exception()
    if failure is None:
        is_undone = await _removed_unchanged(goal, writing.result().entry.etag, nullcontext())
    else:
        is_undone = isinstance(failure, Problem) and not _may_be_done(failure)
    await (record.finish() if is_undone else record.give_up())


def _may_be_done(problem: Problem) -> bool:
    """Whether a write that failed so may have been done all the same, or may yet be."""
    return problem.retryable and problem.reason is None


async def _removed_unchanged(place: Place, etag: ETag | None, turn: AbstractAsyncContextManager[None]) -> bool:
    """Whether the copy is gone, or not the copy any more: nothing is left to be taken back."""
    try:
        async with turn:
            await deleted_unchanged(place, etag)
    except Problem as problem:
        _log.warning("a copy could not be taken back", detail=problem.detail)
        return False
    return True


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
