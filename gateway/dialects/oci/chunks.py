"""Notebooks that are uploaded in chunks: what a chunk says, and what is done with it (spec oci 4.8)."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

import msgspec

from gateway.contents.model import Caller, Condition, Entry, Kind, sha256_hex
from gateway.contents.notebook import validate
from gateway.contents.offload import offloaded
from gateway.contents.operations import LAST_CHUNK, Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.contents.uploads import Assembled, UploadKey
from gateway.wire.contents_json import saved_bytes

_UPLOAD_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNTITLED = "Untitled.ipynb"
"""Stands for the name that the last chunk of a POST will get."""


class ChunkFields(msgspec.Struct, kw_only=True):
    """What the body of a POST or PUT says of the upload that it is a chunk of; all of it comes back in the answer."""

    upload_id: str | None = None
    upload_chunk_index: int | None = None
    total_chunks: int | None = None
    total_size_bytes: int | None = None
    sha256: str | None = None

    @property
    def is_chunk(self) -> bool:
        """Whether any of them is there: then the content is no notebook, and must never be stored as one."""
        fields = (self.upload_id, self.upload_chunk_index, self.total_chunks, self.total_size_bytes, self.sha256)
        return any(field is not None for field in fields)

    def acknowledgement(self) -> dict[str, str | int | None]:
        """The fields as the answer repeats them."""
        return {name: getattr(self, name) for name in ChunkFields.__struct_fields__}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A well-formed chunk. ``index`` counts from 1, -1 is the last; the other fields say what the whole is to be."""

    upload_id: str
    index: int
    body: bytes
    total_chunks: int | None
    total_size_bytes: int | None
    sha256: str | None

    @property
    def is_last(self) -> bool:
        return self.index == LAST_CHUNK

    def check(self, whole: Assembled) -> None:
        """INVALID unless the chunks together are what the last one says they are."""
        if self.total_chunks not in (None, whole.pieces):
            raise invalid(f"total_chunks is {self.total_chunks}, and {whole.pieces} chunks came.")
        if self.total_size_bytes not in (None, len(whole.body)):
            raise invalid(f"total_size_bytes is {self.total_size_bytes}, and {len(whole.body)} bytes came.")
        if self.sha256 is not None and not hmac.compare_digest(self.sha256, sha256_hex(whole.body)):
            raise invalid("sha256 is not the digest of what came; begin again with chunk 1.")


async def parse_chunk(
    fields: ChunkFields, content: msgspec.Raw | None, format_: str | None, kind: Kind | None
) -> Chunk:
    """The chunk in a body. INVALID, MISSING where something needed is not there."""
    if fields.upload_id is None or fields.upload_chunk_index is None or content is None:
        raise invalid("A chunk needs upload_id, upload_chunk_index and content.", reason=Reason.MISSING)
    if format_ not in (None, "json", "NULL"):
        raise invalid("A notebook is uploaded with format 'json'.", reason=Reason.BAD_FORMAT)
    if kind not in (None, Kind.NOTEBOOK):
        raise invalid("Only notebooks are uploaded in chunks.", reason=Reason.BAD_TYPE)
    _check_numbers(fields)
    sha256 = fields.sha256.lower() if fields.sha256 is not None else None
    if not _UPLOAD_ID.fullmatch(fields.upload_id) or (sha256 is not None and not _SHA256.fullmatch(sha256)):
        raise invalid("upload_id has up to 128 letters, digits, '.', '_' and '-'; sha256 has 64 hex digits.")
    body = await offloaded(memoryview(content).nbytes, saved_bytes, "base64", content)
    return Chunk(
        fields.upload_id, fields.upload_chunk_index, body, fields.total_chunks, fields.total_size_bytes, sha256
    )


def _check_numbers(fields: ChunkFields) -> None:
    index, total, size = fields.upload_chunk_index or 0, fields.total_chunks, fields.total_size_bytes
    if index != LAST_CHUNK and index < 1:
        raise invalid("upload_chunk_index counts from 1; the last chunk has -1.")
    if (total is not None and total < 1) or (size is not None and size < 1):
        raise invalid("total_chunks and total_size_bytes are at least 1.")
    if total is not None and index >= total:
        raise invalid(f"Chunk {index} of {total} must be the last one, which has upload_chunk_index -1.")


@dataclass(frozen=True, slots=True)
class Progress:
    """A chunk was taken, and the notebook is not there yet."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class UploadNotebook:
    """One chunk of the notebook ``path``, or of a new one in the directory ``path``; the last one stores it all.

    The notebook is written byte for byte, and must be valid (UNPROCESSABLE). A last chunk of a PUT that comes again
    after it was acted upon, as its answer was lost, is answered from what stands there, known by its digest.
    """

    caller: Caller
    path: ContentPath
    chunk: Chunk
    condition: Condition = None
    is_new: bool = False

    async def run(self, services: Services) -> Entry | Progress:
        target = self.path.child(_UNTITLED) if self.is_new else self.path
        services.contents.writable_place(self.caller, target)
        self._check_size(services)
        key = UploadKey(self.caller.key, self.path, self.chunk.upload_id)
        if not self.chunk.is_last:
            if self.chunk.index == 1:
                await services.contents.need_directory(self.caller, target.parent)
            return Progress(await services.uploads.add(key, self.chunk.index, self.chunk.body))
        if self.chunk.total_chunks == 1:
            return await self._stored(services, Assembled(self.chunk.body, 1))
        if not await services.uploads.is_under_way(key) and (entry := await self._stored_before(services)) is not None:
            return entry
        async with services.uploads.assembled(key, self.chunk.body) as whole:
            return await self._stored(services, whole)

    def _check_size(self, services: Services) -> None:
        if (self.chunk.total_size_bytes or 0) > services.uploads.max_bytes:
            raise Problem(Code.TOO_LARGE, f"The upload is larger than {services.uploads.max_bytes} bytes.")

    async def _stored(self, services: Services, whole: Assembled) -> Entry:
        await offloaded(len(whole.body), self.chunk.check, whole)
        await offloaded(len(whole.body), validate, whole.body)
        if self.is_new:
            return await services.contents.create_untitled(self.caller, self.path, Kind.NOTEBOOK, body=whole.body)
        try:
            return (await services.contents.write(self.caller, self.path, whole.body, self.condition)).entry
        except Problem as problem:
            stored = await self._stored_before(services) if problem.code is Code.PRECONDITION else None
            if stored is None:
                raise
            return stored

    async def _stored_before(self, services: Services) -> Entry | None:
        if self.is_new or self.chunk.sha256 is None:
            return None
        try:
            entry = await services.contents.stat(self.caller, self.path, with_sha256=True)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            return None
        return entry if entry.sha256 == self.chunk.sha256 else None
