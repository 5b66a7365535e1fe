"""The Nx1 store, an S3 bucket, as a backend."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from structlog import get_logger

from adapters.nx1 import checkpoints
from adapters.nx1.keys import checkpoint_key, key_of, prefix_of
from adapters.nx1.listing import (
    find_listing,
    holds_anything,
    is_directory,
    keep_folder,
    mark,
    refuse_file_above,
    unmark,
)
from adapters.nx1.objects import Facts, Objects
from adapters.nx1.probe import learn
from adapters.nx1.store import Store, StoreSettings, within
from adapters.nx1.streams import ObjectStream
from adapters.nx1.transfer import copy_absent, delete_folder, move_file, move_folder
from adapters.nx1.writing import dated, refuse_impossible, write_object
from gateway.contents.backend import Backend, Capability, Stream
from gateway.contents.model import (
    Absent,
    Checkpoint,
    Document,
    Entry,
    ETag,
    Listing,
    Matches,
    Precondition,
    Written,
    directory_entry,
    sha256_hex,
)
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, already_exists, invalid, not_found, stale
from gateway.wire.client import READ_SECONDS, WRITE_SECONDS, UpstreamClient, nonsense

_ALWAYS = frozenset(
    {
        Capability.ATOMIC_REPLACE,
        Capability.NATIVE_HASH,
        Capability.EMPTY_DIRECTORIES,
        Capability.BYTE_EXACT,
        Capability.IMPLICIT_PARENTS,
        Capability.LISTED_ETAGS,
    }
)
LEARNED = frozenset({Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE})
"""What depends on the store: ``probe`` finds out."""

_log = get_logger(__name__)


def create(
    client: UpstreamClient,
    *,
    bucket: str,
    endpoint_url: str | None = None,
    region: str = "us-east-1",
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
    addressing_style: str = "auto",
    create_bucket: bool = False,
) -> Backend:
    """A backend over one bucket; opens no connection before its first use, and that with S3's own client."""
    settings = StoreSettings(
        bucket,
        endpoint_url,
        region,
        access_key_id,
        secret_access_key,
        session_token,
        addressing_style,
        client.max_body_bytes,
    )
    return Nx1Backend(settings, create_bucket=create_bucket)


class Nx1Backend:
    """Implements Backend, SupportsStreaming, SupportsCopy, SupportsMove and SupportsCheckpoints."""

    def __init__(self, settings: StoreSettings, *, create_bucket: bool = False) -> None:
        self._settings = settings
        self._create_bucket = create_bucket
        self._store = Store(settings)
        self._objects = Objects(self._store)
        self._has_learned = False

    @property
    def capabilities(self) -> frozenset[Capability]:
        honoured = self._objects.honoured
        write = {Capability.CONDITIONAL_WRITE} if honoured.write else set()
        delete = {Capability.CONDITIONAL_DELETE} if honoured.delete else set()
        return _ALWAYS | write | delete

    @within(WRITE_SECONDS)
    async def probe(self) -> None:
        """One HEAD of the bucket; the first time also the trial of what the store honours."""
        try:
            await self._store.ask("head_bucket")
        except Problem as problem:
            if problem.code is Code.INVALID:
                raise Problem(
                    Code.INTERNAL, "The bucket of this mount has a name that no bucket can have."
                ) from problem
            if problem.code is not Code.NOT_FOUND:
                raise
            await self._make_bucket(problem)
        if not self._has_learned:
            self._objects.honoured = await learn(self._store)
            self._has_learned = True

    async def stat(self, path: ContentPath) -> Entry:
        facts = None if path.is_root else await self._objects.head(key_of(path))
        if facts is not None:
            return facts.entry(path)
        listing = await self._listing(path)
        if listing is None:
            raise not_found()
        return listing.entry

    @within(READ_SECONDS)
    async def read(self, path: ContentPath) -> Document:
        """One GET. The digest is of the bytes received: a foreign tool may have kept our metadata with other bytes."""
        if path.is_root:
            raise _a_directory()
        try:
            facts, body = await self._objects.get(key_of(path))
        except Problem as problem:
            if problem.code is Code.NOT_FOUND and await is_directory(self._objects, path):
                raise _a_directory() from problem
            raise
        digest = await offloaded(len(body), sha256_hex, body)
        return Document(facts.entry(path, sha256=digest), body)

    @within(READ_SECONDS)
    async def open(self, path: ContentPath) -> Stream:
        """A HEAD; the GET is sent for the first bytes."""
        facts = None if path.is_root else await self._objects.head(key_of(path))
        if facts is not None:
            return ObjectStream(self._objects, path, facts)
        if path.is_root or await is_directory(self._objects, path):
            raise _a_directory()
        raise not_found()

    async def list(self, path: ContentPath) -> Listing:
        listing = await self._listing(path)
        if listing is not None:
            return listing
        if await self._objects.head(key_of(path)) is not None:
            raise invalid("This path is not a directory.", reason=Reason.BAD_TYPE)
        raise not_found()

    @within(WRITE_SECONDS)
    async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
        """PUT and a HEAD for the date; a HEAD before when no condition tells what stands there, and a look around when
        the file is new."""
        if path.is_root:
            raise Problem(Code.CONFLICT, "A directory stands at that path.")
        written, is_new = await write_object(self._objects, path, body, precondition)
        return Written(written.entry(path), created=is_new)

    async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
        """The parent folder is marked first when this is the last thing in it, as people expect it to stay."""
        if path.is_root:
            raise invalid("The root cannot be deleted.")
        facts = await self._objects.head(key_of(path))
        if facts is None:
            if not await is_directory(self._objects, path):
                raise not_found()
            await keep_folder(self._objects, path)
            await delete_folder(self._objects, path)
            return
        revision = precondition.etag if isinstance(precondition, Matches) else None
        if revision is not None and revision != facts.etag:
            raise stale()
        await keep_folder(self._objects, path)
        await self._objects.remove(key_of(path), revision)
        await self._objects.remove(checkpoint_key(path))

    @within(WRITE_SECONDS)
    async def remove_empty(self, path: ContentPath) -> None:
        """Whatever key is below counts, also one that no path can name."""
        if path.is_root:
            raise invalid("The root cannot be deleted.")
        if not await is_directory(self._objects, path):
            if await self._objects.head(key_of(path)) is None:
                raise not_found()
            raise invalid("This is not a directory.", reason=Reason.BAD_TYPE)
        if await holds_anything(self._objects, path):
            raise Problem(Code.CONFLICT, "The directory is not empty.")
        await keep_folder(self._objects, path)
        await unmark(self._objects, path)

    @within(WRITE_SECONDS)
    async def make_directory(self, path: ContentPath) -> Entry:
        if await self._exists(path):
            raise already_exists()
        await refuse_file_above(self._objects, path)
        await mark(self._objects, path)
        facts = await self._objects.head(prefix_of(path))
        return directory_entry(path, modified=facts.modified if facts else None)

    @within(WRITE_SECONDS)
    async def copy(self, source: ContentPath, target: ContentPath) -> Written:
        facts = None if source.is_root else await self._objects.head(key_of(source))
        if facts is None:
            if await is_directory(self._objects, source):
                raise _a_directory()
            raise not_found()
        await refuse_impossible(self._objects, target, Absent())
        etag = await copy_absent(self._objects, key_of(source), facts, key_of(target))
        return Written(await self._carried(facts, etag, target), created=True)

    async def move(self, source: ContentPath, target: ContentPath) -> Entry:
        if source.is_root or target.is_root or target.starts_with(source):
            raise invalid("A directory cannot be moved into itself.")
        facts = await self._objects.head(key_of(source))
        if facts is None and not await is_directory(self._objects, source):
            raise not_found()
        if await self._exists(target):
            raise already_exists()
        await refuse_file_above(self._objects, target)
        await keep_folder(self._objects, source)
        if facts is None:
            await move_folder(self._objects, source, target)
            return await self.stat(target)
        try:
            etag = await move_file(self._objects, source, facts, target)
        except Problem as problem:
            raise (already_exists() if problem.code is Code.PRECONDITION else problem) from problem
        return await self._carried(facts, etag, target)

    async def list_checkpoints(self, path: ContentPath) -> tuple[Checkpoint, ...]:
        return await checkpoints.find(self._objects, path)

    async def create_checkpoint(self, path: ContentPath) -> Checkpoint:
        return await checkpoints.save(self._objects, path)

    async def restore_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        await checkpoints.restore(self._objects, path, checkpoint_id)

    async def delete_checkpoint(self, path: ContentPath, checkpoint_id: str) -> None:
        await checkpoints.forget(self._objects, path, checkpoint_id)

    async def aclose(self) -> None:
        await self._store.aclose()

    @within(READ_SECONDS)
    async def _listing(self, path: ContentPath) -> Listing | None:
        return await find_listing(self._objects, path)

    async def _make_bucket(self, missing: Problem) -> None:
        if not self._create_bucket:
            raise nonsense("The bucket of this mount does not exist.") from missing
        region = self._settings.region
        # us-east-1 is the one region that S3 refuses as an explicit place.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            await self._store.change("create_bucket", **place)
        except Problem as problem:
            if problem.code is not Code.CONFLICT:
                raise
            # Another replica has just made it, or it is another customer's, as this will show.
            await self._store.ask("head_bucket")
            return
        _log.info("bucket created", bucket=self._settings.bucket)

    async def _carried(self, facts: Facts, etag: ETag, target: ContentPath) -> Entry:
        """The copy as it was made, whatever stands there by now."""
        known = facts.metadata if etag == facts.etag else {}
        made = replace(facts, etag=etag, modified=datetime.now(UTC).replace(microsecond=0), metadata=known)
        return (await dated(self._objects, key_of(target), made)).entry(target)

    async def _exists(self, path: ContentPath) -> bool:
        if path.is_root:
            return True
        file, folder = await asyncio.gather(self._objects.head(key_of(path)), is_directory(self._objects, path))
        return folder or file is not None


def _a_directory() -> Problem:
    return invalid("This path is a directory.", reason=Reason.BAD_TYPE)
