"""The nouns every dialect and adapter shares. Etags are held unquoted inside and quoted only at the edge."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NewType

from gateway.contents.paths import ContentPath

ETag = NewType("ETag", str)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """What stands at a path. Whether a file is a notebook is told by its name alone, as Jupyter does."""

    DIRECTORY = "directory"
    NOTEBOOK = "notebook"
    FILE = "file"

    @classmethod
    def of_file(cls, path: ContentPath) -> Kind:
        return cls.NOTEBOOK if path.name.endswith(".ipynb") else cls.FILE


class Credential(StrEnum):
    """Which kind of credential proved who the caller is."""

    TOKEN = "jupyter-token"
    PSK = "psk"
    JWT = "jwt"
    SIGNATURE = "oci-signature"
    COOKIE = "login-cookie"
    UPSTREAM = "upstream-login"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: one identity, whatever credential proved it. A platform key is no user: its ``username`` is None."""

    username: str | None
    credential: Credential
    roles: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """What tells callers apart where something is remembered for one of them."""
        return f"user:{self.username}" if self.username is not None else "platform"


@dataclass(frozen=True, slots=True)
class Entry:
    """Facts about one file, notebook or directory, without its content.

    ``modified`` and ``created`` are aware UTC. ``size`` is in bytes, None for directories and where the store does not
    say. ``sha256`` is of the stored bytes, lower-case hex, None where it is not known without reading. ``etag`` is None
    only in listings of stores that do not list etags; a directory's etag is weak.
    """

    path: ContentPath
    kind: Kind
    modified: datetime
    created: datetime
    etag: ETag | None = None
    size: int | None = None
    sha256: str | None = None
    writable: bool = True

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True, slots=True)
class Document:
    """An entry with its bytes, exactly as stored."""

    entry: Entry
    body: bytes


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a file, from ``start`` to before ``stop``; the first is number 0."""

    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Listing:
    """A directory and what stands directly in it, in no particular order."""

    entry: Entry
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """The entry as it stands after a write, and whether there was nothing before."""

    entry: Entry
    created: bool


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A saved state of one file; ``modified`` is the file's own date at that time, as in Jupyter."""

    id: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class Absent:
    """The path must not exist."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The path must exist and carry exactly this etag."""

    etag: ETag


Precondition = Absent | Matches | None


@dataclass(frozen=True, slots=True)
class MatchesAny:
    """What a client may ask for beyond ``Matches``: one of several etags, or (``etags`` empty) that the path exists.

    ``Contents`` turns it into a ``Matches`` of the current etag before a backend sees it, so it stays atomic.
    """

    etags: tuple[ETag, ...] = ()


Condition = Precondition | MatchesAny


def holds(condition: Condition, current: ETag | None) -> bool:
    """Whether the condition is true of what stands there with the etag ``current``, None where nothing does."""
    match condition:
        case Absent():
            return current is None
        case Matches(etag):
            return current == etag
        case MatchesAny(etags):
            return current is not None and (not etags or current in etags)
    return True


def sha256_hex(body: bytes) -> str:
    """The digest by which the gateway names bytes everywhere."""
    return hashlib.sha256(body).hexdigest()


def listing_etag(entries: Iterable[Entry]) -> ETag:
    """The weak etag of a directory: a digest of its children's names, kinds, sizes and dates."""
    digest = hashlib.sha256()
    for entry in sorted(entries, key=lambda each: each.path.segments):
        facts = (entry.name, entry.kind.value, entry.size, entry.etag, entry.modified.isoformat())
        digest.update(repr(facts).encode())
    return ETag(digest.hexdigest()[:32])


def directory_entry(
    path: ContentPath, entries: Iterable[Entry] = (), *, modified: datetime | None = None, writable: bool = True
) -> Entry:
    """A directory as seen from its children: its date is the newest child's unless the store knows better."""
    children = tuple(entries)
    date = modified or max((child.modified for child in children), default=EPOCH)
    return Entry(path, Kind.DIRECTORY, date, date, etag=listing_etag(children), writable=writable)
