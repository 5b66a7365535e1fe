"""Objects of the bucket as the adapter sees them: facts, bytes, conditions in the form this store understands."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.nx1.keys import is_possible
from adapters.nx1.store import Answer, Store
from gateway.contents.model import Absent, Entry, ETag, Kind, Matches, Precondition
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.wire.client import nonsense
from gateway.wire.conditions import received_etag
from gateway.wire.dates import parse_http_date

DIGEST = "sha256"

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Honoured:
    """Which conditions the store keeps, and whether it wants the etag quoted. Nothing is assumed before the probe."""

    create: bool = False
    replace: bool = False
    delete: bool = False
    copy: bool = False
    quoted: bool = True

    @property
    def write(self) -> bool:
        return self.create and self.replace

    def spelled(self, etag: ETag) -> str:
        return f'"{etag}"' if self.quoted else etag


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one revision of one object; the date has whole seconds, as listings and headers give it."""

    etag: ETag
    size: int
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/octet-stream"

    @property
    def sha256(self) -> str | None:
        """As the gateway noted it when it wrote the object; others leave none."""
        digest = self.metadata.get(DIGEST, "")
        return digest if _DIGEST.fullmatch(digest) else None

    def entry(self, path: ContentPath, *, sha256: str | None = None) -> Entry:
        return Entry(
            path,
            Kind.of_file(path),
            self.modified,
            self.modified,
            etag=self.etag,
            size=self.size,
            sha256=sha256 or self.sha256,
        )


class Objects:
    """Reads and changes single objects. Which conditions may be given is for the caller to know (``honoured``)."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.honoured = Honoured()

    async def head(self, key: str) -> Facts | None:
        """The object's facts, None when there is no such object."""
        if not is_possible(key):
            return None
        try:
            return facts_of(await self.store.ask("head_object", Key=key))
        except Problem as problem:
            if problem.code is Code.NOT_FOUND:
                return None
            raise

    async def get(self, key: str) -> tuple[Facts, bytes]:
        """The object with its bytes; NOT_FOUND."""
        answer, body = await self.store.fetch(key)
        return facts_of(answer), body

    async def put(
        self, key: str, body: bytes, content_type: str, metadata: Mapping[str, str], condition: Precondition = None
    ) -> Facts:
        """Store the object; facts with the answer's own date, which may be a second off the store's."""
        answer = await self.store.change(
            "put_object",
            Key=key,
            Body=body,
            ContentType=content_type,
            Metadata=_sendable(metadata),
            **self._spelled(condition),
        )
        date = parse_http_date(str(answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date", "")))
        now = (date or datetime.now(UTC)).replace(microsecond=0)
        return Facts(unquoted(answer.get("ETag")), len(body), now, metadata, content_type)

    async def copy(
        self,
        source: str,
        target: str,
        *,
        revision: ETag | None = None,
        absent: bool = False,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "",
    ) -> ETag:
        """Copy within the store. The metadata is kept unless new is given. ``revision`` is a wish that not every store
        honours; ``absent`` is for stores that have shown they do."""
        arguments: dict[str, Any] = {}
        if revision is not None:
            arguments["CopySourceIfMatch"] = self.honoured.spelled(revision)
        if absent:
            arguments["IfNoneMatch"] = "*"
        if metadata is not None:
            arguments |= {"MetadataDirective": "REPLACE", "Metadata": _sendable(metadata), "ContentType": content_type}
        origin = {"Bucket": self.store.settings.bucket, "Key": source}
        answer = await self.store.change("copy_object", Key=target, CopySource=origin, **arguments)
        return unquoted(answer.get("CopyObjectResult", {}).get("ETag"))

    async def remove(self, key: str, revision: ETag | None = None) -> None:
        """Delete the object; S3 does not say whether it was there. ``revision`` counts where the store keeps it."""
        if not is_possible(key):
            return
        condition = Matches(revision) if revision is not None and self.honoured.delete else None
        await self.store.change("delete_object", Key=key, **self._spelled(condition))

    async def pages(self, prefix: str, *, delimiter: str = "", limit: int = 1000) -> AsyncIterator[Answer]:
        """All pages of a listing, in the order of keys; none when no key can begin so."""
        if not is_possible(prefix):
            return
        arguments: dict[str, Any] = {"Prefix": prefix, "MaxKeys": limit}
        if delimiter:
            arguments["Delimiter"] = delimiter
        seen = set[str]()
        while True:
            page = await self.store.ask("list_objects_v2", **arguments)
            if "IsTruncated" not in page:
                raise nonsense()
            yield page
            if not page["IsTruncated"]:
                return
            token = page.get("NextContinuationToken")
            if not token or token in seen:
                raise nonsense("The storage behind this mount does not tell where a listing goes on.")
            seen.add(token)
            arguments["ContinuationToken"] = token

    async def any_below(self, prefix: str) -> bool:
        """Whether a key begins with the prefix."""
        page = await anext(self.pages(prefix, limit=1), None)
        return page is not None and bool(page.get("Contents"))

    def _spelled(self, condition: Precondition) -> dict[str, str]:
        match condition:
            case Absent():
                return {"IfNoneMatch": "*"}
            case Matches(etag):
                return {"IfMatch": self.honoured.spelled(etag)}
        return {}


def facts_of(answer: Mapping[str, Any]) -> Facts:
    """The facts in the answer of HEAD or GET, or in one item of a listing. UPSTREAM when one is missing."""
    size = answer.get("ContentLength", answer.get("Size"))
    if size is None:
        raise nonsense()
    return Facts(
        unquoted(answer.get("ETag")),
        size,
        date_of(answer),
        answer.get("Metadata", {}),
        answer.get("ContentType", "application/octet-stream"),
    )


def date_of(answer: Mapping[str, Any]) -> datetime:
    """LastModified in UTC and whole seconds: botocore answers in the zone it likes, some stores list fractions."""
    modified = answer.get("LastModified")
    if not isinstance(modified, datetime):
        raise nonsense()
    return modified.astimezone(UTC).replace(microsecond=0)


def unquoted(etag: object) -> ETag:
    """The etag as it is held inside. UPSTREAM when there is none."""
    received = received_etag(etag)
    if received is None:
        raise nonsense("The storage behind this mount gave no etag.")
    return received


def _sendable(metadata: Mapping[str, str]) -> dict[str, str]:
    """Without what other tools have noted in letters that no header can carry."""
    return {name: value for name, value in metadata.items() if name.isascii() and value.isascii()}
