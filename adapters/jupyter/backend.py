"""An upstream jupyter_server, 2.21 or later, as a backend (spec jupyter A1 to A4).

The server has no preconditions and writes in place: ``Contents`` checks the ones and serialises the others. Names that
it keeps to itself (leading dots, ``__pycache__``, ``*.pyc``, ``*~``) are missing from its listings.
"""

from __future__ import annotations

from urllib.parse import quote

from cachetools import LRUCache
from msgspec.structs import replace
from structlog import get_logger

from adapters.jupyter.bodies import save_body
from adapters.jupyter.checkpoints import Checkpoints
from adapters.jupyter.errors import problem_from
from adapters.jupyter.models import Facts, decoded, to_directory, to_document, to_entry, to_listing
from adapters.jupyter.server import Server, expected, json_body
from adapters.jupyter.sessions import Sessions
from adapters.jupyter.streams import Streams
from gateway.contents.backend import Backend, Capability, Stream
from gateway.contents.compute import Session, SessionChange
from gateway.contents.model import Checkpoint, Document, Entry, Kind, Listing, Precondition, Written, sha256_hex
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid, not_found
from gateway.contents.upstream import Forward, Forwarded, Upstream
from gateway.wire.client import Answer, UpstreamClient, nonsense

USER = "{user}"
"""In a server's address: where the name of the user goes, percent-encoded."""

REMEMBERED_USERS = 1000

_SILENCE = frozenset({Code.TIMEOUT, Code.UNAVAILABLE, Code.THROTTLED})
_log = get_logger(__name__)


def create(client: UpstreamClient, *, url: str, token: str | None = None, folder: str = "") -> Backend:
    """A backend over ``folder`` of the server at ``url`` (with its base path, if it has one)."""
    return JupyterBackend(Server(client, url, token, ContentPath.parse(folder)))


class JupyterBackend:
    """Files, directories and checkpoints through the contents API."""

    capabilities = frozenset({Capability.EMPTY_DIRECTORIES, Capability.NATIVE_HASH})

    def __init__(self, server: Server) -> None:
        self._server = server
        self._checkpoints = Checkpoints(server)
        self._sessions = Sessions(server)
        self._streams = Streams(server)
        self._of_users: LRUCache[str, JupyterBackend] = LRUCache(REMEMBERED_USERS)

    async def probe(self) -> None:
        """Look at the root folder: one call that tells reach, token and folder. Where each user has a server, none."""
        if USER in self.upstream.url:
            return
        if (await self._server.facts(ContentPath.ROOT)).type is not Kind.DIRECTORY:
            raise nonsense("The configured folder is not a directory of the Jupyter server.")

    async def stat(self, path: ContentPath) -> Entry:
        """One call for a file. A directory is listed, for its etag; asked for its hash, it would be an error 500."""
        if path.is_root:
            return (await self.list(path)).entry
        try:
            answer = await self._server.get(path, "?type=file&content=0&hash=1")
        except Problem as problem:
            if problem.reason is not Reason.BAD_TYPE:
                raise
            return (await self.list(path)).entry
        return to_entry(path, decoded(answer, Facts))

    async def read(self, path: ContentPath) -> Document:
        """One call, which also takes a notebook as a file: as it is stored, not as the server would parse it.

        A second one when somebody else was changing the file: the server looks at its size before its bytes.
        """
        if path.is_root:
            raise invalid("The root is a directory.", reason=Reason.BAD_TYPE)
        document = await self._document(path) or await self._document(path)
        if document is None:
            raise nonsense()
        return document

    async def open(self, path: ContentPath) -> Stream:
        """Two calls for a file that is read whole: a look at its size first."""
        return await self._streams.open(path, self.read)

    async def list(self, path: ContentPath) -> Listing:
        answer = await self._server.get(path, "?type=directory&content=1")
        return await offloaded(len(answer.body), to_listing, path, answer)

    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        """Two calls: the save, and a look for the etag, which the answer to a save does not carry.

        A write that stands is not told as a failure because the server then falls silent: the digest of a plain file is
        known all the same. A notebook's is not, as the server writes that anew.
        """
        if path.is_root:
            raise _directory_in_the_way()
        saved = await offloaded(len(body), save_body, path, body)
        answer = await self._server.change("PUT", path, body=saved)
        if answer.status in (400, 500):
            raise await self._refused_save(path, answer)
        stored = decoded(expected(answer, 200, 201), Facts)
        try:
            entry = await self._looked_at(path)
        except Problem as problem:
            if problem.code not in _SILENCE or Kind.of_file(path) is Kind.NOTEBOOK:
                raise
            _log.warning("a stored file could not be looked at", code=problem.code.name)
            digest = await offloaded(len(body), sha256_hex, body)
            entry = to_entry(path, replace(stored, hash=digest, hash_algorithm="sha256", size=len(body)))
        return Written(entry, created=answer.status == 201)

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        """One call. A directory that the server will not delete whole (it says 400) is emptied first."""
        if path.is_root:
            raise invalid("The root cannot be deleted.")
        answer = await self._server.change("DELETE", path)
        if answer.status == 400:
            await self._empty(path, answer)
            answer = await self._server.change("DELETE", path)
            if answer.status == 400:
                detail = "The directory holds hidden files, which the storage behind this mount keeps."
                raise Problem(Code.CONFLICT, detail)
        if answer.status == 500 and await self._server.standing(path) is None:
            raise not_found()
        expected(answer, 204)

    async def make_directory(self, path: ContentPath) -> Entry:
        """Two calls: a look first, as the server is content with a directory that stands there already."""
        if path.is_root or await self._server.standing(path) is not None:
            raise already_exists()
        answer = await self._server.change("PUT", path, body=json_body(type="directory"))
        if answer.status in (400, 500):
            raise await self._refused_save(path, answer)
        return to_directory(path, decoded(expected(answer, 200, 201), Facts))

    async def move(self, source: ContentPath, target: ContentPath) -> Entry:
        """Two calls: the rename, and a look for the etag."""
        if source.is_root or target.is_root:
            raise invalid("The root cannot be moved or replaced.")
        answer = await self._server.change("PATCH", source, body=json_body(path=self._server.address(target)))
        if answer.status == 500:
            if await self._server.standing(source) is None:
                raise not_found()
            raise await self._bad_parent(target) or problem_from(answer)
        decoded(expected(answer, 200), Facts)
        return await self._looked_at(target)

    async def list_checkpoints(self, path: ContentPath) -> tuple[Checkpoint, ...]:
        return await self._checkpoints.list(path)

    async def create_checkpoint(self, path: ContentPath) -> Checkpoint:
        return await self._checkpoints.create(path)

    async def restore_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        await self._checkpoints.restore(path, checkpoint_id)

    async def delete_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        await self._checkpoints.delete(path, checkpoint_id)

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

    @property
    def upstream(self) -> Upstream:
        return self._server.upstream

    def address(self, path: ContentPath) -> str:
        return self._server.address(path)

    def inner(self, address: str) -> ContentPath | None:
        return self._server.inner(address)

    async def forward(self, request: Forward) -> Forwarded:
        """Of the answers only a refused credential is told as a problem: it is the gateway's own."""
        answer = await self._server.exchange(request)
        if answer.status in (401, 403):
            raise problem_from(answer)
        return Forwarded(answer.status, answer.body, answer.headers)

    def of(self, username: str | None) -> Backend:
        """``{user}`` in the server's address is the user's name."""
        if username is None or not is_plain_name(username) or "/" in username:
            raise Problem(Code.FORBIDDEN, "There is no server here for this name.")
        if username not in self._of_users:
            server = self._server.at(self.upstream.url.replace(USER, quote(username, safe="")))
            self._of_users[username] = JupyterBackend(server)
        return self._of_users[username]

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to the gateway."""

    async def _looked_at(self, path: ContentPath) -> Entry:
        """What stands there after a change, asked for once more when the server is silent."""
        try:
            return await self.stat(path)
        except Problem as problem:
            if problem.code not in _SILENCE:
                raise
        return await self.stat(path)

    async def _document(self, path: ContentPath) -> Document | None:
        answer = await self._server.get(path, "?type=file&content=1&hash=1")
        return await offloaded(len(answer.body), to_document, path, answer)

    async def _refused_save(self, path: ContentPath, answer: Answer) -> Problem:
        """Why a save failed: the server answers 500 for a missing folder, a file as folder, a folder in the way."""
        problem = await self._bad_parent(path)
        if problem is not None:
            return problem
        return _directory_in_the_way() if await self._server.is_directory(path) else problem_from(answer)

    async def _bad_parent(self, path: ContentPath) -> Problem | None:
        parent = await self._server.standing(path.parent)
        if parent is None:
            return not_found("The directory to hold it does not exist.")
        if parent.type is not Kind.DIRECTORY:
            return invalid("What should be its directory is a file.", reason=Reason.BAD_TYPE)
        return None

    async def _empty(self, path: ContentPath, refusal: Answer) -> None:
        if not await self._server.is_directory(path):
            raise problem_from(refusal)
        for entry in (await self.list(path)).entries:
            try:
                await self.delete(entry.path)
            except Problem as problem:
                if problem.code is not Code.NOT_FOUND:
                    raise


def _directory_in_the_way() -> Problem:
    return Problem(Code.CONFLICT, "A directory stands there.")
