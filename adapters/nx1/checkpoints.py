"""Checkpoints: one saved state per file, under a private prefix, made and restored by copies within the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from adapters.nx1.keys import CHECKPOINT_ID, checkpoint_key, key_of
from adapters.nx1.listing import is_directory
from adapters.nx1.objects import Facts, Objects
from gateway.contents.model import Checkpoint, ETag
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid, not_found
from gateway.wire.dates import iso, parse_wire_date

_DATE = "nbgw-modified"
_OF = "nbgw-etag"
_NOTES = frozenset({_DATE, _OF})
_ATTEMPTS = 3


async def find(objects: Objects, path: ContentPath) -> tuple[Checkpoint, ...]:
    """The file's checkpoint, if both are there."""
    if path.is_root:
        return ()
    file, saved = await asyncio.gather(objects.head(key_of(path)), objects.head(checkpoint_key(path)))
    return (Checkpoint(CHECKPOINT_ID, _date(saved)),) if file and saved else ()


async def save(objects: Objects, path: ContentPath) -> Checkpoint:
    """Copy the file aside, unless that revision is saved already. With its date: the copy's own is that of the
    copying."""
    if path.is_root:
        raise invalid("A directory has no checkpoints.", reason=Reason.BAD_TYPE)
    facts, saved = await asyncio.gather(objects.head(key_of(path)), objects.head(checkpoint_key(path)))
    if facts is None:
        if await is_directory(objects, path):
            raise invalid("A directory has no checkpoints.", reason=Reason.BAD_TYPE)
        raise not_found()
    if saved is not None and _holds(saved, facts):
        return Checkpoint(CHECKPOINT_ID, _date(saved))
    copied = await _copied(objects, key_of(path), facts, checkpoint_key(path), _with_notes)
    return Checkpoint(CHECKPOINT_ID, copied.modified)


async def restore(objects: Objects, path: ContentPath, checkpoint_id: str) -> None:
    """Copy the saved state back, unless it stands there already."""
    saved = await _known(objects, path, checkpoint_id)
    facts = await objects.head(key_of(path))
    if facts is None or not _holds(saved, facts):
        await _copied(objects, checkpoint_key(path), saved, key_of(path), _without_notes)


async def forget(objects: Objects, path: ContentPath, checkpoint_id: str) -> None:
    """Delete the saved state."""
    await _known(objects, path, checkpoint_id)
    await objects.remove(checkpoint_key(path))


async def _copied(
    objects: Objects, source: str, facts: Facts, target: str, noted: Callable[[Facts], Mapping[str, str]]
) -> Facts:
    """Copy one revision with notes on that very revision, and return its facts: not every store keeps the condition."""
    for _ in range(_ATTEMPTS):
        etag = await _copy_if_unchanged(objects, source, facts, target, noted(facts))
        if etag == facts.etag:
            return facts
        current = await objects.head(source)
        if current is None:
            raise not_found()
        if etag is not None and current.etag == facts.etag:
            return facts
        facts = current
    raise Problem(Code.CONFLICT, "The file keeps being changed; try again.", reason=Reason.BUSY)


async def _copy_if_unchanged(
    objects: Objects, source: str, facts: Facts, target: str, metadata: Mapping[str, str]
) -> ETag | None:
    try:
        return await objects.copy(
            source, target, revision=facts.etag, metadata=metadata, content_type=facts.content_type
        )
    except Problem as problem:
        if problem.code is not Code.PRECONDITION:
            raise
        return None


def _holds(saved: Facts, facts: Facts) -> bool:
    """Whether the checkpoint is of that revision: a copy has the same etag, unless it is encrypted or was put together
    from parts."""
    return facts.etag in (saved.etag, saved.metadata.get(_OF))


def _with_notes(facts: Facts) -> dict[str, str]:
    return {**facts.metadata, _DATE: iso(facts.modified), _OF: facts.etag}


def _without_notes(facts: Facts) -> dict[str, str]:
    return {name: value for name, value in facts.metadata.items() if name not in _NOTES}


async def _known(objects: Objects, path: ContentPath, checkpoint_id: str) -> Facts:
    saved = None if path.is_root or checkpoint_id != CHECKPOINT_ID else await objects.head(checkpoint_key(path))
    if saved is None:
        raise not_found("No such checkpoint.")
    return saved


def _date(saved: Facts) -> datetime:
    return parse_wire_date(saved.metadata.get(_DATE)) or saved.modified
