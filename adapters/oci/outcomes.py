"""Changes whose answer was lost or is in doubt: looked at again, never guessed and never sent again (spec oci 3.4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adapters.oci.errors import busy, is_unsure
from gateway.contents.model import Document, Entry, ETag
from gateway.contents.problem import Code, Problem, stale


async def stored_after_all(
    problem: Problem,
    etag: ETag | None,
    read: Callable[[], Awaitable[Document | None]],
    is_wanted: Callable[[bytes], Awaitable[bool]],
) -> Entry:
    """The entry of what a save has stored although it ended in ``problem``; the problem itself where it has not.

    A save under ``etag`` has stored when the wanted bytes stand there under another etag. ``read`` is None when what
    stands there cannot be what was wanted. CONFLICT (busy) when the service says that the etag is stale and it is not.
    """
    refusal = stale() if problem.code is Code.NOT_FOUND else problem
    if refusal.code is not Code.PRECONDITION and not is_unsure(refusal):
        raise problem
    document = await _or_none(read)
    if document is not None:
        if etag is not None and document.entry.etag == etag:
            raise (busy() if refusal.code is Code.PRECONDITION else problem) from problem
        if await is_wanted(document.body):
            return document.entry
    raise refusal from problem


async def _or_none(read: Callable[[], Awaitable[Document | None]]) -> Document | None:
    try:
        return await read()
    except Problem:
        return None
