"""Carrying files from place to place where no store can do it by itself: copy, verify, and undo when it breaks."""

from __future__ import annotations

from gateway.contents.backend import Backend, Capability
from gateway.contents.model import Absent, Document, Kind
from gateway.contents.mounts import Place
from gateway.contents.notebook import same_notebook
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, invalid

MAX_TREE_ENTRIES = 10_000


async def copy_tree(origin: Place, goal: Place) -> None:
    """Copy a directory with all below it, verifying every file. When it breaks, what was copied is removed again.

    INVALID above ``MAX_TREE_ENTRIES`` entries, before anything is written.
    """
    source, target = origin.mount.backend, goal.mount.backend
    directories, files = await _walk(source, origin.inner)
    await target.make_directory(goal.inner)
    try:
        for directory in directories:
            await target.make_directory(goal.inner.join(directory))
        for path in files:
            await _copy_file(source, origin.inner.join(path), target, goal.inner.join(path))
    except Problem:
        await target.delete(goal.inner)
        raise


async def verify_copy(target: Backend, path: ContentPath, document: Document) -> None:
    """Read the copy back: CONFLICT unless it holds the same bytes, or the same notebook where bytes are not kept."""
    copied = (await target.read(path)).body
    if copied == document.body:
        return
    keeps_bytes = Capability.BYTE_EXACT in target.capabilities
    if keeps_bytes or document.entry.kind is not Kind.NOTEBOOK or not same_notebook(copied, document.body):
        raise Problem(Code.CONFLICT, "The copy was changed by someone else while it was made; nothing was removed.")


async def _copy_file(source: Backend, origin: ContentPath, target: Backend, goal: ContentPath) -> None:
    document = await source.read(origin)
    absent = Absent() if Capability.CONDITIONAL_WRITE in target.capabilities else None
    await target.write(goal, document.body, precondition=absent)
    await verify_copy(target, goal, document)


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
