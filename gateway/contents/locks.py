"""Mutual exclusion by name, for stores that cannot keep a precondition by themselves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class Locks(Protocol):
    """Exclusive locks by name. Who shares them decides what "checked" is worth: one process, or all replicas."""

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold the lock while the block runs; UNAVAILABLE when it cannot be had within the store's patience."""
        ...


class ProcessLocks:
    """Locks within one process: enough for a gateway that runs alone."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._holders: Counter[str] = Counter()

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(name, asyncio.Lock())
        self._holders[name] += 1
        try:
            async with lock:
                yield
        finally:
            self._holders[name] -= 1
            if not self._holders[name]:
                del self._holders[name], self._locks[name]
