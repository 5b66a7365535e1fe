"""An OCI AI Data Platform workspace as a backend (spec oci 4 to 6)."""

from __future__ import annotations

from adapters.oci.addresses import Address
from adapters.oci.changes import Changes
from adapters.oci.creation import Creation
from adapters.oci.errors import directory_in_the_way, taken
from adapters.oci.files import Files
from adapters.oci.folders import Folders
from adapters.oci.moving import Moves
from adapters.oci.notebooks import Notebooks
from adapters.oci.probe import probe
from adapters.oci.removal import Removals
from adapters.oci.sessions import Sessions
from adapters.oci.sight import Sight
from adapters.oci.signer import Signer
from adapters.oci.workspace import Workspace
from gateway.contents.backend import Backend, Capability, Stream
from gateway.contents.compute import Session, SessionChange
from gateway.contents.model import Absent, Document, Entry, Kind, Listing, Matches, Precondition, Written
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem, already_exists, invalid
from gateway.contents.streams import WholeStream
from gateway.wire.client import UpstreamClient


def create(
    client: UpstreamClient,
    *,
    endpoint: str,
    platform_id: str,
    workspace_key: str,
    folder: str = "Workspace",
    profile: str = "DEFAULT",
    config_file: str = "~/.oci/config",
    generation: str = "20260430",
    base_path: str = "",
    cluster_id: str | None = None,
) -> Backend:
    """A backend over ``folder`` of one workspace, signing as ``profile``. ``base_path`` precedes the generation."""
    where = Address(endpoint, platform_id, workspace_key, generation, base_path)
    workspace = Workspace(client, Signer(config_file, profile), where, ContentPath.parse(folder))
    return OciBackend(workspace, cluster_id)


class OciBackend:
    """Notebooks through the contents API, other files and directories through the objects API."""

    capabilities = frozenset(
        {
            Capability.CONDITIONAL_WRITE,
            Capability.CONDITIONAL_DELETE,
            Capability.ATOMIC_REPLACE,
            Capability.EMPTY_DIRECTORIES,
        }
    )

    def __init__(self, workspace: Workspace, cluster_id: str | None = None) -> None:
        self._workspace = workspace
        self._sessions = Sessions(workspace, cluster_id)
        self._sight = Sight(workspace, Changes())
        self._moves = Moves(workspace, self._sight)
        self._removals = Removals(workspace, self._sight)
        creation = Creation(workspace, self._sight, self._moves)
        self._folders = Folders(workspace, self._sight, creation)
        self._notebooks = Notebooks(workspace, self._sight, creation)
        self._files = Files(workspace, self._sight, creation)

    async def probe(self) -> None:
        await probe(self._workspace, self._sight)

    async def stat(self, path: ContentPath) -> Entry:
        """One call for a file; a directory is listed too, for its etag."""
        return await self._sight.described(await self._sight.facts(path))

    async def read(self, path: ContentPath) -> Document:
        return await self._store(path).read(path)

    async def open(self, path: ContentPath) -> Stream:
        """A notebook is JSON within JSON, so it is read whole whatever its size."""
        if Kind.of_file(path) is Kind.NOTEBOOK:
            return WholeStream(await self._notebooks.read(path))
        return await self._files.open(path)

    async def list(self, path: ContentPath) -> Listing:
        return await self._folders.list(path)

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        """Without precondition a look more, at what stands there before."""
        if path.is_root:
            raise directory_in_the_way()
        match precondition:
            case Absent():
                return Written(await self._store(path).create(path, body), created=True)
            case Matches(etag):
                return Written(await self._store(path).replace(path, body, etag), created=False)
        standing = await self._sight.standing(path)
        if standing is not None and standing.is_directory:
            raise directory_in_the_way()
        return Written(await self._store(path).put(path, body, standing), created=standing is None)

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        if path.is_root:
            raise invalid("The root cannot be deleted.")
        await self._removals.delete(path, precondition.etag if isinstance(precondition, Matches) else None)

    async def make_directory(self, path: ContentPath) -> Entry:
        if path.is_root:
            raise already_exists()
        return await self._folders.make(path)

    async def move(self, source: ContentPath, target: ContentPath) -> Entry:
        """A look first: whether the service would replace what stands at the target is unpublished (spec oci 14)."""
        if source.is_root or target.is_root:
            raise invalid("The root cannot be moved or replaced.")
        if await self._sight.standing(target) is not None:
            raise already_exists()
        try:
            return await self._moves.rename(source, target)
        except Problem as problem:
            raise taken(problem) from problem

    async def list_sessions(self) -> tuple[Session, ...]:
        return await self._sessions.list()

    async def read_session(self, session_id: str) -> Session:
        return await self._sessions.read(session_id)

    async def start_session(self, wanted: SessionChange) -> Session:
        return await self._sessions.start(wanted)

    async def change_session(self, session_id: str, change: SessionChange) -> Session:
        return await self._sessions.change(session_id, change)

    async def end_session(self, session_id: str) -> None:
        await self._sessions.end(session_id)

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to the gateway."""

    def _store(self, path: ContentPath) -> Notebooks | Files:
        return self._notebooks if Kind.of_file(path) is Kind.NOTEBOOK else self._files
