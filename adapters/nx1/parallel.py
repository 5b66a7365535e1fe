"""Doing the same to many keys, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

WORKERS = 8


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Run ``work`` on all items, at most ``WORKERS`` at once. The first failure stops the rest and is raised."""
    remaining = iter(items)

    async def worker() -> None:
        for item in remaining:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(worker())
    except ExceptionGroup as failures:  # the group cancels the rest, so that there is a first one
        raise failures.exceptions[0] from failures
