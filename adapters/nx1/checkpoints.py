"""Checkpoints: one saved state per file, under a private prefix, made and restored by copies within the store."""

from __future__ import annotations

import asyncio
from datetime import datetime

from adapters.nx1.keys import CHECKPOINT_ID, checkpoint_key, key_of
from adapters.nx1.listing import is_directory
from adapters.nx1.objects import Facts, Objects
from gateway.contents.model import Checkpoint
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Reason, invalid, not_found
from gateway.wire.dates import iso, parse_wire_date

_DATE = "nbgw-modified"


async def find(objects: Objects, path: ContentPath) -> tuple[Checkpoint, ...]:
    """The file's checkpoint, if both are there."""
    if path.is_root:
        return ()
    file, saved = await asyncio.gather(objects.head(key_of(path)), objects.head(checkpoint_key(path)))
    return (Checkpoint(CHECKPOINT_ID, _date(saved)),) if file and saved else ()


async def save(objects: Objects, path: ContentPath) -> Checkpoint:
    """Copy the file aside, with its date: the copy's own is that of the copying."""
    if path.is_root:
        raise invalid("A directory has no checkpoints.", reason=Reason.BAD_TYPE)
    facts = await objects.head(key_of(path))
    if facts is None:
        if await is_directory(objects, path):
            raise invalid("A directory has no checkpoints.", reason=Reason.BAD_TYPE)
        raise not_found()
    noted = {**facts.metadata, _DATE: iso(facts.modified)}
    await objects.copy(
        key_of(path), checkpoint_key(path), revision=facts.etag, metadata=noted, content_type=facts.content_type
    )
    return Checkpoint(CHECKPOINT_ID, facts.modified)


async def restore(objects: Objects, path: ContentPath, checkpoint_id: str) -> None:
    """Copy the saved state back."""
    saved = await _known(objects, path, checkpoint_id)
    metadata = {name: value for name, value in saved.metadata.items() if name != _DATE}
    await objects.copy(
        checkpoint_key(path), key_of(path), revision=saved.etag, metadata=metadata, content_type=saved.content_type
    )


async def forget(objects: Objects, path: ContentPath, checkpoint_id: str) -> None:
    """Delete the saved state."""
    await _known(objects, path, checkpoint_id)
    await objects.remove(checkpoint_key(path))


async def _known(objects: Objects, path: ContentPath, checkpoint_id: str) -> Facts:
    saved = None if path.is_root or checkpoint_id != CHECKPOINT_ID else await objects.head(checkpoint_key(path))
    if saved is None:
        raise not_found("No such checkpoint.")
    return saved


def _date(saved: Facts) -> datetime:
    return parse_wire_date(saved.metadata.get(_DATE)) or saved.modified
