"""The models jupyter_server answers with, and what they say in the contents language (spec jupyter A2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from gateway.contents.model import Checkpoint, Document, Entry, ETag, Kind, Listing, directory_entry, sha256_hex
from gateway.contents.paths import ContentPath, is_plain_name
from gateway.wire.client import Answer, nonsense
from gateway.wire.dates import parse_wire_date

T = TypeVar("T")


class Facts(msgspec.Struct, kw_only=True):
    """What every model has, with or without content."""

    name: str
    type: Kind
    last_modified: str
    created: str
    size: int | None = None
    writable: bool = True
    hash: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")] | None = None
    hash_algorithm: str | None = None


class FileModel(Facts, kw_only=True):
    """A file with its content."""

    format: Literal["text", "base64"]
    content: str


class FolderModel(Facts, kw_only=True):
    """A directory with its children."""

    content: list[Facts]


class CheckpointModel(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(pattern=r"\A[\w-]+\Z")]
    last_modified: str


def decoded(answer: Answer, shape: type[T]) -> T:
    """The body of a successful answer; UPSTREAM when it is HTML, nothing, or JSON of another shape."""
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise nonsense() from error


def to_entry(path: ContentPath, facts: Facts) -> Entry:
    """A file whose digest was asked for: the digest is the etag."""
    if facts.type is Kind.DIRECTORY:
        raise nonsense()
    if facts.hash is None or facts.hash_algorithm != "sha256":
        raise nonsense("The Jupyter server behind this mount gives no sha256; version 2.21 or later is needed.")
    return _file(path, facts, facts.hash)


def to_document(path: ContentPath, answer: Answer) -> Document | None:
    """The file with its bytes; None when these are not of the size and digest stated, as when it was just changing."""
    model = decoded(answer, FileModel)
    entry, body = to_entry(path, model), _bytes_of(model)
    agrees = sha256_hex(body) == entry.sha256 and entry.size in (None, len(body))
    return Document(entry, body) if agrees else None


def to_listing(path: ContentPath, answer: Answer) -> Listing:
    """The directory and its children; files carry no digest here, as the server would have to read each of them."""
    folder = decoded(answer, FolderModel)
    if folder.type is not Kind.DIRECTORY:
        raise nonsense()
    entries = tuple(_children(path, folder.content))
    return Listing(to_directory(path, folder, entries), entries)


def to_directory(path: ContentPath, facts: Facts, entries: Iterable[Entry] = ()) -> Entry:
    return directory_entry(path, entries, modified=_date(facts.last_modified), writable=facts.writable)


def to_checkpoint(model: CheckpointModel) -> Checkpoint:
    return Checkpoint(model.id, _date(model.last_modified))


def _children(path: ContentPath, models: Iterable[Facts]) -> Iterable[Entry]:
    for model in models:
        if not is_plain_name(model.name):
            continue
        child = path.child(model.name)
        if model.type is Kind.DIRECTORY:
            date = _date(model.last_modified)
            yield Entry(child, Kind.DIRECTORY, date, date, writable=model.writable)
        else:
            yield _file(child, model, None)


def _file(path: ContentPath, facts: Facts, sha256: str | None) -> Entry:
    return Entry(
        path,
        Kind.of_file(path),
        modified=_date(facts.last_modified),
        created=_date(facts.created),
        etag=ETag(sha256) if sha256 is not None else None,
        size=facts.size,
        sha256=sha256,
        writable=facts.writable,
    )


def _bytes_of(model: FileModel) -> bytes:
    try:
        if model.format == "base64":
            return base64.b64decode("".join(model.content.split()), validate=True)
        return model.content.encode("utf-8")
    except (binascii.Error, UnicodeEncodeError) as error:
        raise nonsense() from error


def _date(text: str) -> datetime:
    date = parse_wire_date(text)
    if date is None:
        raise nonsense()
    return date
