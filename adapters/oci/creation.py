"""Making what must not be there yet: under a spare name first, then renamed, as only that step is atomic."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec
from structlog import get_logger

from adapters.oci.errors import is_in_the_way
from adapters.oci.models import facts_or_none, last_name
from adapters.oci.moving import Moves
from adapters.oci.sight import Sight
from adapters.oci.workspace import Workspace
from gateway.contents.finishing import to_its_end
from gateway.contents.model import Entry, ETag, Kind
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Code, Problem, stale
from gateway.wire.client import Answer, nonsense

_CLEANING_SECONDS = 5.0
CLEANING_PAUSES = (0.2, 0.8)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Spare:
    """What stands under a name of its own, and the etag that shows that it is still that."""

    path: ContentPath
    etag: ETag | None
    is_filled: bool = False


Recognise = Callable[[ContentPath], Awaitable[ETag | None]]


@dataclass(frozen=True, slots=True)
class Making:
    """How a file is made: begun under a spare name, and filled there.

    ``recognise`` says the etag of what stands under that name when it is what was to be stored, else None.
    """

    begin: Callable[[], Coroutine[Any, Any, Spare]]
    fill: Callable[[Spare], Awaitable[Entry]]
    recognise: Recognise


class Creation:
    """Makes files and directories of one workspace where nothing stands."""

    def __init__(self, workspace: Workspace, sight: Sight, moves: Moves) -> None:
        self._workspace = workspace
        self._sight = sight
        self._moves = moves

    async def file(self, path: ContentPath, making: Making) -> Entry:
        """Begin under a spare name, fill that, and rename it to ``path``. PRECONDITION when that name is taken.

        When it ends otherwise, what is left under the spare name is removed, unless it is no longer ours; even a
        cancelled caller waits for that.
        """
        if await self._sight.standing(path) is not None:
            raise stale()
        beginning = asyncio.create_task(making.begin())
        spare: Spare | None = None
        try:
            spare = await asyncio.shield(beginning)
            filled = await making.fill(spare)
            spare = Spare(spare.path, filled.etag, is_filled=True)
            return filled if spare.path == path else await self._renamed(spare, path)
        except (Problem, asyncio.CancelledError):
            await to_its_end(self._taken_back(beginning, spare, making.recognise))
            raise

    async def directory(self, path: ContentPath) -> Entry:
        """The same for an empty directory."""
        if await self._sight.standing(path) is not None:
            raise stale()
        beginning = asyncio.create_task(self.untitled(path.parent, Kind.DIRECTORY, path.name))
        try:
            return await self._renamed(await asyncio.shield(beginning), path)
        except (Problem, asyncio.CancelledError):
            await to_its_end(self._taken_back(beginning, None, _nothing))
            raise

    async def untitled(self, parent: ContentPath, kind: Kind, name: str) -> Spare:
        """Something empty, under a name of the service's choice."""
        wanted = {"type": kind.value}
        _, dot, extension = name.rpartition(".")
        if dot and kind is not Kind.DIRECTORY:
            wanted["ext"] = f".{extension}"
        target = self._workspace.contents_target(parent)
        answer = await self._workspace.create(target, {}, msgspec.json.encode(wanted))
        given = _name_given(answer)
        if not is_plain_name(given):
            raise nonsense()
        path, etag = parent.child(given), self._workspace.etag_of(answer)
        self._sight.changes.made(path, self._sight.changes.of(path), etags=[etag])
        return Spare(path, etag)

    async def _renamed(self, spare: Spare, path: ContentPath) -> Entry:
        try:
            return await self._moves.rename(spare.path, path)
        except Problem as problem:
            raise (stale() if is_in_the_way(problem) else problem) from problem

    async def _taken_back(self, beginning: asyncio.Task[Spare], spare: Spare | None, recognise: Recognise) -> None:
        if spare is None:
            await asyncio.wait({beginning})
            if beginning.exception() is not None:
                return
            spare = beginning.result()
        try:
            async with asyncio.timeout(_CLEANING_SECONDS):
                await self._removed(spare, recognise)
        except (Problem, TimeoutError) as error:
            _log.warning("a spare file could not be removed", error=str(error))

    async def _removed(self, spare: Spare, recognise: Recognise) -> None:
        """Delete it, with patience for a service that is busy or does not see it yet. One that was filled and is gone
        has been renamed after all; one that never came to be seen was not made."""
        etag, pauses = spare.etag, iter(CLEANING_PAUSES)
        while True:
            try:
                await self._workspace.contents("DELETE", spare.path, etag=etag)
                break
            except Problem as problem:
                if problem.code is Code.PRECONDITION:
                    etag = await recognise(spare.path)
                    if etag is None:
                        return
                pause = next(pauses, None)
                if problem.code is Code.NOT_FOUND and (spare.is_filled or pause is None):
                    break
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        self._sight.changes.removed(spare.path, self._sight.changes.of(spare.path), older=[etag])


def _name_given(answer: Answer) -> str:
    """The name of what was made: as the model has it, or else the address."""
    facts = facts_or_none(answer)
    if facts is not None and (facts.path or facts.name):
        return last_name(facts.path or facts.name)
    return last_name(unquote(answer.headers.get("Location", "")))


async def _nothing(_path: ContentPath) -> None:
    return None
