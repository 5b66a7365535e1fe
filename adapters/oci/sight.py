"""What stands in a workspace, as far as the service already shows what was changed here (spec oci 4.2, 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from adapters.oci.changes import Change, Changes, Seen
from adapters.oci.errors import problem_from
from adapters.oci.models import FOLDER_TYPES, Facts, child_entry, date_of, directory_of, entry_of, facts_of
from adapters.oci.workspace import Workspace
from gateway.contents.model import Entry, ETag, Kind, Listing
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid, not_found
from gateway.wire.client import nonsense

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands at a path: a file has an etag always, a directory where the service gives it one."""

    path: ContentPath
    facts: Facts
    etag: ETag | None

    @property
    def is_directory(self) -> bool:
        return self.facts.type == Kind.DIRECTORY

    @property
    def entry(self) -> Entry:
        """The facts of a file."""
        return entry_of(self.path, self.facts, self.etag)

    @property
    def directory(self) -> Entry:
        """The facts of a directory in which nothing stands."""
        return directory_of(self.path, self.facts)

    @property
    def seen(self) -> Seen:
        return Seen(self.etag, date_of(self.facts.last_modified))


class Sight:
    """Looks into one workspace; a look that contradicts a change made here is repeated for a while."""

    def __init__(self, workspace: Workspace, changes: Changes) -> None:
        self._workspace = workspace
        self.changes = changes

    async def facts(self, path: ContentPath) -> Standing:
        """One call. NOT_FOUND; UPSTREAM when it is the configured folder itself that is missing."""
        standing = await self.standing(path)
        if standing is None and path.is_root:
            raise nonsense("The configured folder does not exist in the workspace.")
        if standing is None:
            raise not_found()
        return standing

    async def standing(self, path: ContentPath) -> Standing | None:
        """The same, or None when nothing stands there."""
        try:
            return await self.settled(path, lambda: self._facts(path), lambda standing: standing.seen)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            return None

    async def described(self, standing: Standing) -> Entry:
        """The entry; a directory is listed, for its etag."""
        return (await self.listed(standing)).entry if standing.is_directory else standing.entry

    async def listed(self, standing: Standing) -> Listing:
        """A directory's listing: one call for each hundred entries. INVALID (bad type) for a file."""
        if not standing.is_directory:
            raise invalid("What stands there is not a directory.", reason=Reason.BAD_TYPE)
        path = standing.path

        def doubt(children: dict[Entry, Seen] | None) -> Change | None:
            if children is None:
                return self.changes.doubted(path, None, listed=True)
            found = {entry.path: seen for entry, seen in children.items()}
            return self.changes.doubted_listing(path, found)

        children = await self.changes.settled(lambda: self._children(path), doubt)
        entries = tuple(children)
        return Listing(directory_of(path, standing.facts, entries), entries)

    async def settled(
        self, path: ContentPath, look: Callable[[], Awaitable[T]], seen_by: Callable[[T], Seen | None]
    ) -> T:
        """What ``look`` finds at the path; ``seen_by`` says which revision that is."""

        def doubt(found: T | None) -> Change | None:
            return self.changes.doubted(path, None if found is None else seen_by(found))

        return await self.changes.settled(look, doubt)

    async def once_visible(self, path: ContentPath, act: Callable[[], Awaitable[T]]) -> T:
        """Act on ``path``. A 404 about what was made here a moment ago says that it is not seen yet: a look waits until
        it is, and the act, of which the service has done nothing, is tried again."""
        try:
            return await act()
        except Problem as problem:
            change = self.changes.of(path)
            if problem.code is not Code.NOT_FOUND or change is None or not change.stands:
                raise
        await self.facts(path)
        return await act()

    async def _facts(self, path: ContentPath) -> Standing:
        target = self._workspace.contents_target(path, "?content=0")
        answer = await self._workspace.exchange("GET", self._workspace.where.workspace + target)
        if answer.status == 500 and (folder := await self._folder(path)) is not None:
            return folder
        if answer.status != 200:
            raise problem_from(answer)
        facts, etag = facts_of(answer), self._workspace.etag_of(answer)
        if etag is None and facts.type != Kind.DIRECTORY:
            etag = await self._etag_with_content(path)
        return Standing(path, facts, etag)

    async def _folder(self, path: ContentPath) -> Standing | None:
        """What the objects API knows of a folder: to contents some are an internal error, as what is missing may be."""
        try:
            answer = await self._workspace.object("HEAD", path)
        except Problem:
            return None
        if answer.headers.get("type") not in FOLDER_TYPES:
            return None
        return Standing(path, Facts(type=Kind.DIRECTORY.value, last_modified=answer.headers.get("time-updated")), None)

    async def _etag_with_content(self, path: ContentPath) -> ETag:
        """Whether an etag comes without content is unpublished (spec oci 14)."""
        target = self._workspace.contents_target(path, "?content=1")
        etag = self._workspace.etag_of(await self._workspace.send("GET", target, wants_body=False))
        if etag is None:
            raise nonsense("The storage behind this mount gave no etag.")
        return etag

    async def _children(self, path: ContentPath) -> dict[Entry, Seen]:
        """The entries, and what there is to tell their revision by."""
        children: dict[ContentPath, tuple[Entry, Seen]] = {}
        for item in await self._workspace.objects(path):
            entry = child_entry(path, item)
            if entry is not None:  # what changes between two pages may be on both
                children[entry.path] = entry, Seen(None, date_of(item.time_updated))
        return dict(children.values())
