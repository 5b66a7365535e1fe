"""Deleting files, and directories with all below them (spec oci 4.6)."""

from __future__ import annotations

from adapters.oci.errors import is_in_the_way, is_unsure
from adapters.oci.sight import Sight
from adapters.oci.workspace import Workspace
from gateway.contents.model import ETag
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem


class Removals:
    """Deletes in one workspace."""

    def __init__(self, workspace: Workspace, sight: Sight) -> None:
        self._workspace = workspace
        self._sight = sight

    async def delete(self, path: ContentPath, etag: ETag | None = None) -> None:
        """One call. A directory that the service will not delete whole is emptied first. When the answer is lost it is
        done if nothing stands there."""
        before = self._sight.changes.of(path)
        try:
            await self._sight.once_visible(path, lambda: self._deleted(path, etag))
        except Problem as problem:
            if is_in_the_way(problem) or problem.code is Code.INVALID:
                await self._emptied(path, problem)
            elif not is_unsure(problem) or not await self._is_gone(path):
                raise
        self._sight.changes.removed(path, before, older=[etag])

    async def _deleted(self, path: ContentPath, etag: ETag | None) -> None:
        await self._workspace.contents("DELETE", path, etag=etag)

    async def _emptied(self, path: ContentPath, refusal: Problem) -> None:
        standing = await self._sight.facts(path)
        if not standing.is_directory:
            raise refusal
        for entry in (await self._sight.listed(standing)).entries:
            try:
                await self.delete(entry.path)
            except Problem as problem:
                if problem.code is not Code.NOT_FOUND:
                    raise
        await self._deleted(path, None)

    async def _is_gone(self, path: ContentPath) -> bool:
        self._sight.changes.forget(path)
        try:
            return await self._sight.standing(path) is None
        except Problem:
            return False
