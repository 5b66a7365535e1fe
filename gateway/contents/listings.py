"""Listings under way: callers who ask for the same directory at once share one. Nothing is kept beyond its end.

A listing that began before a change was answered is not given to who asks after that answer: what is changed through
this gateway is told here, and a listing takes others along only while it is young, for the sake of what other replicas
change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.contents.model import Listing
from gateway.contents.mounts import Place
from gateway.contents.paths import ContentPath

JOINABLE_SECONDS = 1.0

_Key = tuple[str, str, ContentPath]


@dataclass(slots=True)
class _Flight:
    """One listing under way; ``waiting`` counts who waits for it."""

    place: Place
    task: asyncio.Task[Listing]
    began: float
    waiting: int = 0


class Listings:
    """Lists places for callers who have shown their right to it."""

    def __init__(self) -> None:
        self._joinable: dict[_Key, _Flight] = {}

    async def of(self, place: Place) -> Listing:
        """As ``Backend.list``, alone or together with others. It goes on until the last of them has gone."""
        flight = self._young(place) or self._begun(place)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                self._close(flight)
                flight.task.cancel()

    @contextmanager
    def changing(self, *places: Place) -> Iterator[None]:
        """Whatever is changed inside the block, also in what fails, is seen by who asks for a listing after it."""
        try:
            yield
        finally:
            for flight in list(self._joinable.values()):
                if any(_may_show(flight.place, place) for place in places):
                    self._close(flight)

    def _young(self, place: Place) -> _Flight | None:
        flight = self._joinable.get(_key(place))
        now = asyncio.get_running_loop().time()
        return flight if flight is not None and now - flight.began < JOINABLE_SECONDS else None

    def _begun(self, place: Place) -> _Flight:
        loop = asyncio.get_running_loop()
        flight = _Flight(place, loop.create_task(place.mount.backend.list(place.inner)), loop.time())
        flight.task.add_done_callback(lambda task: self._ended(flight, task))
        self._joinable[_key(place)] = flight
        return flight

    def _ended(self, flight: _Flight, task: asyncio.Task[Listing]) -> None:
        """What it raises after the last caller has gone has nobody else to hear it."""
        self._close(flight)
        if not task.cancelled():
            task.exception()

    def _close(self, flight: _Flight) -> None:
        """It takes nobody along any more."""
        if self._joinable.get(_key(flight.place)) is flight:
            del self._joinable[_key(flight.place)]


def _key(place: Place) -> _Key:
    return place.mount.name, place.mount.store, place.inner


def _may_show(directory: Place, changed: Place) -> bool:
    """Whether a listing of the directory may tell of the change: not where the two stand apart in one store. Whether
    two mounts overlap is not always known."""
    if (directory.mount.store or directory.mount.name) != (changed.mount.store or changed.mount.name):
        return True
    here, there = directory.mount.below.join(directory.inner), changed.mount.below.join(changed.inner)
    return here.starts_with(there) or there.starts_with(here)
