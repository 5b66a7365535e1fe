"""What a caller can ask for: frozen dataclasses, each complete in itself, each one call of ``Contents``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from gateway.contents.apps import Apps
from gateway.contents.compute import Session, SessionChange
from gateway.contents.exports import Exports
from gateway.contents.model import EPOCH, Caller, Checkpoint, Condition, Document, Entry, Kind, Listing, Written
from gateway.contents.notebook import stored_form
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem, Reason, invalid
from gateway.contents.servers import Servers
from gateway.contents.service import Contents
from gateway.contents.sessions import Sessions
from gateway.contents.streams import Streams
from gateway.contents.trust import Trust
from gateway.contents.uploads import UploadKey, Uploads

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Services:
    """What operations run against."""

    contents: Contents
    apps: Apps
    uploads: Uploads
    sessions: Sessions
    exports: Exports
    servers: Servers
    trust: Trust
    streams: Streams


class Operation(Protocol[R_co]):
    """One complete thing to do. Those that act on contents call the place where they do ``path``."""

    async def run(self, services: Services) -> R_co: ...


@dataclass(frozen=True, slots=True)
class Nothing:
    """Answers from what the request and the configuration say."""

    async def run(self, services: Services) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Stat:
    caller: Caller
    path: ContentPath
    with_sha256: bool = False

    async def run(self, services: Services) -> Entry:
        return await services.contents.stat(self.caller, self.path, with_sha256=self.with_sha256)


@dataclass(frozen=True, slots=True)
class Get:
    """Whatever stands at the path, with its content: one call when ``kind`` is given or the name tells, else two.

    A name with a dot is taken for a file's, any other for a directory's. INVALID (bad type) when ``kind`` is given and
    something of another kind stands there.
    """

    caller: Caller
    path: ContentPath
    kind: Kind | None = None

    async def run(self, services: Services) -> Document | Listing:
        guesses = [self._read, self._list] if "." in self.path.name else [self._list, self._read]
        if self.kind is not None:
            guesses = [self._list if self.kind is Kind.DIRECTORY else self._read]
        for guess in guesses[:-1]:
            try:
                return await guess(services.contents)
            except Problem as problem:
                if problem.reason is not Reason.BAD_TYPE:
                    raise
        return await guesses[-1](services.contents)

    async def _list(self, contents: Contents) -> Document | Listing:
        return await contents.list(self.caller, self.path)

    async def _read(self, contents: Contents) -> Document | Listing:
        return await contents.read(self.caller, self.path)


@dataclass(frozen=True, slots=True)
class Write:
    """Store bytes as they are."""

    caller: Caller
    path: ContentPath
    body: bytes
    condition: Condition = None

    async def run(self, services: Services) -> Written:
        return await services.contents.write(self.caller, self.path, self.body, self.condition)


@dataclass(frozen=True, slots=True)
class SavedNotebook:
    written: Written
    message: str | None


@dataclass(frozen=True, slots=True)
class SaveNotebook:
    """Store a notebook given as JSON, in the one stored form. ``strict`` refuses schema faults (UNPROCESSABLE).

    Its name must end in ``.ipynb`` (INVALID) unless ``any_name`` will do; then it is a notebook to who asks for one.
    With ``vouches`` its marks say what the caller has run or approved, and are remembered apart from it.
    """

    caller: Caller
    path: ContentPath
    content: bytes
    condition: Condition = None
    strict: bool = False
    any_name: bool = False
    vouches: bool = False

    async def run(self, services: Services) -> SavedNotebook:
        if not self.any_name and Kind.of_file(self.path) is not Kind.NOTEBOOK:
            raise invalid("A notebook's name ends in .ipynb.", reason=Reason.BAD_TYPE)
        stored = await offloaded(len(self.content), stored_form, self.content, strict=self.strict)
        written = await services.contents.write(self.caller, self.path, stored.body, self.condition)
        if self.vouches and stored.is_approved:
            await self._vouch(services, written.entry)
        return SavedNotebook(written, stored.message)

    async def _vouch(self, services: Services, entry: Entry) -> None:
        """The save stands, whatever comes of this. What somebody else has written since is not vouched for."""
        stored = entry
        if entry.sha256 is None:
            try:
                stored = await services.contents.stat(self.caller, self.path, with_sha256=True)
            except Problem:
                return
        if stored.sha256 is not None and stored.etag == entry.etag:
            await services.trust.vouch(self.caller, stored.sha256)


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Make a directory; one that exists already is fine and returned."""

    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> Entry:
        try:
            return await services.contents.make_directory(self.caller, self.path)
        except Problem as problem:
            if problem.reason is not Reason.EXISTS:
                raise
        entry = await services.contents.stat(self.caller, self.path)
        if entry.kind is not Kind.DIRECTORY:
            raise invalid("A file of that name exists.", reason=Reason.BAD_TYPE)
        return entry


@dataclass(frozen=True, slots=True)
class CreateUntitled:
    """A new thing in the directory ``path``."""

    caller: Caller
    path: ContentPath
    kind: Kind
    extension: str = ""

    async def run(self, services: Services) -> Entry:
        return await services.contents.create_untitled(self.caller, self.path, self.kind, self.extension)


@dataclass(frozen=True, slots=True)
class CopyInto:
    """A copy of ``source`` in the directory ``path``."""

    caller: Caller
    source: ContentPath
    path: ContentPath

    async def run(self, services: Services) -> Entry:
        return await services.contents.copy_into(self.caller, self.source, self.path)


@dataclass(frozen=True, slots=True)
class Move:
    """Rename ``path`` to ``target``."""

    caller: Caller
    path: ContentPath
    target: ContentPath
    condition: Condition = None

    async def run(self, services: Services) -> Entry:
        return await services.contents.move(self.caller, self.path, self.target, self.condition)


@dataclass(frozen=True, slots=True)
class Delete:
    caller: Caller
    path: ContentPath
    condition: Condition = None
    recursive: bool = True

    async def run(self, services: Services) -> None:
        await services.contents.delete(self.caller, self.path, self.condition, recursive=self.recursive)


LAST_CHUNK = -1


@dataclass(frozen=True, slots=True)
class UploadChunk:
    """One piece of a file that arrives in several requests: 1, 2, ... and -1 for the last, as JupyterLab sends them.

    Caller and path name the upload. Nothing is kept for a caller who may not write there, or where the last piece would
    find no directory.
    """

    caller: Caller
    path: ContentPath
    number: int
    body: bytes
    condition: Condition = None

    async def run(self, services: Services) -> Entry | Written:
        services.contents.writable_place(self.caller, self.path)
        key = UploadKey(self.caller.key, self.path)
        if self.number == LAST_CHUNK:
            async with services.uploads.assembled(key, self.body) as whole:
                return await services.contents.write(self.caller, self.path, whole.body, self.condition)
        if self.number == 1:
            await services.contents.need_directory(self.caller, self.path.parent)
        size = await services.uploads.add(key, self.number, self.body)
        return Entry(self.path, Kind.of_file(self.path), EPOCH, EPOCH, size=size)


@dataclass(frozen=True, slots=True)
class ListCheckpoints:
    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> tuple[Checkpoint, ...]:
        return await services.contents.list_checkpoints(self.caller, self.path)


@dataclass(frozen=True, slots=True)
class CreateCheckpoint:
    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> Checkpoint:
        return await services.contents.create_checkpoint(self.caller, self.path)


@dataclass(frozen=True, slots=True)
class RestoreCheckpoint:
    caller: Caller
    path: ContentPath
    checkpoint_id: str

    async def run(self, services: Services) -> None:
        await services.contents.restore_checkpoint(self.caller, self.path, self.checkpoint_id)


@dataclass(frozen=True, slots=True)
class DeleteCheckpoint:
    caller: Caller
    path: ContentPath
    checkpoint_id: str

    async def run(self, services: Services) -> None:
        await services.contents.delete_checkpoint(self.caller, self.path, self.checkpoint_id)


@dataclass(frozen=True, slots=True)
class ListSessions:
    """The sessions of the files below ``path``; those of the other operations are in it, too."""

    caller: Caller
    path: ContentPath

    async def run(self, services: Services) -> tuple[Session, ...]:
        return await services.sessions.list(self.caller, self.path)


@dataclass(frozen=True, slots=True)
class GetSession:
    caller: Caller
    path: ContentPath
    session_id: str

    async def run(self, services: Services) -> Session:
        return await services.sessions.get(self.caller, self.path, self.session_id)


@dataclass(frozen=True, slots=True)
class StartSession:
    caller: Caller
    path: ContentPath
    wanted: SessionChange

    async def run(self, services: Services) -> Session:
        return await services.sessions.start(self.caller, self.path, self.wanted)


@dataclass(frozen=True, slots=True)
class ChangeSession:
    caller: Caller
    path: ContentPath
    session_id: str
    change: SessionChange
    condition: Condition = None

    async def run(self, services: Services) -> Session:
        return await services.sessions.change(self.caller, self.path, self.session_id, self.change, self.condition)


@dataclass(frozen=True, slots=True)
class EndSession:
    caller: Caller
    path: ContentPath
    session_id: str
    condition: Condition = None

    async def run(self, services: Services) -> None:
        await services.sessions.end(self.caller, self.path, self.session_id, self.condition)
