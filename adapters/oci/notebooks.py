"""Notebooks, through the contents API (spec oci 4)."""

from __future__ import annotations

from dataclasses import replace

from adapters.oci.bodies import body_of_save, notebook_of
from adapters.oci.changes import Seen
from adapters.oci.creation import Creation, Making, Spare
from adapters.oci.errors import busy
from adapters.oci.models import date_of, entry_of, facts_of, facts_or_none
from adapters.oci.outcomes import stored_after_all
from adapters.oci.sight import Sight, Standing
from adapters.oci.workspace import Workspace
from gateway.contents.model import Document, Entry, ETag, Kind
from gateway.contents.notebook import same_notebook
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.wire.client import Answer, nonsense


class Notebooks:
    """The notebooks of one workspace."""

    def __init__(self, workspace: Workspace, sight: Sight, creation: Creation) -> None:
        self._workspace = workspace
        self._sight = sight
        self._creation = creation

    async def read(self, path: ContentPath) -> Document:
        """One call."""

        def seen_by(document: Document) -> Seen:
            return Seen(document.entry.etag, document.entry.modified)

        return await self._sight.settled(path, lambda: self._read(path), seen_by)

    async def put(self, path: ContentPath, body: bytes, standing: Standing | None) -> Entry:
        """A save makes the file, as documented; where the service refuses that with 404, it is made first (quirk 9)."""
        try:
            return await self._saved(path, body, known=standing)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
        try:
            return await self.create(path, body)
        except Problem as refusal:
            if refusal.code is not Code.PRECONDITION:
                raise
            raise busy("Somebody else made it at the same time; try again.") from refusal

    async def replace(self, path: ContentPath, body: bytes, etag: ETag) -> Entry:
        """The service's own if-match: one call."""
        return await self._saved(path, body, etag)

    async def create(self, path: ContentPath, body: bytes) -> Entry:
        """The service has no condition for this: an untitled notebook is filled and renamed."""

        async def begin() -> Spare:
            return await self._creation.untitled(path.parent, Kind.NOTEBOOK, path.name)

        async def fill(spare: Spare) -> Entry:
            return await self._sight.once_visible(spare.path, lambda: self._saved(spare.path, body, spare.etag))

        async def recognise(spare: ContentPath) -> ETag | None:
            document = await self._read(spare)
            return document.entry.etag if await _holds(document, body) else None

        return await self._creation.file(path, Making(begin, fill, recognise))

    async def _read(self, path: ContentPath) -> Document:
        answer = await self._workspace.contents("GET", path, "?content=1&type=notebook")
        facts = await offloaded(len(answer.body), facts_of, answer)
        if facts.type == Kind.DIRECTORY:
            raise invalid("A directory has no bytes to read.", reason=Reason.BAD_TYPE)
        body = await offloaded(len(answer.body), notebook_of, facts)
        etag = self._workspace.etag_of(answer)
        if etag is None:
            raise nonsense("The storage behind this mount gave no etag.")
        return Document(replace(entry_of(path, facts, etag), size=len(body)), body)

    async def _saved(
        self, path: ContentPath, body: bytes, etag: ETag | None = None, known: Standing | None = None
    ) -> Entry:
        """One save; when its answer is lost or in doubt, a look at what stands there decides."""
        saved = await offloaded(len(body), body_of_save, body)
        before = self._sight.changes.of(path)
        older = (etag, known.etag if known is not None else None)
        try:
            answer = await self._workspace.contents("PUT", path, body=saved, etag=etag)
        except Problem as problem:
            if problem.code is Code.NOT_FOUND and etag is None:
                raise
            entry = await stored_after_all(problem, etag, lambda: self.read(path), lambda stored: _same(stored, body))
        else:
            entry = await self._told(path, answer, older)
        self._sight.changes.made(path, before, etags=[entry.etag], older=older, modified=entry.modified)
        return entry

    async def _told(self, path: ContentPath, answer: Answer, older: tuple[ETag | None, ...]) -> Entry:
        """The entry that a save's answer tells; what it leaves out is looked for."""
        facts = await offloaded(len(answer.body), facts_or_none, answer)
        etag = self._workspace.etag_of(answer)
        if facts is not None and etag is not None and date_of(facts.last_modified) is not None:
            return entry_of(path, facts, etag)
        changes = self._sight.changes
        changes.made(path, changes.of(path), etags=[etag], older=older)
        standing = await self._sight.facts(path)
        return standing.entry if etag is None else replace(standing.entry, etag=etag)


async def _holds(document: Document, body: bytes) -> bool:
    return await _same(document.body, body)


async def _same(stored: bytes, wanted: bytes) -> bool:
    try:
        return await offloaded(len(wanted), same_notebook, stored, wanted)
    except Problem:
        return False
