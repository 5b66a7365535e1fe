"""Finding out which conditions a store keeps: stores that ignore them look exactly like stores that keep them.

A condition counts as kept when it lets through what it should and refuses what it should, in one and the same spelling.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import asdict

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
    _log.info("the store was tried for conditions", **asdict(honoured))
    return honoured


async def _tried(objects: Objects, key: str, copy: str) -> Honoured:
    create = await _keeps_create(objects, key)
    replace = await _keeps_replace(objects, key)
    quoted = objects.honoured.quoted
    copies = await _is_accepted(objects.copy(key, copy, absent=True)) and await _is_refused(
        objects.copy(key, copy, absent=True)
    )
    return Honoured(create, replace, await _keeps_delete(objects, key), copies, quoted=quoted)


async def _keeps_create(objects: Objects, key: str) -> bool:
    """Leaves the key with bytes, whatever the store says to the condition."""
    if not await _is_accepted(_put(objects, key, Absent())):
        await _put(objects, key, None)
        return False
    return await _is_refused(_put(objects, key, Absent()))


async def _keeps_replace(objects: Objects, key: str) -> bool:
    """Leaves ``objects`` with the spelling in which the store takes an etag that is right."""
    for quoted in (True, False):
        objects.honoured = Honoured(quoted=quoted)
        if await _is_accepted(_put(objects, key, Matches(await _current(objects, key)))):
            return await _is_refused(_put(objects, key, Matches(_WRONG)))
    objects.honoured = Honoured()
    return False


async def _keeps_delete(objects: Objects, key: str) -> bool:
    objects.honoured = Honoured(delete=True, quoted=objects.honoured.quoted)
    if not await _is_refused(objects.remove(key, _WRONG)):
        return False
    return await _is_accepted(objects.remove(key, await _current(objects, key))) and await objects.head(key) is None


async def _put(objects: Objects, key: str, condition: Precondition) -> None:
    await objects.put(key, b"1", "text/plain", {}, condition)


async def _current(objects: Objects, key: str) -> ETag:
    facts = await objects.head(key)
    return facts.etag if facts else _WRONG


async def _is_refused(attempt: Awaitable[object]) -> bool:
    """Whether the store said 412; an answer that it does not know conditions at all is a no."""
    return await _outcome(attempt) is Code.PRECONDITION


async def _is_accepted(attempt: Awaitable[object]) -> bool:
    return await _outcome(attempt) is None


async def _outcome(attempt: Awaitable[object]) -> Code | None:
    """What the store says to a condition; a fault that says nothing about conditions is raised."""
    try:
        await attempt
    except Problem as problem:
        if problem.code is not Code.PRECONDITION and problem.code not in _REFUSALS:
            raise
        return problem.code
    return None
