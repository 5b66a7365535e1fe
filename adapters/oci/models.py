"""The service's models of contents and objects, and the entries they stand for (spec oci 4.1, 6)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from gateway.contents.model import EPOCH, Entry, ETag, Kind, directory_entry
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Problem
from gateway.wire.client import Answer, nonsense
from gateway.wire.conditions import received_etag
from gateway.wire.dates import parse_wire_date

T = TypeVar("T")

_ROUNDING_SECONDS = 1.0
FOLDER_TYPES = frozenset({"FOLDER", "DIRECTORY"})


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


class ObjectPage(msgspec.Struct):
    items: list[Object] = []


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the objects API tells of a file: an etag of its own space, and a date."""

    etag: ETag | None
    modified: datetime | None

    @classmethod
    def of(cls, answer: Answer) -> Receipt:
        return cls(received_etag(answer.headers.get("etag")), date_of(answer.headers.get("time-updated")))

    def is_older_than(self, facts: Facts) -> bool:
        """Whether the facts of contents are of a newer revision: dates are compared to the second, as far as known."""
        return self._seconds_before(facts) > _ROUNDING_SECONDS

    def is_newer_than(self, facts: Facts) -> bool:
        """Whether the facts of contents are of an older revision, or of an older description."""
        return self._seconds_before(facts) < -_ROUNDING_SECONDS

    def _seconds_before(self, facts: Facts) -> float:
        modified = date_of(facts.last_modified)
        if self.modified is None or modified is None:
            return 0.0
        return (modified - self.modified).total_seconds()


def decoded(answer: Answer, shape: type[T]) -> T:
    """The answer's body as that model; UPSTREAM when it is none."""
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise nonsense() from error


def facts_of(answer: Answer) -> Facts:
    """The contents model of an answer; UPSTREAM when it is none."""
    return decoded(answer, Facts)


def facts_or_none(answer: Answer) -> Facts | None:
    """The same; None when a change that has succeeded tells nothing that can be read."""
    try:
        return facts_of(answer)
    except Problem:
        return None


def date_of(value: str | float | None) -> datetime | None:
    """A date of the service: text, or a number, which in a header is a text again (spec oci 3.6)."""
    if isinstance(value, str):
        with suppress(ValueError):
            return parse_wire_date(float(value))
    return parse_wire_date(value)


def entry_of(path: ContentPath, facts: Facts, etag: ETag | None) -> Entry:
    """A file's facts. A notebook has no size: the service counts bytes of a form of its own, which nobody else sees."""
    modified = date_of(facts.last_modified) or EPOCH
    kind = Kind.of_file(path)
    return Entry(
        path,
        kind,
        modified=modified,
        created=date_of(facts.created) or modified,
        etag=etag,
        size=facts.size if kind is Kind.FILE else None,
        writable=facts.writable is not False,
    )


def directory_of(path: ContentPath, facts: Facts, entries: tuple[Entry, ...] = ()) -> Entry:
    """A directory's facts; its children, where they are known, make its etag."""
    modified = date_of(facts.last_modified)
    return directory_entry(path, entries, modified=modified, writable=facts.writable is not False)


def child_entry(parent: ContentPath, item: Object) -> Entry | None:
    """A listed object's facts; None when its name cannot be addressed. ``compositeEtag`` is no contents etag.

    What has no ``timeUpdated`` is told to be as old as it was when it was made.
    """
    name = last_name(item.path)
    if not is_plain_name(name):
        return None
    path = parent.child(name)
    kind = Kind.DIRECTORY if item.type in FOLDER_TYPES else Kind.of_file(path)
    modified = date_of(item.time_updated) or date_of(item.time_created) or EPOCH
    return Entry(path, kind, modified, date_of(item.time_created) or modified)


def last_name(path: str) -> str:
    """The last name of a path that may or may not begin or end with a slash (quirk 3)."""
    return path.rstrip("/").rpartition("/")[2]
