"""What travels in OCI bodies: the details coming in, the Content model and its headers going out (spec oci 4)."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import msgspec
from aiohttp import web

from gateway.contents.model import Document, Entry, Kind, Listing
from gateway.contents.offload import offloaded
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.dialects.dialect import Incoming, json_response
from gateway.dialects.oci.addresses import ROOT_ALIAS, Address
from gateway.dialects.oci.headers import workspace_url
from gateway.wire import json
from gateway.wire.contents_json import ContentModel, Format, fill_document, model_of
from gateway.wire.dates import http_date

CONTENTS = "/notebook/api/contents/"

_NULLS = (msgspec.UNSET, msgspec.Raw(b"null"))

T = TypeVar("T")


class ChunkFields(msgspec.Struct, kw_only=True):
    """The fields of an upload in pieces (spec oci 4.8)."""

    upload_id: str | None = None
    upload_chunk_index: int | None = None
    total_chunks: int | None = None
    total_size_bytes: int | None = None
    sha256: str | None = None

    def refuse_chunk(self) -> None:
        """UNSUPPORTED for a piece of an upload: a chunk must never be stored as a notebook."""
        fields = (self.upload_id, self.upload_chunk_index, self.total_chunks, self.total_size_bytes, self.sha256)
        if any(field is not None for field in fields):
            raise Problem(Code.UNSUPPORTED, "Uploads in chunks are not supported; send the notebook in one PUT.")


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


def render_deletion(incoming: Incoming, address: Address) -> web.Response:
    """The answer to DELETE: nothing, and where it was."""
    return web.Response(
        status=204, headers={"Location": workspace_url(incoming, CONTENTS, address.spell(address.path))}
    )


def _answer(model: ContentModel, entry: Entry, headers: dict[str, str], *, status: int = 200) -> web.Response:
    """The etag goes out as it is, unquoted: clients hand it back verbatim as if-match (spec oci 3.4)."""
    if entry.etag is not None:
        headers = {**headers, "etag": entry.etag}
    return json_response(json.encode(model), status=status, headers=headers)
