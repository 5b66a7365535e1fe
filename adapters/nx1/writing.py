"""Writing one file: what must be so beforehand, the PUT itself, and the date of what was stored."""

from __future__ import annotations

import asyncio

from structlog import get_logger

from adapters.nx1.keys import key_of
from adapters.nx1.listing import is_directory, refuse_file_above
from adapters.nx1.objects import DIGEST, Facts, Objects
from gateway.contents.model import Absent, Kind, Matches, Precondition, sha256_hex
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, stale

_BUSY_PAUSE_SECONDS = 0.05
_log = get_logger(__name__)


async def write_object(
    objects: Objects, path: ContentPath, body: bytes, precondition: Precondition
) -> tuple[Facts, bool]:
    """Store the bytes; the facts of what was stored, and whether there was nothing before."""
    is_new = await _is_new(objects, path, precondition)
    if is_new:
        await refuse_impossible(objects, path, precondition)
    metadata = {DIGEST: await offloaded(len(body), sha256_hex, body)}
    stored = await _put(objects, path, body, metadata, precondition)
    return await dated(objects, key_of(path), stored), is_new


async def refuse_impossible(objects: Objects, path: ContentPath, precondition: Precondition) -> None:
    """A new file cannot stand where a directory does, nor below a file."""
    folder, _ = await asyncio.gather(is_directory(objects, path), refuse_file_above(objects, path))
    if folder:
        raise stale() if precondition is not None else Problem(Code.CONFLICT, "A directory stands at that path.")


async def _is_new(objects: Objects, path: ContentPath, precondition: Precondition) -> bool:
    match precondition:
        case Absent():
            return True
        case Matches():
            return False
    return await objects.head(key_of(path)) is None


async def _put(
    objects: Objects, path: ContentPath, body: bytes, metadata: dict[str, str], precondition: Precondition
) -> Facts:
    """S3's 409 says that nothing was stored because another write was under way: ask again, same condition."""
    is_notebook = Kind.of_file(path) is Kind.NOTEBOOK
    content_type = "application/x-ipynb+json" if is_notebook else "application/octet-stream"
    while True:
        try:
            return await objects.put(key_of(path), body, content_type, metadata, precondition)
        except Problem as problem:
            if problem.code is Code.NOT_FOUND and isinstance(precondition, Matches):
                raise stale() from problem
            if problem.reason is not Reason.BUSY:
                raise
        await asyncio.sleep(_BUSY_PAUSE_SECONDS)


async def dated(objects: Objects, key: str, stored: Facts) -> Facts:
    """With the store's own date of this revision. When another has come since, or the store falls silent, the write
    stands all the same, and the PUT answer's date is the nearest there is."""
    try:
        current = await objects.head(key)
    except Problem as problem:
        _log.warning("a stored object could not be looked at", code=problem.code.name)
        return stored
    if current is None or current.etag != stored.etag:
        return stored
    return current
