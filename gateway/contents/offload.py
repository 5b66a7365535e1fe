"""Work on large bodies leaves the event loop; work on small ones is quicker done where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

LARGE_BYTES = 1 << 16
"""Checking a notebook of this size takes some 30 ms, going to a thread and back a fraction of one."""

ENTRY_BYTES = 100
"""What an entry of a listing counts for: going through a thousand takes some 10 ms."""


async def offloaded(size_bytes: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``work`` in a thread when the body it works on is large."""
    if size_bytes < LARGE_BYTES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
