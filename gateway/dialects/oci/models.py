"""What travels in OCI bodies: the details coming in, the Content model and its headers going out (spec oci 4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from aiohttp import web

from gateway.contents.model import Document, Entry, Kind, Listing
from gateway.contents.offload import offloaded
from gateway.contents.problem import Reason, invalid
from gateway.dialects.dialect import Incoming, json_response
from gateway.dialects.oci.addresses import ROOT_ALIAS, Address
from gateway.dialects.oci.chunks import ChunkFields, Progress
from gateway.dialects.oci.headers import workspace_url
from gateway.wire import json
from gateway.wire.contents_json import ContentModel, Format, fill_document, model_of
from gateway.wire.dates import http_date

CONTENTS = "/notebook/api/contents/"

_NULLS = (msgspec.UNSET, msgspec.Raw(b"null"))

T = TypeVar("T")


class CreateContentDetails(ChunkFields, kw_only=True):
    """What a POST asks for; nulls count as absent."""

    copy_from: str | None = None
    ext: str | None = None
    type: str | None = None
    format: str | None = None
    content: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class UpdateContentDetails(ChunkFields, kw_only=True):
    """What a PUT stores; ``name`` and ``path`` repeat the address and are not looked at, as in Jupyter."""

    name: str | None = None
    path: str | None = None
    type: str | None = None
    format: str | None = None
    content: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class ModifyContentDetails(msgspec.Struct):
    """Where a PATCH moves to."""

    path: str | None = None


async def details(incoming: Incoming, shape: type[T]) -> T:
    """The body as ``shape``; INVALID with Oracle's own sentence when there is none."""
    body = await incoming.body()
    if body.strip() in (b"", b"null"):
        raise invalid("The request body must not be null")
    return await offloaded(len(body), json.decode, body, shape)


def given(content: msgspec.Raw | msgspec.UnsetType) -> msgspec.Raw | None:
    """The content, None when it is absent or null."""
    return None if isinstance(content, msgspec.UnsetType) or content in _NULLS else content


def kind_of(text: str | None) -> Kind | None:
    """The ``type`` of a query or body, None when it is absent. INVALID (bad type) for an unknown one."""
    if not text:
        return None
    try:
        return Kind(text)
    except ValueError as error:
        raise invalid("type is 'file', 'directory' or 'notebook'.", reason=Reason.BAD_TYPE) from error


def entry_model(address: Address, entry: Entry, *, with_hash: bool = False) -> ContentModel:
    """What stands there, without content."""
    model = model_of(entry, path=address.spell(entry.path), with_hash=with_hash)
    model.mimetype = None
    if entry.path == address.root:
        model.name = ROOT_ALIAS
    return model


def document_model(
    address: Address, document: Document, wanted: Format | None, *, kind: Kind, with_hash: bool
) -> ContentModel:
    """A file with its content, a notebook perhaps as the plain file it is; it alone says a file's media type."""
    entry = replace(document.entry, kind=kind)
    model = model_of(entry, path=address.spell(entry.path), with_hash=with_hash)
    return fill_document(model, document, wanted, as_notebook=kind is Kind.NOTEBOOK)


def listing_model(address: Address, listing: Listing) -> ContentModel:
    """A directory with its entries, each without content."""
    model = entry_model(address, listing.entry)
    children = [entry_model(address, entry) for entry in listing.entries]
    model.format, model.content = "json", msgspec.Raw(json.encode(children))
    return model


def render_read(model: ContentModel, entry: Entry) -> web.Response:
    """The answer to GET."""
    return _answer(model, entry, {"Last-Modified": http_date(entry.modified)})


def render_change(incoming: Incoming, address: Address, entry: Entry, *, status: int = 200) -> web.Response:
    """The answer to POST, PUT and PATCH: what stands there now, without content, and where."""
    headers = {"Location": workspace_url(incoming, CONTENTS, address.spell(entry.path))}
    return _answer(entry_model(address, entry), entry, headers, status=status)


class ChunkModel(ContentModel, kw_only=True):
    """The answer to a chunk: the same, and what the chunk said of its upload."""

    upload_id: str | None
    upload_chunk_index: int | None
    total_chunks: int | None
    total_size_bytes: int | None
    sha256: str | None


def render_chunk(
    incoming: Incoming, address: Address, fields: ChunkFields, taken: Entry | Progress, *, status: int = 200
) -> web.Response:
    """A chunk that was taken, with the bytes so far as size; the last one is answered like any other change."""
    if isinstance(taken, Progress):
        now = datetime.now(UTC)
        entry, headers = Entry(address.path, Kind.NOTEBOOK, now, now, size=taken.size_bytes), dict[str, str]()
    else:
        entry, headers = taken, {"Location": workspace_url(incoming, CONTENTS, address.spell(taken.path))}
    model = msgspec.structs.asdict(entry_model(address, entry)) | fields.acknowledgement()
    return _answer(ChunkModel(**model), entry, headers, status=status)


def render_deletion(incoming: Incoming, address: Address) -> web.Response:
    """The answer to DELETE: nothing, and where it was."""
    url = workspace_url(incoming, CONTENTS, address.spell(address.path))
    return web.Response(status=204, headers={"Location": url})


def _answer(model: ContentModel, entry: Entry, headers: dict[str, str], *, status: int = 200) -> web.Response:
    """The etag goes out as it is, unquoted: clients hand it back verbatim as if-match (spec oci 3.4)."""
    if entry.etag is not None:
        headers = {**headers, "etag": entry.etag}
    return json_response(json.encode(model), status=status, headers=headers)
