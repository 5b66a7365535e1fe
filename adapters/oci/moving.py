"""Renames: files, and directories with all below them (spec oci 4.5)."""

from __future__ import annotations

import msgspec

from adapters.oci.errors import is_unsure
from adapters.oci.models import Facts, directory_of, entry_of, facts_or_none
from adapters.oci.sight import Sight
from adapters.oci.workspace import Workspace
from gateway.contents.model import Entry, ETag, Kind
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.wire.client import Answer


class Moves:
    """Renames in one workspace."""

    def __init__(self, workspace: Workspace, sight: Sight) -> None:
        self._workspace = workspace
        self._sight = sight

    async def rename(self, source: ContentPath, target: ContentPath) -> Entry:
        """One step of the service; for a directory a look more. The caller has seen that nothing stands at the target.

        CONFLICT when something does all the same. When the answer is lost it is done if the source is gone and
        something stands at the target.
        """
        changes = self._sight.changes
        before = changes.of(source), changes.of(target)
        try:
            facts, etag = await self._sight.once_visible(source, lambda: self._renamed(source, target))
        except Problem as problem:
            if not is_unsure(problem) or not await self._has_moved(source, target):
                raise
            facts, etag = None, None
        if facts is not None and facts.type != Kind.DIRECTORY and etag is not None:
            entry = entry_of(target, facts, etag)
            changes.moved(source, target, before, etag=etag, modified=entry.modified)
            return entry
        changes.moved(source, target, before)
        return await self._looked_at(target, facts)

    async def _renamed(self, source: ContentPath, target: ContentPath) -> tuple[Facts | None, ETag | None]:
        """What the service tells of it, if anything."""
        try:
            answer = await self._workspace.contents("PATCH", source, body={"path": self._workspace.address(target)})
        except Problem as problem:
            if problem.code is not Code.INVALID or source.parent == target.parent:
                raise
            await self._moved_as_object(source, target)
            return None, None
        return facts_or_none(answer), self._workspace.etag_of(answer)

    async def _moved_as_object(self, source: ContentPath, target: ContentPath) -> Answer:
        """For a service whose rename stays in its folder: whether it may leave it is unpublished (spec oci 14)."""
        details = {
            "fromPath": self._workspace.address(source),
            "toPath": self._workspace.address(target),
            "isOverWrite": False,
            "isDeleteSource": True,
            "isIncludeOutputs": True,
        }
        return await self._workspace.send("POST", "/actions/copyObject", body=msgspec.json.encode(details))

    async def _looked_at(self, target: ContentPath, facts: Facts | None) -> Entry:
        """The entry as it stands now. A directory that is there by the service's word need not be visible yet."""
        try:
            return await self._sight.described(await self._sight.facts(target))
        except Problem as problem:
            if facts is None or facts.type != Kind.DIRECTORY or not is_unsure(problem):
                raise
            return directory_of(target, facts)

    async def _has_moved(self, source: ContentPath, target: ContentPath) -> bool:
        self._sight.changes.forget(source, target)
        try:
            return await self._sight.standing(source) is None and await self._sight.standing(target) is not None
        except Problem:
            return False
