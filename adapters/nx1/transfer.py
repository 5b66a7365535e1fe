"""Copying, moving and deleting within the bucket: objects, and whole folders key by key.

Nothing is deleted before everything is copied; when the copying breaks, the copies are removed again; and a source that
was changed meanwhile stays where it is, on stores that keep conditions on deletes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from structlog import get_logger

from adapters.nx1.errors import problem_from_code
from adapters.nx1.keys import checkpoint_key, checkpoints_prefix, key_of, old_marker_of, prefix_of
from adapters.nx1.listing import mark
from adapters.nx1.objects import Facts, Objects, facts_of
from adapters.nx1.parallel import each
from gateway.contents.model import Absent, ETag
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, invalid, stale

MAX_MOVED_KEYS = 10_000

_BATCH = 1000
_CHANGED = "The source was changed by someone else meanwhile; nothing was done."
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Step:
    """One key to carry, and the revision that was seen when the folder was listed."""

    source: str
    target: str
    revision: ETag


async def copy_absent(objects: Objects, source: str, facts: Facts, target: str) -> ETag:
    """Copy one object to where nothing stands: PRECONDITION when something does.

    By the store itself where it keeps conditions on copies; through the gateway where it keeps them only on writes;
    with a check beforehand where it keeps none.
    """
    if objects.honoured.copy:
        return await objects.copy(source, target, revision=facts.etag, absent=True)
    if objects.honoured.create and facts.size <= objects.store.settings.max_body_bytes:
        read, body = await objects.get(source)
        if read.etag != facts.etag:
            raise Problem(Code.CONFLICT, _CHANGED)
        return (await objects.put(target, body, read.content_type, read.metadata, Absent())).etag
    if await objects.head(target) is not None:
        raise stale()
    return await objects.copy(source, target, revision=facts.etag)


async def move_file(objects: Objects, source: ContentPath, facts: Facts, target: ContentPath) -> None:
    """Carry one file and its checkpoint. CONFLICT, with nothing changed, when the source changes meanwhile.

    When the delete gets no answer the copy stays: the delete may yet happen.
    """
    made: dict[str, ETag | None] = {key_of(target): await copy_absent(objects, key_of(source), facts, key_of(target))}
    try:
        made[checkpoint_key(target)] = None
        await _copy_if_there(objects, checkpoint_key(source), checkpoint_key(target))
    except (Problem, asyncio.CancelledError):
        await _undo(objects, made)
        raise
    try:
        await objects.remove(key_of(source), facts.etag)
    except Problem as problem:
        if problem.code is not Code.PRECONDITION:
            raise
        await _undo(objects, made)
        raise Problem(Code.CONFLICT, _CHANGED) from problem
    await objects.remove(checkpoint_key(source))


async def move_folder(objects: Objects, source: ContentPath, target: ContentPath) -> None:
    """Carry everything below, markers and checkpoints included. INVALID above ``MAX_MOVED_KEYS`` keys."""
    steps = await _steps(objects, prefix_of(source), prefix_of(target))
    steps += await _steps(objects, checkpoints_prefix(source), checkpoints_prefix(target))
    if len(steps) > MAX_MOVED_KEYS:
        raise invalid(f"The directory holds more than {MAX_MOVED_KEYS} entries; move it in parts.")
    _log.info("moving a folder: copying", keys=len(steps))
    await _copy_all(objects, target, steps)
    _log.info("moving a folder: all copied, removing the source", keys=len(steps))
    await _remove_moved(objects, steps)
    await objects.remove(old_marker_of(source))
    _log.info("moving a folder: done", keys=len(steps))


async def delete_folder(objects: Objects, directory: ContentPath) -> None:
    """Remove every key below, the markers and the checkpoints."""
    for prefix in (prefix_of(directory), checkpoints_prefix(directory)):
        async for page in objects.pages(prefix):
            await remove_keys(objects, [item["Key"] for item in page.get("Contents", ())])
    await objects.remove(old_marker_of(directory))


async def remove_keys(objects: Objects, keys: list[str]) -> None:
    """Delete keys by the thousand; the first refusal among them is raised."""
    for start in range(0, len(keys), _BATCH):
        named = [{"Key": key} for key in keys[start : start + _BATCH]]
        answer = await objects.store.change("delete_objects", Delete={"Objects": named, "Quiet": True})
        for refusal in answer.get("Errors", ()):
            raise problem_from_code(str(refusal.get("Code", "")))


async def _steps(objects: Objects, source: str, target: str) -> list[_Step]:
    steps: list[_Step] = []
    async for page in objects.pages(source):
        for item in page.get("Contents", ()):
            goal = target + item["Key"].removeprefix(source)
            steps.append(_Step(item["Key"], goal, facts_of(item).etag))
        if len(steps) > MAX_MOVED_KEYS:
            break
    return steps


async def _copy_all(objects: Objects, target: ContentPath, steps: Iterable[_Step]) -> None:
    made: dict[str, ETag | None] = {}

    async def carry(step: _Step) -> None:
        made[step.target] = None
        made[step.target] = await objects.copy(step.source, step.target, revision=step.revision)

    try:
        made[prefix_of(target)] = None
        await mark(objects, target)
        await each(steps, carry)
    except (Problem, asyncio.CancelledError) as failure:
        _log.warning("moving a folder: the copying broke, removing the copies", copies=len(made))
        await _undo(objects, made)
        raise _changed_meanwhile(failure) from failure


async def _remove_moved(objects: Objects, steps: list[_Step]) -> None:
    """Delete what was copied, each only if it is still the revision that was copied, where the store can tell."""
    if not objects.honoured.delete:
        await remove_keys(objects, [step.source for step in steps])
        return
    changed: list[str] = []

    async def remove(step: _Step) -> None:
        try:
            await objects.remove(step.source, step.revision)
        except Problem as problem:
            if problem.code is Code.PRECONDITION:
                changed.append(step.source)
            elif problem.code is not Code.NOT_FOUND:
                raise

    await each(steps, remove)
    if changed:
        _log.warning("moving a folder: files changed meanwhile stay at the source", keys=len(changed))
        raise Problem(Code.CONFLICT, "Some files were changed during the move; they are at both places now.")


async def _copy_if_there(objects: Objects, source: str, target: str) -> None:
    try:
        await objects.copy(source, target)
    except Problem as problem:
        if problem.code is not Code.NOT_FOUND:
            raise


async def _undo(objects: Objects, made: dict[str, ETag | None]) -> None:
    """Remove copies, unless someone has written there since; a failure here must not hide the first one."""

    async def remove(copy: tuple[str, ETag | None]) -> None:
        try:
            await objects.remove(*copy)
        except Problem as problem:
            _log.warning("a copy could not be removed", code=problem.code.name)

    await each(made.items(), remove)


def _changed_meanwhile(failure: Problem | asyncio.CancelledError) -> Problem | asyncio.CancelledError:
    if isinstance(failure, Problem) and failure.code in (Code.PRECONDITION, Code.NOT_FOUND):
        return Problem(Code.CONFLICT, _CHANGED)
    return failure
