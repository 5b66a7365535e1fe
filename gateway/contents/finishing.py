"""Work that is finished whoever stops waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")

_under_way: set[asyncio.Task[Any]] = set()


async def to_its_end(work: Coroutine[Any, Any, R]) -> R:
    """Run ``work``; even a cancelled caller waits for its end, so that what undoes it does not come before it."""
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_heard)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _heard(task: asyncio.Task[Any]) -> None:
    """What it raises after its caller was cancelled has nobody else to hear it."""
    _under_way.discard(task)
    if not task.cancelled():
        task.exception()
