"""The wire of one OCI workspace: its addresses, its signed requests, and its answers as facts (spec oci 2, 4, 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

import msgspec
from yarl import URL

from adapters.oci.errors import problem_from
from gateway.contents.model import EPOCH, Entry, ETag, Kind, directory_entry
from gateway.contents.offload import LARGE_BYTES
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.wire.client import Answer, UpstreamClient, nonsense
from gateway.wire.conditions import received_etag
from gateway.wire.dates import parse_wire_date
from gateway.wire.signature import SigningKey, sign

T = TypeVar("T")

PAGE_SIZE = 100
_QUICK_KEY_BITS = 2048
_FOLDER_TYPES = frozenset({"FOLDER", "DIRECTORY"})


class Facts(msgspec.Struct):
    """The contents model, of which every field may be missing or of the other spelling (quirks 3 to 5)."""

    name: str = ""
    path: str = ""
    type: str = ""
    writable: bool | None = None
    created: str | float | None = None
    last_modified: str | float | None = None
    size: int | None = None
    format: str | None = None
    content: msgspec.Raw = msgspec.Raw(b"null")


class Object(msgspec.Struct, rename="camel"):
    """One item of a listing; it has neither size nor contents etag."""

    path: str
    type: str = ""
    time_created: str | float | None = None
    time_updated: str | float | None = None


class _Page(msgspec.Struct):
    items: list[Object] = []


class Workspace:
    """Signed requests to one workspace. Every unsuccessful answer is raised as its Problem."""

    def __init__(self, client: UpstreamClient, key: SigningKey, base: str, folder: ContentPath) -> None:
        self._client = client
        self._key = key
        self._base = base
        self._folder = folder
        self._etag_dress: tuple[str, str] | None = None

    def address(self, path: ContentPath) -> str:
        """The service's own absolute path, ``/Workspace/...``."""
        return "/" + str(self._folder.join(path))

    async def contents(
        self, method: str, path: ContentPath, query: str = "", *, body: object = None, etag: ETag | None = None
    ) -> Answer:
        """One contents call. The path travels as a single segment, its leading slash encoded too (spec oci 2.1)."""
        headers = {"if-match": await self._dressed(path, etag)} if etag is not None else {}
        target = f"/notebook/api/contents/{_segment(self.address(path))}{query}"
        return await self.send(method, target, headers, b"" if body is None else msgspec.json.encode(body))

    async def objects(self, path: ContentPath) -> list[Object]:
        """All objects directly in the folder, over all pages."""
        found: list[Object] = []
        page, seen = "", set[str]()
        while True:
            query = f"path={_segment(self.address(path))}&limit={PAGE_SIZE}"
            answer = await self.send("GET", f"/objects?{query}" + (f"&page={_segment(page)}" if page else ""), {})
            found += _decoded(answer, _Page).items
            page = answer.headers.get("opc-next-page", "")
            if not page:
                return found
            if page in seen:
                raise nonsense("The storage behind this mount repeats the pages of a listing.")
            seen.add(page)

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Sign and send; ``target`` begins after the workspace's own address."""
        url = URL(f"{self._base}{target}", encoded=True)
        given = {"accept": "application/json", "content-type": "application/json", **headers}
        signed = given | await self._signed(method, url, given, body)
        answer = await self._client.send(method, url, headers=signed, body=body or None)
        if not 200 <= answer.status < 300:
            raise problem_from(answer)
        return answer

    async def _signed(self, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        if self._key.private_key.key_size <= _QUICK_KEY_BITS and len(body) < LARGE_BYTES:
            return sign(self._key, method, url, headers, body)
        return await asyncio.to_thread(sign, self._key, method, url, headers, body)

    def etag_of(self, answer: Answer) -> ETag | None:
        """The contents etag, unquoted. How the service dresses it is remembered, to hand it back as it came."""
        text = answer.headers.get("etag", "").strip()
        bare = received_etag(text)
        if bare is not None:
            start = len(text.rstrip('"')) - len(bare)
            self._etag_dress = (text[:start], text[start + len(bare) :])
        return bare

    async def _dressed(self, path: ContentPath, etag: ETag) -> str:
        """The etag as the service would write it; a gateway that has seen none of its etags yet looks at one first."""
        if self._etag_dress is None:
            self.etag_of(await self.contents("GET", path, "?content=0"))
        before, after = self._etag_dress or ("", "")
        return f"{before}{etag}{after}"


def facts_of(answer: Answer) -> Facts:
    """The contents model of an answer; UPSTREAM when it is none."""
    return _decoded(answer, Facts)


def entry_of(path: ContentPath, facts: Facts, etag: ETag | None) -> Entry:
    """A file's facts. A notebook has no size: the service counts bytes of a form of its own, which nobody else sees."""
    modified = parse_wire_date(facts.last_modified) or EPOCH
    kind = Kind.of_file(path)
    return Entry(
        path,
        kind,
        modified=modified,
        created=parse_wire_date(facts.created) or modified,
        etag=etag,
        size=facts.size if kind is Kind.FILE else None,
        writable=facts.writable is not False,
    )


def directory_of(path: ContentPath, facts: Facts, entries: tuple[Entry, ...] = ()) -> Entry:
    """A directory's facts; its children, where they are known, make its etag."""
    modified = parse_wire_date(facts.last_modified)
    return directory_entry(path, entries, modified=modified, writable=facts.writable is not False)


def child_entry(parent: ContentPath, item: Object) -> Entry | None:
    """A listed object's facts; None when its name cannot be addressed. ``compositeEtag`` is no contents etag."""
    name = last_name(item.path)
    if not is_plain_name(name):
        return None
    path = parent.child(name)
    kind = Kind.DIRECTORY if item.type in _FOLDER_TYPES else Kind.of_file(path)
    modified = parse_wire_date(item.time_updated) or parse_wire_date(item.time_created) or EPOCH
    return Entry(path, kind, modified, parse_wire_date(item.time_created) or modified)


def last_name(path: str) -> str:
    """The last name of a path that may or may not begin or end with a slash (quirk 3)."""
    return path.rstrip("/").rpartition("/")[2]


def _decoded(answer: Answer, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise nonsense() from error


def _segment(text: str) -> str:
    return quote(text, safe="~")
