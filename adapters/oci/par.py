"""Large files past the API: by pre-authenticated URLs to Oracle's object storage, where the service offers them.

Spec oci 6. The URL carries its own permission, so nothing of ours goes with it: no signature, no header of the API.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import msgspec
from structlog import get_logger
from yarl import URL

from adapters.oci.addresses import fits_header
from adapters.oci.errors import busy
from adapters.oci.models import Receipt, date_of, decoded
from adapters.oci.workspace import Workspace
from gateway.contents.model import Span
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.wire.client import Answer, OpenAnswer
from gateway.wire.conditions import received_etag
from gateway.wire.partial import received

LARGE_BYTES = 8 << 20
"""From this size on the detour is worth its two calls more."""

_UPLOAD = "uploadFileMeta?isOverwrite=true"
_REFUSALS = frozenset({Code.INVALID, Code.NOT_FOUND, Code.CONFLICT, Code.UNSUPPORTED})
_PAUSE_SECONDS = 300.0
"""So long a service that has refused is not asked again."""
_log = get_logger(__name__)


class _Meta(msgspec.Struct, rename="camel"):
    par_url: str | None = None
    e_tag: str | None = msgspec.field(default=None, name="eTag")
    updated_time: str | float | None = None


class _Step(msgspec.Struct, rename="camel", omit_defaults=True):
    action: str
    e_tag: str | None = msgspec.field(default=None, name="eTag")
    size: int | None = None


class Detour:
    """Uploads and downloads of one workspace past its API.

    UNSUPPORTED when nothing was changed and the API is to be asked instead, as it will be for some minutes.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._closed_until = 0.0

    def is_open(self, path: ContentPath, size_bytes: int | None) -> bool:
        """Whether a file of this size should go this way."""
        return (
            size_bytes is not None
            and size_bytes >= LARGE_BYTES
            and time.monotonic() >= self._closed_until
            and fits_header(self._workspace.address(path))
        )

    async def download(self, path: ContentPath) -> tuple[bytes, Receipt]:
        """The bytes as they are stored."""
        meta = await self._asked("downloadFileMeta", path, None)
        return (await self._past("GET", meta)).body, Receipt(None, date_of(meta.updated_time))

    async def pieces(
        self, path: ContentPath, span: Span, size_bytes: int, check: Callable[[Receipt], None]
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of the span of a file of that size as they come. ``check`` sees what is told of them before."""
        meta = await self._asked("downloadFileMeta", path, None)
        check(Receipt(None, date_of(meta.updated_time)))

        def accept(answer: OpenAnswer) -> None:
            if not answer.is_success:
                raise self._closed(f"its storage answers {answer.status}")

        url, is_begun = self._usable(meta.par_url or ""), False
        try:
            async with aclosing(received(self._workspace.client, url, {}, span, size_bytes, accept)) as pieces:
                async for piece in pieces:
                    is_begun = True
                    yield piece
        except Problem as problem:
            if is_begun or problem.code is not Code.UNAVAILABLE:
                raise
            raise self._closed("its storage cannot be reached") from problem

    async def upload(self, path: ContentPath, body: bytes) -> Receipt:
        """Store the bytes, whole or not at all, in the place of those that stand there."""
        stored = await self._past("PUT", await self._asked(_UPLOAD, path, _Step("CREATE")), body)
        try:
            meta = await self._called(_UPLOAD, path, _Step("UPDATE", stored.headers.get("etag", ""), len(body)))
        except Problem as problem:
            if problem.code not in (Code.PRECONDITION, Code.NOT_FOUND):
                raise
            raise busy("Somebody else uploads the same file; try again.") from problem
        return Receipt(received_etag(meta.e_tag), date_of(meta.updated_time))

    async def _asked(self, action: str, path: ContentPath, step: _Step | None) -> _Meta:
        try:
            return await self._called(action, path, step)
        except Problem as problem:
            if problem.code not in _REFUSALS or problem.reason is Reason.BUSY:
                raise
            raise self._closed("the service refuses it") from problem

    async def _called(self, action: str, path: ContentPath, step: _Step | None) -> _Meta:
        headers = {"path": self._workspace.address(path), "type": "FILE"}
        body = b"" if step is None else msgspec.json.encode(step)
        return decoded(await self._workspace.send("POST", f"/actions/{action}", headers, body), _Meta)

    async def _past(self, method: str, meta: _Meta, body: bytes | None = None) -> Answer:
        url = self._usable(meta.par_url or "")
        try:
            answer = await self._workspace.client.send(method, url, body=body)
        except Problem as problem:
            if problem.code is not Code.UNAVAILABLE:
                raise
            raise self._closed("its storage cannot be reached") from problem
        if answer.status not in (200, 201, 204):
            raise self._closed(f"its storage answers {answer.status}")
        return answer

    def _usable(self, text: str) -> URL:
        """The URL, if it is one to follow: over TLS, unless the service itself is reached without."""
        try:
            url = URL(text, encoded=True)
        except ValueError as error:
            raise self._closed("its URL is none") from error
        schemes = {"https", URL(self._workspace.where.endpoint).scheme}
        if url.scheme not in schemes or not url.host or url.user is not None:
            raise self._closed("its URL is not to be followed")
        return url

    def _closed(self, reason: str) -> Problem:
        self._closed_until = time.monotonic() + _PAUSE_SECONDS
        _log.info("large files go through the API for some minutes", reason=reason)
        return Problem(Code.UNSUPPORTED, "The storage behind this mount moves no files past its API.")
