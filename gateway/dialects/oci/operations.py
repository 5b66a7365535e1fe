"""What OCI asks for that no shared operation says: reads that refuse directories, saves without content, copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.contents.model import Absent, Caller, Document, Entry, Kind, Listing, Written
from gateway.contents.notebook import EMPTY_NOTEBOOK, stored_form
from gateway.contents.offload import offloaded
from gateway.contents.operations import Get, Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.wire.contents_json import ContentModel

LISTING_IS_GONE = "A directory has no content here; ask with content=0 for its metadata."


@dataclass(frozen=True, slots=True)
class Shown:
    """A file's facts, and its model with content."""

    entry: Entry
    model: ContentModel


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file as ``model_of`` makes it out, which for a large one is work that must not hold up other requests.

    A directory is INVALID (bad type): listing is gone from the API (spec oci 4.2).
    """

    caller: Caller
    path: ContentPath
    model_of: Callable[[Document], ContentModel]

    async def run(self, services: Services) -> Shown:
        try:
            document = await services.contents.read(self.caller, self.path)
        except Problem as problem:
            if problem.code is not Code.INVALID:
                raise
            raise invalid(LISTING_IS_GONE, reason=Reason.BAD_TYPE) from problem
        return Shown(document.entry, await offloaded(len(document.body), self.model_of, document))


@dataclass(frozen=True, slots=True)
class ReadAny:
    """Whatever stands there as ``model_of`` makes it out, where directories are still listed."""

    caller: Caller
    path: ContentPath
    kind: Kind | None
    model_of: Callable[[Document | Listing], ContentModel]

    async def run(self, services: Services) -> Shown:
        found = await Get(self.caller, self.path, self.kind).run(services)
        size_bytes = len(found.body) if isinstance(found, Document) else 0
        return Shown(found.entry, await offloaded(size_bytes, self.model_of, found))


@dataclass(frozen=True, slots=True)
class CreateEmpty:
    """A PUT without content: an empty notebook or file where nothing stands; INVALID (missing) where something does."""

    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> Written:
        body = EMPTY_NOTEBOOK if Kind.of_file(self.path) is Kind.NOTEBOOK else b""
        try:
            return await services.contents.write(self.caller, self.path, body, Absent())
        except Problem as problem:
            if problem.code not in (Code.PRECONDITION, Code.CONFLICT):
                raise
            raise invalid("content must not be null for a path that exists.", reason=Reason.MISSING) from problem


@dataclass(frozen=True, slots=True)
class CreateNotebook:
    """A notebook given as JSON, under a free name in the directory ``path``. UNPROCESSABLE unless it is valid."""

    caller: Caller
    path: ContentPath
    content: bytes

    async def run(self, services: Services) -> Entry:
        stored = await offloaded(len(self.content), stored_form, self.content, strict=True)
        return await services.contents.create_untitled(self.caller, self.path, Kind.NOTEBOOK, body=stored.body)


@dataclass(frozen=True, slots=True)
class CopyRelated:
    """A copy into the directory ``path``. A source that is missing or not the caller's is INVALID (related), so that it
    is told apart from a missing directory: one stat more than a plain copy."""

    caller: Caller
    source: ContentPath
    path: ContentPath

    async def run(self, services: Services) -> Entry:
        try:
            await services.contents.stat(self.caller, self.source)
        except Problem as problem:
            if problem.code not in (Code.NOT_FOUND, Code.FORBIDDEN):
                raise
            raise invalid("copy_from was not found, or you may not read it.", reason=Reason.RELATED) from problem
        return await services.contents.copy_into(self.caller, self.source, self.path)
