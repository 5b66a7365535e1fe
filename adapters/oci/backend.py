"""An OCI AI Data Platform workspace as a backend (spec oci 4 and 6)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote

from adapters.oci.bodies import body_of_save, bytes_of
from adapters.oci.errors import directory_in_the_way, is_in_the_way, taken
from adapters.oci.profile import load_signing_key
from adapters.oci.workspace import Facts, Workspace, child_entry, directory_of, entry_of, facts_of, last_name
from gateway.contents.backend import Backend, Capability
from gateway.contents.model import (
    Absent,
    Document,
    Entry,
    ETag,
    Kind,
    Listing,
    Matches,
    Precondition,
    Written,
)
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid, stale
from gateway.wire.client import Answer, UpstreamClient, nonsense
from gateway.wire.dates import parse_wire_date

_MAX_HEADER_PATH = 255
_LAG_SECONDS = 0.5
"""After this, what was just made should be seen (quirk 2)."""


def create(
    client: UpstreamClient,
    *,
    endpoint: str,
    platform_id: str,
    workspace_key: str,
    folder: str = "Workspace",
    profile: str = "DEFAULT",
    config_file: str = "~/.oci/config",
    version: str = "20260430",
    collection: str = "aiDataPlatforms",
    base_path: str = "",
) -> Backend:
    """A backend over ``folder`` of one workspace, signing as ``profile``. ``base_path`` stands before the version."""
    key = load_signing_key(config_file, profile)
    parts = (*base_path.split("/"), version, collection, platform_id, "workspaces", workspace_key)
    base = "/".join([endpoint.rstrip("/"), *(quote(part, safe="~") for part in parts if part)])
    return OciBackend(Workspace(client, key, base, ContentPath.parse(folder)))


class OciBackend:
    """Files through the contents API, listings and folders through the objects API."""

    capabilities = frozenset(
        {
            Capability.CONDITIONAL_WRITE,
            Capability.CONDITIONAL_DELETE,
            Capability.ATOMIC_REPLACE,
            Capability.EMPTY_DIRECTORIES,
        }
    )

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def probe(self) -> None:
        """Ask for the workspace itself, since a wrong address and a missing notebook are both a 404 (quirk 17)."""
        try:
            await self._workspace.send("GET", "", {})
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            raise nonsense(
                "The workspace is not at the configured address, or the profile may not see it."
            ) from problem

    async def stat(self, path: ContentPath) -> Entry:
        """One call for a file; a directory is listed too, for its etag."""
        return await self._described(path, await self._facts(path))

    async def read(self, path: ContentPath) -> Document:
        answer = await self._workspace.contents("GET", path, f"?content=1&type={Kind.of_file(path).value}")
        facts = await offloaded(len(answer.body), facts_of, answer)
        if facts.type == Kind.DIRECTORY:
            raise invalid("A directory has no bytes to read.", reason=Reason.BAD_TYPE)
        body = await offloaded(len(answer.body), bytes_of, facts, Kind.of_file(path))
        return Document(replace(entry_of(path, facts, self._etag(answer)), size=len(body)), body)

    async def list(self, path: ContentPath) -> Listing:
        """One call for the directory itself and one for each hundred entries."""
        _, facts = await self._facts(path)
        if facts.type != Kind.DIRECTORY:
            raise invalid("What stands there is not a directory.", reason=Reason.BAD_TYPE)
        return await self._listed(path, facts)

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        """``Matches`` is the service's own if-match. For ``Absent``, which it does not have, see ``_create``."""
        if path.is_root:
            raise directory_in_the_way()
        match precondition:
            case Absent():
                if await self._standing(path) is not None:
                    raise stale()
                return Written(await self._create(path, body), created=True)
            case Matches(etag):
                return Written(await self._replace(path, body, etag), created=False)
        standing = await self._standing(path)
        if standing is not None and standing.type == Kind.DIRECTORY:
            raise directory_in_the_way()
        return Written(await self._put_or_create(path, body), created=standing is None)

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        """A directory that the service will not delete whole is emptied first."""
        if path.is_root:
            raise invalid("The root cannot be deleted.")
        etag = precondition.etag if isinstance(precondition, Matches) else None
        try:
            await self._workspace.contents("DELETE", path, etag=etag)
        except Problem as problem:
            if not is_in_the_way(problem) and problem.code is not Code.INVALID:
                raise
            _, facts = await self._facts(path)
            if facts.type != Kind.DIRECTORY:
                raise
            await self._empty(path, facts)
            await self._workspace.contents("DELETE", path)

    async def make_directory(self, path: ContentPath) -> Entry:
        if path.is_root:
            raise already_exists()
        address = self._workspace.address(path)
        if not address.isascii() or address != address.strip() or len(address) > _MAX_HEADER_PATH:
            return await self._make_directory_by_rename(path)
        headers = {"path": address, "type": "FOLDER", "is-overwrite": "false"}
        try:
            await self._workspace.send("POST", "/objects", headers)
        except Problem as problem:
            raise taken(problem) from problem
        _, facts = await self._facts_after_change(path)
        return directory_of(path, facts)

    async def move(self, source: ContentPath, target: ContentPath) -> Entry:
        if source.is_root or target.is_root:
            raise invalid("The root cannot be moved or replaced.")
        try:
            return await self._rename(source, target)
        except Problem as problem:
            raise taken(problem) from problem

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to the gateway."""

    async def _facts(self, path: ContentPath) -> tuple[Answer, Facts]:
        try:
            answer = await self._workspace.contents("GET", path, "?content=0")
        except Problem as problem:
            if problem.code is Code.NOT_FOUND and path.is_root:
                raise nonsense("The configured folder does not exist in the workspace.") from problem
            raise
        return answer, facts_of(answer)

    async def _facts_after_change(self, path: ContentPath) -> tuple[Answer, Facts]:
        """The same of what was just made, which the service may not know of at once."""
        try:
            return await self._facts(path)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
        await asyncio.sleep(_LAG_SECONDS)
        return await self._facts(path)

    async def _described(self, path: ContentPath, found: tuple[Answer, Facts]) -> Entry:
        answer, facts = found
        if facts.type == Kind.DIRECTORY:
            return (await self._listed(path, facts)).entry
        return entry_of(path, facts, self._etag(answer))

    async def _standing(self, path: ContentPath) -> Facts | None:
        try:
            return (await self._facts(path))[1]
        except Problem as problem:
            if problem.code is Code.NOT_FOUND:
                return None
            raise

    async def _listed(self, path: ContentPath, facts: Facts) -> Listing:
        children = (child_entry(path, item) for item in await self._workspace.objects(path))
        # What changes between two pages may be on both.
        entries = tuple({child.path: child for child in children if child is not None}.values())
        return Listing(directory_of(path, facts, entries), entries)

    def _etag(self, answer: Answer) -> ETag:
        etag = self._workspace.etag_of(answer)
        if etag is None:
            raise nonsense("The storage behind this mount gave no etag.")
        return etag

    async def _put(self, path: ContentPath, body: bytes, etag: ETag | None = None) -> Entry:
        saved = await offloaded(len(body), body_of_save, body, Kind.of_file(path))
        answer = await self._workspace.contents("PUT", path, body=saved, etag=etag)
        facts = facts_of(answer)
        new_etag = self._workspace.etag_of(answer)
        if new_etag is None or parse_wire_date(facts.last_modified) is None:
            return await self._described(path, await self._facts_after_change(path))
        entry = entry_of(path, facts, new_etag)
        return entry if entry.kind is Kind.NOTEBOOK else replace(entry, size=len(body))

    async def _replace(self, path: ContentPath, body: bytes, etag: ETag) -> Entry:
        try:
            return await self._put(path, body, etag)
        except Problem as problem:
            if problem.code is Code.NOT_FOUND:
                raise stale() from problem
            raise

    async def _put_or_create(self, path: ContentPath, body: bytes) -> Entry:
        """A save makes the file, as documented; where the service refuses that with 404, it is made first (quirk 9)."""
        try:
            return await self._put(path, body)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
        try:
            return await self._create(path, body)
        except Problem as refusal:
            if refusal.code is not Code.PRECONDITION:
                raise
            detail = "Somebody else made it at the same time; try again."
            raise Problem(Code.CONFLICT, detail, reason=Reason.BUSY) from refusal

    async def _create(self, path: ContentPath, body: bytes) -> Entry:
        """Write under a name of the service's own choice, then rename: only the rename decides, and it is atomic.

        PRECONDITION when the name was taken meanwhile. What is left under the other name is removed, unless its etag
        shows that it is no longer ours.
        """
        kind = Kind.of_file(path)
        spare, etag = await self._untitled(path.parent, kind, path.name)
        try:
            made = await self._put(spare, body, etag)
            etag = made.etag
            return made if spare == path else await self._rename(spare, path)
        except (Problem, asyncio.CancelledError) as error:
            await self._discard(spare, etag)
            if isinstance(error, Problem) and is_in_the_way(error):
                raise stale() from error
            raise

    async def _make_directory_by_rename(self, path: ContentPath) -> Entry:
        """For names that do not fit into a header: HTTP has no agreed way to put other than ASCII there."""
        spare, etag = await self._untitled(path.parent, Kind.DIRECTORY, path.name)
        try:
            return await self._rename(spare, path)
        except (Problem, asyncio.CancelledError) as error:
            await self._discard(spare, etag)
            if isinstance(error, Problem):
                raise taken(error) from error
            raise

    async def _untitled(self, parent: ContentPath, kind: Kind, name: str) -> tuple[ContentPath, ETag | None]:
        wanted = {"type": kind.value}
        _, dot, extension = name.rpartition(".")
        if dot and kind is not Kind.DIRECTORY:
            wanted["ext"] = f".{extension}"
        answer = await self._workspace.contents("POST", parent, body=wanted)
        facts = facts_of(answer)
        given = last_name(facts.path or facts.name)
        if not is_plain_name(given):
            raise nonsense()
        return parent.child(given), self._workspace.etag_of(answer)

    async def _rename(self, source: ContentPath, target: ContentPath) -> Entry:
        body = {"path": self._workspace.address(target)}
        answer = await self._workspace.contents("PATCH", source, body=body)
        facts = facts_of(answer)
        etag = self._workspace.etag_of(answer)
        if facts.type == Kind.DIRECTORY or etag is None:
            return await self._described(target, await self._facts_after_change(target))
        return entry_of(target, facts, etag)

    async def _discard(self, spare: ContentPath, etag: ETag | None) -> None:
        with suppress(Problem):
            await self._workspace.contents("DELETE", spare, etag=etag)

    async def _empty(self, path: ContentPath, facts: Facts) -> None:
        for entry in (await self._listed(path, facts)).entries:
            try:
                await self.delete(entry.path)
            except Problem as problem:
                if problem.code is not Code.NOT_FOUND:
                    raise
