"""Files that are no notebooks, as raw bytes through the objects API (spec oci 6).

A file's etag is that of contents. The objects API may have etags of its own: then one of each is taken for those of
one revision by the order in which they are read, by size and by date.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from adapters.oci.addresses import fits_header
from adapters.oci.changes import Change, Seen
from adapters.oci.creation import Creation, Making, Spare
from adapters.oci.errors import busy, directory_in_the_way, is_in_the_way
from adapters.oci.models import Receipt
from adapters.oci.outcomes import stored_after_all
from adapters.oci.par import Detour
from adapters.oci.sight import Sight, Standing
from adapters.oci.streams import LargeStream
from adapters.oci.uploads import Uploads
from adapters.oci.workspace import Workspace
from gateway.contents.backend import Stream
from gateway.contents.model import Document, Entry, ETag, Kind
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid, stale
from gateway.contents.streams import WholeStream

_SPARE = ".nbgw-"


class Files:
    """The plain files of one workspace."""

    def __init__(self, workspace: Workspace, sight: Sight, creation: Creation) -> None:
        self._workspace = workspace
        self._sight = sight
        self._creation = creation
        self._uploads = Uploads(workspace, sight)
        self._detour = Detour(workspace)

    async def read(self, path: ContentPath) -> Document:
        """Two calls, three where the objects API has other etags: bytes and facts that are proven to belong together.

        When the file is changed at the same time all is read once more, from the API itself, whose answers tell which
        revision they are of. CONFLICT (busy) when it is changed again.
        """
        return await self._whole(await self._sight.facts(path))

    async def open(self, path: ContentPath) -> Stream:
        """The same, unless it is more than the gateway carries: such a file comes as it is read."""
        standing = await self._sight.facts(path)
        size_bytes = standing.facts.size
        if standing.is_directory or size_bytes is None or size_bytes <= self._workspace.client.max_body_bytes:
            return WholeStream(await self._whole(standing))
        return LargeStream(self._workspace, self._sight, self._detour, standing)

    async def put(self, path: ContentPath, body: bytes, standing: Standing | None) -> Entry:
        """Two calls: the bytes, and a look for the etag of contents."""
        try:
            if standing is not None:
                return await self._replaced(path, body, standing)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
        return await self._created(path, body, replaces=True)

    async def replace(self, path: ContentPath, body: bytes, etag: ETag) -> Entry:
        """The same under the service's own if-match; two calls more where the objects API has other etags."""
        try:
            return await self._stored(path, body, lambda: self._uploads.put_matching(path, body, etag), etag, [etag])
        except Problem as problem:
            if not is_in_the_way(problem) and problem.code is not Code.INVALID:
                raise
            standing = await self._sight.standing(path)
            raise (stale() if standing is not None and standing.is_directory else problem) from problem

    async def create(self, path: ContentPath, body: bytes) -> Entry:
        """The same where nothing stands: the service refuses to create what is there, in one step."""
        return await self._created(path, body, replaces=False)

    async def _whole(self, standing: Standing) -> Document:
        path = standing.path
        for may_detour in (True, False):
            if standing.is_directory:
                raise invalid("A directory has no bytes to read.", reason=Reason.BAD_TYPE)
            body, receipt = await self._bytes(standing, may_detour=may_detour)
            if receipt.etag is not None and receipt.etag == standing.etag:
                return Document(replace(standing.entry, size=len(body)), body)
            after = await self._sight.facts(path)
            is_settled = after.etag is not None and after.etag in (standing.etag, receipt.etag)
            if is_settled and not receipt.is_older_than(after.facts) and after.facts.size in (None, len(body)):
                return Document(replace(after.entry, size=len(body)), body)
            standing = after
        raise busy("The file is being changed all the while; try again.")

    async def _bytes(self, standing: Standing, *, may_detour: bool) -> tuple[bytes, Receipt]:
        path = standing.path
        if may_detour and self._detour.is_open(path, standing.facts.size):
            try:
                return await self._detour.download(path)
            except Problem as problem:
                if problem.code is not Code.UNSUPPORTED:
                    raise
        answer = await self._sight.settled(
            path, lambda: self._workspace.object("GET", path), lambda found: Seen(Receipt.of(found).etag)
        )
        return answer.body, Receipt.of(answer)

    async def _replaced(self, path: ContentPath, body: bytes, standing: Standing) -> Entry:
        if self._detour.is_open(path, len(body)):
            try:
                return await self._stored(path, body, lambda: self._detour.upload(path, body), older=[standing.etag])
            except Problem as problem:
                if problem.code is not Code.UNSUPPORTED:
                    raise
        return await self._stored(path, body, lambda: self._uploads.put(path, body), older=[standing.etag])

    async def _created(self, path: ContentPath, body: bytes, *, replaces: bool) -> Entry:
        try:
            return await self._made(path, body, replaces=replaces)
        except Problem as problem:
            if problem.code is Code.PRECONDITION and replaces:
                raise busy("Somebody else made it at the same time; try again.") from problem
            if not is_in_the_way(problem) or await self._sight.standing(path) is None:
                raise
            raise (directory_in_the_way() if replaces else stale()) from problem

    async def _made(self, path: ContentPath, body: bytes, *, replaces: bool) -> Entry:
        """A large file goes past the API under a spare name, so that nobody meets it unfinished; so does one whose path
        fits into no header, under a name of the service's choice."""
        if self._detour.is_open(path, len(body)):
            try:
                return await self._creation.file(path, self._past_the_api(path, body))
            except Problem as problem:
                if problem.code is not Code.UNSUPPORTED:
                    raise
        if not fits_header(self._workspace.address(path)):
            return await self._creation.file(path, self._by_renaming(path, body))
        if replaces:
            return await self._stored(path, body, lambda: self._uploads.post(path, body, replaces=True))
        before = self._sight.changes.of(path)
        receipt = await self._uploads.post(path, body, replaces=False)
        return await self._confirmed(path, receipt, len(body), before)

    def _past_the_api(self, path: ContentPath, body: bytes) -> Making:
        async def begin() -> Spare:
            return Spare(path.parent.child(f"{_SPARE}{secrets.token_hex(8)}"), None)

        async def fill(spare: Spare) -> Entry:
            return _entry(spare.path, replace(await self._detour.upload(spare.path, body), etag=None), len(body))

        async def recognise(_spare: ContentPath) -> ETag | None:
            return None

        return Making(begin, fill, recognise)

    def _by_renaming(self, path: ContentPath, body: bytes) -> Making:
        async def begin() -> Spare:
            return await self._creation.untitled(path.parent, Kind.FILE, path.name)

        async def fill(spare: Spare) -> Entry:
            def filled() -> Awaitable[Receipt]:
                return self._sight.once_visible(spare.path, lambda: self._filled(spare, body))

            return await self._stored(spare.path, body, filled, older=[spare.etag])

        async def recognise(spare: ContentPath) -> ETag | None:
            document = await self._candidate(spare, len(body))
            return document.entry.etag if document is not None and document.body == body else None

        return Making(begin, fill, recognise)

    async def _filled(self, spare: Spare, body: bytes) -> Receipt:
        if spare.etag is None:
            return await self._uploads.put(spare.path, body)
        return await self._uploads.put_matching(spare.path, body, spare.etag)

    async def _stored(
        self,
        path: ContentPath,
        body: bytes,
        store: Callable[[], Awaitable[Receipt]],
        etag: ETag | None = None,
        older: Iterable[ETag | None] = (),
    ) -> Entry:
        """Store, and say what stands there then. When the answer is lost or in doubt, a look at that decides."""
        before = self._sight.changes.of(path)

        async def is_wanted(stored: bytes) -> bool:
            return stored == body

        try:
            receipt = await store()
        except Problem as problem:
            if problem.code is Code.NOT_FOUND and etag is None:
                raise
            entry = await stored_after_all(problem, etag, lambda: self._candidate(path, len(body)), is_wanted)
            self._sight.changes.made(path, before, etags=[entry.etag], older=older, modified=entry.modified)
            return entry
        return await self._confirmed(path, receipt, len(body), before, older)

    async def _confirmed(
        self,
        path: ContentPath,
        receipt: Receipt,
        size_bytes: int,
        before: Change | None,
        older: Iterable[ETag | None] = (),
    ) -> Entry:
        """The entry of what has been stored, with the etag of contents as far as that is proven to be of these bytes.

        Else the etag is that of the objects API, which matches nothing any longer: somebody has replaced the file
        already, or the service does not show it yet.
        """
        changes = self._sight.changes
        changes.made(path, before, etags=[receipt.etag], older=older, modified=receipt.modified)
        try:
            standing = await self._sight.facts(path)
            is_ours = receipt.etag in (None, standing.etag) or await self._is_ours(standing, receipt)
        except Problem:
            if receipt.etag is None:
                raise
            return _entry(path, receipt, size_bytes)
        if not is_ours:
            return _entry(path, receipt, size_bytes)
        entry = replace(standing.entry, size=size_bytes)
        changes.made(path, changes.of(path), etags=[receipt.etag, entry.etag], modified=entry.modified)
        return entry

    async def _is_ours(self, standing: Standing, receipt: Receipt) -> bool:
        """Whether the facts of contents, read since, are of the bytes of this receipt: those are still the current."""
        if receipt.is_older_than(standing.facts) or receipt.is_newer_than(standing.facts):
            return False
        if not await self._uploads.is_current(standing.path, receipt):
            return False
        self._workspace.etags_apart = True
        return True

    async def _candidate(self, path: ContentPath, size_bytes: int) -> Document | None:
        """What stands there, unless its size tells already that it is something else."""
        standing = await self._sight.facts(path)
        if standing.is_directory or standing.facts.size not in (None, size_bytes):
            return None
        return await self.read(path)


def _entry(path: ContentPath, receipt: Receipt, size_bytes: int) -> Entry:
    modified = receipt.modified or datetime.now(UTC)
    return Entry(path, Kind.of_file(path), modified, modified, etag=receipt.etag, size=size_bytes)
