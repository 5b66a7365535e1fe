"""Finding out which conditions a store keeps: stores that ignore them look exactly like stores that keep them."""

from __future__ import annotations

from collections.abc import Awaitable

from structlog import get_logger

from adapters.nx1.keys import probe_key
from adapters.nx1.objects import Honoured, Objects
from adapters.nx1.store import Store
from gateway.contents.model import Absent, ETag, Matches, Precondition
from gateway.contents.problem import Code, Problem

_log = get_logger(__name__)

_WRONG = ETag("0" * 32)
_REFUSALS = frozenset({Code.INVALID, Code.UNSUPPORTED, Code.CONFLICT, Code.NOT_FOUND})


async def learn(store: Store) -> Honoured:
    """Try every condition on private keys, in both spellings, and clean up."""
    objects = Objects(store)
    key = probe_key()
    copy = f"{key}-copy"
    try:
        honoured = await _tried(objects, key, copy)
    finally:
        for name in (key, copy):
            await objects.remove(name)
    missing = [name for name in ("create", "replace", "delete") if not getattr(honoured, name)]
    if missing:
        _log.warning("the store ignores conditions; the gateway checks them itself", missing=missing)
    return honoured


async def _tried(objects: Objects, key: str, copy: str) -> Honoured:
    etag = (await objects.put(key, b"1", "text/plain", {})).etag
    create = await _is_refused(_put(objects, key, Absent()))
    refuses_wrong = await _is_refused(_put(objects, key, Matches(_WRONG)))
    etag = await _current(objects, key, etag)
    quoted = await _is_accepted(_put(objects, key, Matches(etag)))
    if not quoted:
        objects.honoured = Honoured(quoted=False)
    etag = await _current(objects, key, etag)
    replace = refuses_wrong and (quoted or await _is_accepted(_put(objects, key, Matches(etag))))
    copies = await _keeps_copy_condition(objects, key, copy)
    objects.honoured = Honoured(delete=True, quoted=quoted)
    delete = await _is_refused(objects.remove(key, _WRONG)) and await _deletes_right(objects, key, etag)
    objects.honoured = Honoured()
    return Honoured(create, replace, delete, copies, quoted=quoted)


async def _keeps_copy_condition(objects: Objects, key: str, copy: str) -> bool:
    try:
        await objects.copy(key, copy)
    except Problem as problem:
        if problem.code not in _REFUSALS:
            raise
        return False
    return await _is_refused(objects.copy(key, copy, absent=True))


async def _deletes_right(objects: Objects, key: str, etag: ETag) -> bool:
    etag = await _current(objects, key, etag)
    return await _is_accepted(objects.remove(key, etag)) and await objects.head(key) is None


async def _put(objects: Objects, key: str, condition: Precondition) -> None:
    await objects.put(key, b"2", "text/plain", {}, condition)


async def _current(objects: Objects, key: str, otherwise: ETag) -> ETag:
    facts = await objects.head(key)
    return facts.etag if facts else otherwise


async def _is_refused(attempt: Awaitable[object]) -> bool:
    """Whether the store said 412; an answer that it does not know conditions at all is a no."""
    try:
        await attempt
    except Problem as problem:
        if problem.code is Code.PRECONDITION:
            return True
        if problem.code not in _REFUSALS:
            raise
    return False


async def _is_accepted(attempt: Awaitable[object]) -> bool:
    try:
        await attempt
    except Problem as problem:
        if problem.code is not Code.PRECONDITION and problem.code not in _REFUSALS:
            raise
        return False
    return True
