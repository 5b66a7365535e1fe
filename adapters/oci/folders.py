"""Directories: made and listed through the objects API (spec oci 4.2, 6)."""

from __future__ import annotations

from adapters.oci.addresses import fits_header
from adapters.oci.creation import Creation
from adapters.oci.errors import is_in_the_way, is_unsure
from adapters.oci.models import Receipt
from adapters.oci.sight import Sight
from adapters.oci.workspace import Workspace
from gateway.contents.model import Entry, Listing, directory_entry
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, already_exists


class Folders:
    """The directories of one workspace."""

    def __init__(self, workspace: Workspace, sight: Sight, creation: Creation) -> None:
        self._workspace = workspace
        self._sight = sight
        self._creation = creation

    async def list(self, path: ContentPath) -> Listing:
        """One call for the directory itself and one for each hundred entries."""
        return await self._sight.listed(await self._sight.facts(path))

    async def make(self, path: ContentPath) -> Entry:
        """Two calls: the directory, and a look for its date. CONFLICT (already exists) when the name is taken."""
        address = self._workspace.address(path)
        try:
            if not fits_header(address):
                return await self._creation.directory(path)
            headers = {"path": address, "type": "FOLDER", "is-overwrite": "false"}
            before = self._sight.changes.of(path)
            receipt = Receipt.of(await self._workspace.create("/objects", headers, b""))
        except Problem as problem:
            if is_in_the_way(problem) or problem.code is Code.PRECONDITION:
                raise already_exists() from problem  # quirk 10
            raise
        self._sight.changes.made(path, before)
        try:
            return (await self._sight.facts(path)).directory
        except Problem as problem:
            if not is_unsure(problem):
                raise
            return directory_entry(path, modified=receipt.modified)
