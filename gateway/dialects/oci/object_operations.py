"""What the objects API asks for that no shared operation says: pages of a folder, raw bytes, copies to a given path."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gateway.contents.model import Absent, Caller, Condition, Document, Entry, Kind, MatchesAny
from gateway.contents.notebook import EMPTY_NOTEBOOK, validate, without_outputs
from gateway.contents.offload import offloaded
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, already_exists, not_found
from gateway.dialects.oci.pages import Page, PageRequest
from gateway.wire.dates import iso

_ETAG_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What stands there, and the etag that stands for its data and metadata together."""

    entry: Entry
    composite_etag: str


@dataclass(frozen=True, slots=True)
class ListedObjects:
    page: Page[ObjectFacts]


@dataclass(frozen=True, slots=True)
class ListObjects:
    """One page of what stands directly in the folder ``path``: one listing for each page."""

    caller: Caller
    path: ContentPath
    page: PageRequest
    sort_by: str
    kinds: frozenset[Kind]
    name: str | None = None

    async def run(self, services: Services) -> ListedObjects:
        listing = await services.contents.list(self.caller, self.path)
        wanted = [each for each in listing.entries if each.kind in self.kinds and self.name in (None, each.name)]
        page = await offloaded(_SORTED_COST_BYTES * len(wanted), self.page.cut, wanted, self._key)
        lists_etags = services.contents.lists_etags(self.path)
        facts = tuple(ObjectFacts(entry, composite_etag(entry, lists_etags=lists_etags)) for entry in page.items)
        return ListedObjects(Page(facts, page.next_token))

    def _key(self, entry: Entry) -> tuple[str, ...]:
        return (iso(entry.created), entry.name) if self.sort_by == "timeCreated" else (entry.name,)


_SORTED_COST_BYTES = 100
"""What sorting one entry costs, in the bytes of a body that takes as long."""


@dataclass(frozen=True, slots=True)
class ReadFacts:
    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> ObjectFacts:
        entry = await services.contents.stat(self.caller, self.path)
        return ObjectFacts(entry, composite_etag(entry, lists_etags=services.contents.lists_etags(self.path)))


@dataclass(frozen=True, slots=True)
class ReadBytes:
    """A file as it is stored. INVALID (bad type) for a folder."""

    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> Document:
        return await services.contents.read(self.caller, self.path)


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A new folder; CONFLICT where anything stands."""

    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> Entry:
        return await services.contents.make_directory(self.caller, self.path)


@dataclass(frozen=True, slots=True)
class CreateObject:
    """Store bytes as they are; without ``replaces`` CONFLICT where anything stands. A notebook must be a valid one
    (UNPROCESSABLE), and is an empty one when there are no bytes."""

    caller: Caller
    path: ContentPath
    body: bytes
    replaces: bool
    condition: Condition = None

    async def run(self, services: Services) -> Entry:
        body = await _checked(self.path, self.body)
        try:
            condition = self.condition if self.replaces else Absent()
            return (await services.contents.write(self.caller, self.path, body, condition)).entry
        except Problem as problem:
            is_taken = problem.code is Code.PRECONDITION and not self.replaces
            raise (already_exists() if is_taken else problem) from problem


@dataclass(frozen=True, slots=True)
class UpdateObject:
    """Other bytes for a file that is there: NOT_FOUND where none is, PRECONDITION unless the condition holds."""

    caller: Caller
    path: ContentPath
    body: bytes
    condition: Condition

    async def run(self, services: Services) -> Entry:
        body = await _checked(self.path, self.body)
        try:
            condition = self.condition if self.condition is not None else MatchesAny()
            return (await services.contents.write(self.caller, self.path, body, condition)).entry
        except Problem as problem:
            if problem.code is Code.PRECONDITION and self.condition is None:
                raise not_found() from problem
            raise


@dataclass(frozen=True, slots=True)
class CopyObject:
    """A copy at ``target``, or in it where it is a folder. The condition speaks of the source.

    With ``replaces`` a file takes another's place; with ``moves`` the source goes; with ``drops_outputs`` a notebook is
    copied without what its cells have put out. A folder is copied or moved as it is, to where nothing stands.
    """

    caller: Caller
    path: ContentPath
    target: ContentPath
    into_folder: bool
    condition: Condition = None
    replaces: bool = False
    moves: bool = False
    drops_outputs: bool = False

    async def run(self, services: Services) -> Entry:
        contents = services.contents
        target = await self._exact_target(services)
        if (self.replaces or self.drops_outputs) and await self._is_file(services):
            rewrite = without_outputs if self.drops_outputs and Kind.of_file(self.path) is Kind.NOTEBOOK else None
            how = {"replaces": self.replaces, "moves": self.moves}
            return await contents.copy_file(self.caller, self.path, target, self.condition, rewrite, **how)
        if self.moves:
            return await contents.move(self.caller, self.path, target, self.condition)
        return await contents.copy_to(self.caller, self.path, target, self.condition)

    async def _is_file(self, services: Services) -> bool:
        return (await services.contents.stat(self.caller, self.path)).kind is not Kind.DIRECTORY

    async def _exact_target(self, services: Services) -> ContentPath:
        """Where the source comes to stand: below ``target`` when that is said or found to be a folder, else at it."""
        into_folder = self.into_folder
        if not into_folder:
            try:
                into_folder = (await services.contents.stat(self.caller, self.target)).kind is Kind.DIRECTORY
            except Problem as problem:
                if problem.code is not Code.NOT_FOUND:
                    raise
        return self.target.child(self.path.name) if into_folder else self.target


def composite_etag(entry: Entry, *, lists_etags: bool) -> str:
    """An etag of data and metadata together, the same in listings and alone, and equal to no contents etag.

    Made of what listings tell: ``lists_etags`` says whether the store lists etags, else the date has to tell. Of a
    folder stores tell no date that all of their answers agree on.
    """
    facts: tuple[object, ...] = ("composite", entry.name, entry.kind.value)
    if entry.kind is not Kind.DIRECTORY:
        facts += (iso(entry.created), iso(entry.modified), entry.etag if lists_etags else None)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:_ETAG_CHARACTERS]


async def _checked(path: ContentPath, body: bytes) -> bytes:
    if Kind.of_file(path) is not Kind.NOTEBOOK:
        return body
    if not body:
        return EMPTY_NOTEBOOK
    await offloaded(len(body), validate, body)
    return body
