"""The Jupyter-shaped contents model as JSON, both directions: for the Jupyter and OCI dialects and their adapters.

Shape: spec jupyter A2, spec oci 4.1. Notebook JSON is spliced in and out as raw bytes, never rebuilt.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from typing import Literal

import msgspec

from gateway.contents.model import Document, Entry, Kind, Listing
from gateway.contents.notebook import for_reading
from gateway.contents.problem import Reason, invalid
from gateway.wire.dates import iso

Format = Literal["text", "base64", "json"]

_NOTHING = msgspec.Raw(b"null")


class ContentModel(msgspec.Struct):
    """One entry as it travels; every field is always present, as JupyterLab's own validation insists."""

    name: str
    path: str
    type: str
    created: str
    last_modified: str
    mimetype: str | None
    content: msgspec.Raw
    format: str | None
    size: int | None
    writable: bool
    hash: str | None
    hash_algorithm: str | None


class NotedContentModel(ContentModel):
    """The same with the schema's complaint about a notebook that was saved all the same."""

    message: str


class SaveModel(msgspec.Struct):
    """What a client sends to save: the fields of Jupyter's PUT body, all optional."""

    name: str | None = None
    path: str | None = None
    type: str | None = None
    format: str | None = None
    content: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    chunk: int | None = None


def model_of(entry: Entry, *, path: str | None = None, with_hash: bool = False) -> ContentModel:
    """The entry without content. ``path`` is the caller's own spelling of it."""
    digest = entry.sha256 if with_hash else None
    return ContentModel(
        name=entry.name,
        path=str(entry.path) if path is None else path,
        type=entry.kind.value,
        created=iso(entry.created),
        last_modified=iso(entry.modified),
        mimetype=mime_type(entry),
        content=_NOTHING,
        format=None,
        size=entry.size,
        writable=entry.writable,
        hash=digest,
        hash_algorithm="sha256" if digest else None,
    )


def fill_document(model: ContentModel, document: Document, wanted: Format | None, *, as_notebook: bool) -> ContentModel:
    """Put the bytes into the model: notebook JSON, text, or base64. INVALID (bad format) for binary as text."""
    if as_notebook:
        model.format, model.content = "json", msgspec.Raw(for_reading(document.body))
        return model
    text = None if wanted == "base64" else _text(document.body)
    if text is None and wanted == "text":
        raise invalid(f"{model.path} is not UTF-8 encoded.", reason=Reason.BAD_FORMAT)
    if text is not None:
        model.format, model.content = "text", msgspec.Raw(msgspec.json.encode(text))
        model.mimetype = model.mimetype or "text/plain"
    else:
        encoded = base64.encodebytes(document.body).decode("ascii")
        model.format, model.content = "base64", msgspec.Raw(msgspec.json.encode(encoded))
        model.mimetype = model.mimetype or "application/octet-stream"
    return model


def fill_listing(model: ContentModel, listing: Listing) -> ContentModel:
    """Put the children's models into the directory's."""
    children = [model_of(entry) for entry in listing.entries]
    model.format, model.content = "json", msgspec.Raw(msgspec.json.encode(children))
    return model


def saved_bytes(format_: str | None, content: msgspec.Raw) -> bytes:
    """The bytes of a file save: ``text`` or ``base64`` (strict: broken base64 is INVALID, nothing is guessed)."""
    try:
        text = msgspec.json.decode(content, type=str)
    except msgspec.MsgspecError as error:
        raise invalid("The content of a file is a JSON string.") from error
    if format_ == "text":
        return _encoded(text)
    if format_ != "base64":
        raise invalid("A file is saved with format 'text' or 'base64'.", reason=Reason.BAD_FORMAT)
    try:
        return base64_bytes(text.encode("ascii"))
    except UnicodeEncodeError as error:
        raise invalid("The content is not valid base64.") from error


def base64_bytes(text: bytes) -> bytes:
    """What base64 in lines of any length stands for; INVALID when it is none."""
    try:
        return base64.b64decode(text.translate(None, b" \t\r\n"), validate=True)
    except binascii.Error as error:
        raise invalid("The content is not valid base64.") from error


def mime_type(entry: Entry) -> str | None:
    """Guessed from the name; only plain files have one."""
    return mimetypes.guess_type(entry.name)[0] if entry.kind is Kind.FILE else None


def _text(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise invalid("The text holds an unpaired surrogate and cannot be stored as UTF-8.") from error
