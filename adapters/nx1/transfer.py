"""Copying, moving and deleting within the bucket: objects, and whole folders key by key.

Nothing is deleted before everything is copied; nothing that stands at the target is replaced; when the copying breaks,
the copies are removed again; and a source that was changed meanwhile stays where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from structlog import get_logger

from adapters.nx1.errors import problem_from_code
from adapters.nx1.keys import (
    apart_checkpoint_of,
    checkpoint_key,
    checkpoint_of,
    checkpoints_prefix,
    key_of,
    old_marker_of,
    owner_of,
    prefix_of,
)
from adapters.nx1.listing import mark
from adapters.nx1.objects import Facts, Objects, facts_of
from adapters.nx1.parallel import each
from gateway.contents.finishing import to_its_end
from gateway.contents.model import Absent, ETag
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, invalid, stale
from gateway.wire.client import nonsense

MAX_MOVED_KEYS = 10_000

_BATCH = 1000
_CHANGED = "The source was changed by someone else meanwhile; nothing was done."
_CHANGED_LATE = "Some files were changed during the move; they are at both places now."
_NOTHING_MADE = frozenset({Code.PRECONDITION, Code.CONFLICT, Code.NOT_FOUND})
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Step:
    """One key to carry, with the facts that were seen when the folder was listed."""

    source: str
    target: str
    facts: Facts
    replaces: bool
    """A checkpoint may: where no file stands, what is left of one belongs to nobody."""


async def copy_absent(objects: Objects, source: str, facts: Facts, target: str) -> ETag:
    """Copy one object to where nothing stands: PRECONDITION when something does, CONFLICT when the source is no longer
    of these facts.

    By the store itself where it keeps conditions on copies; through the gateway where it keeps them only on writes;
    with a check beforehand where it keeps none.
    """
    try:
        return await _copy_absent(objects, source, facts, target)
    except Problem as problem:
        if problem.code is Code.PRECONDITION and await objects.head(target) is None:
            raise Problem(Code.CONFLICT, _CHANGED) from problem
        raise


async def _copy_absent(objects: Objects, source: str, facts: Facts, target: str) -> ETag:
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


async def move_file(objects: Objects, source: ContentPath, facts: Facts, target: ContentPath) -> ETag:
    """Carry one file and its checkpoint. CONFLICT, with nothing changed, when the source changes meanwhile.

    When the delete gets no answer the copy stays: the delete may yet happen.
    """
    etag = await copy_absent(objects, key_of(source), facts, key_of(target))
    made: dict[str, ETag | None] = {key_of(target): etag, checkpoint_key(target): None}
    try:
        await _copy_checkpoint(objects, checkpoint_key(source), checkpoint_key(target))
        await _refuse_changed(objects, key_of(source), facts.etag)
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
    return etag


async def move_folder(objects: Objects, source: ContentPath, target: ContentPath) -> None:
    """Carry everything below, markers and checkpoints included. INVALID above ``MAX_MOVED_KEYS`` keys."""
    steps = await _steps(objects, source, target)
    _log.info("moving a folder: copying", keys=len(steps))
    await _copy_all(objects, target, steps)
    _log.info("moving a folder: all copied, removing the source", keys=len(steps))
    changed = await (_remove_moved if objects.honoured.delete else _remove_compared)(objects, source, steps)
    if changed:
        _log.warning("moving a folder: files changed meanwhile stay at the source", keys=changed)
        raise Problem(Code.CONFLICT, _CHANGED_LATE)
    await objects.remove(old_marker_of(source))
    _log.info("moving a folder: done", keys=len(steps))


async def delete_folder(objects: Objects, directory: ContentPath) -> None:
    """Remove every key below, the markers and the checkpoints."""
    for prefix in (prefix_of(directory), checkpoints_prefix(directory)):
        async for page in objects.pages(prefix):
            keys = [item["Key"] for item in page.get("Contents", ())]
            apart = [kept for kept in map(apart_checkpoint_of, keys) if kept]
            await remove_keys(objects, keys + apart)
    await objects.remove(old_marker_of(directory))


async def remove_keys(objects: Objects, keys: Sequence[str]) -> None:
    """Delete keys by the thousand; the first refusal among them is raised.

    One by one where the store cannot do more at once, and those whose letters would not survive in XML.
    """
    singly = [key for key in keys if not key.isprintable()]
    batched = [key for key in keys if key.isprintable()]
    for start in range(0, len(batched), _BATCH):
        batch = batched[start : start + _BATCH]
        try:
            await _remove_batch(objects, batch)
        except Problem as problem:
            if problem.code is not Code.UNSUPPORTED:
                raise
            singly += batch
    await each(singly, objects.remove)


async def _remove_batch(objects: Objects, keys: Sequence[str]) -> None:
    answer = await objects.store.change("delete_objects", Delete={"Objects": [{"Key": key} for key in keys]})
    for refusal in answer.get("Errors", ()):
        raise problem_from_code(str(refusal.get("Code", "")))
    if not {item.get("Key") for item in answer.get("Deleted", ())} >= set(keys):
        raise nonsense("The storage behind this mount does not say that it has deleted everything.")


async def _steps(objects: Objects, source: ContentPath, target: ContentPath) -> list[_Step]:
    old, new = prefix_of(source), prefix_of(target)
    steps: list[_Step] = []
    async for key, owner, facts in _below(objects, source):
        goal = new + (owner or key).removeprefix(old)
        steps.append(_Step(key, checkpoint_of(goal) if owner else goal, facts, replaces=bool(owner)))
        if len(steps) > MAX_MOVED_KEYS:
            raise invalid(f"The directory holds more than {MAX_MOVED_KEYS} entries; move it in parts.")
    return steps


async def _below(objects: Objects, directory: ContentPath) -> AsyncIterator[tuple[str, str, Facts]]:
    """Every key below, then the checkpoints: key, the file it is a checkpoint of or "", facts."""
    apart: dict[str, str] = {}
    async for page in objects.pages(prefix_of(directory)):
        for item in page.get("Contents", ()):
            key = item["Key"]
            yield key, "", facts_of(item)
            kept = apart_checkpoint_of(key)
            if kept:
                apart[kept] = key
    async for page in objects.pages(checkpoints_prefix(directory)):
        for item in page.get("Contents", ()):
            owner = owner_of(item["Key"])
            if owner.startswith(prefix_of(directory)):
                yield item["Key"], owner, facts_of(item)
    for kept, owner in apart.items():
        facts = await objects.head(kept)
        if facts is not None:
            yield kept, owner, facts


async def _copy_all(objects: Objects, target: ContentPath, steps: Sequence[_Step]) -> None:
    """What was made is noted before it is asked for: a copy whose answer is lost has the etag of its source."""
    marker = prefix_of(target)
    made: dict[str, ETag | None] = {marker: None}

    async def carry(step: _Step) -> None:
        if step.target == marker:
            return
        made[step.target] = step.facts.etag
        try:
            made[step.target] = await to_its_end(_carried(objects, step))
        except Problem as problem:
            if problem.code in _NOTHING_MADE:
                del made[step.target]
            raise

    try:
        await mark(objects, target)
        await each(steps, carry)
    except (Problem, asyncio.CancelledError) as failure:
        _log.warning("moving a folder: the copying broke, removing the copies", copies=len(made))
        await _undo(objects, made)
        raise _changed_meanwhile(failure) from failure


async def _carried(objects: Objects, step: _Step) -> ETag:
    if step.replaces:
        return await objects.copy(step.source, step.target, revision=step.facts.etag)
    return await copy_absent(objects, step.source, step.facts, step.target)


async def _remove_moved(objects: Objects, source: ContentPath, steps: Sequence[_Step]) -> int:
    """Delete what was copied, each only if it is still the revision that was copied; how many are not."""
    changed: list[str] = []

    async def remove(step: _Step) -> None:
        try:
            await objects.remove(step.source, step.facts.etag)
        except Problem as problem:
            if problem.code is Code.PRECONDITION:
                changed.append(step.source)
            elif problem.code is not Code.NOT_FOUND:
                raise

    await each(steps, remove)
    return len(changed)


async def _remove_compared(objects: Objects, source: ContentPath, steps: Sequence[_Step]) -> int:
    """The same where the store cannot tell: after another look at all of them, as late as can be."""
    current = {key: facts.etag async for key, _, facts in _below(objects, source)}
    standing = [step for step in steps if step.source in current]
    unchanged = [step.source for step in standing if current[step.source] == step.facts.etag]
    await remove_keys(objects, unchanged)
    return len(standing) - len(unchanged)


async def _copy_checkpoint(objects: Objects, source: str, target: str) -> None:
    """One that was left at the target by a file long gone must not become the moved file's."""
    try:
        await objects.copy(source, target)
    except Problem as problem:
        if problem.code is not Code.NOT_FOUND:
            raise
        await objects.remove(target)


async def _undo(objects: Objects, made: dict[str, ETag | None]) -> None:
    """Remove copies, unless someone has written there since; a failure here must not hide the first one."""

    async def remove(copy: tuple[str, ETag | None]) -> None:
        key, revision = copy
        try:
            if revision is None or objects.honoured.delete or await _is_still(objects, key, revision):
                await objects.remove(key, revision)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                _log.warning("a copy could not be removed", code=problem.code.name)

    await each(made.items(), remove)


async def _refuse_changed(objects: Objects, key: str, revision: ETag) -> None:
    """What the delete itself will check, where the store does; elsewhere a look, as late as can be."""
    if not objects.honoured.delete and not await _is_still(objects, key, revision):
        raise Problem(Code.CONFLICT, _CHANGED)


async def _is_still(objects: Objects, key: str, revision: ETag) -> bool:
    facts = await objects.head(key)
    return facts is not None and facts.etag == revision


def _changed_meanwhile(failure: Problem | asyncio.CancelledError) -> Problem | asyncio.CancelledError:
    if isinstance(failure, Problem) and failure.code in (Code.PRECONDITION, Code.NOT_FOUND):
        return Problem(Code.CONFLICT, _CHANGED)
    return failure
