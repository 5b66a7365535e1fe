"""What travels with workspace objects: details coming in, summaries and headers going out (spec oci 6)."""

from __future__ import annotations

import hashlib

import msgspec
from aiohttp import web

from gateway.contents.model import Document, Entry, Kind
from gateway.contents.problem import Reason, invalid
from gateway.dialects.dialect import Incoming, json_response
from gateway.dialects.oci.addresses import ROOT_ALIAS, Address
from gateway.dialects.oci.headers import workspace_url
from gateway.dialects.oci.object_operations import ListedObjects, ObjectFacts
from gateway.wire import json
from gateway.wire.dates import iso

_TYPES = {Kind.DIRECTORY: "FOLDER", Kind.NOTEBOOK: "NOTEBOOK", Kind.FILE: "FILE"}
_KINDS = {"FOLDER": Kind.DIRECTORY, "DIRECTORY": Kind.DIRECTORY, "NOTEBOOK": Kind.NOTEBOOK, "FILE": Kind.FILE}
_TYPES_WITHOUT_KIND = frozenset({"JOB", "LAKE_FLOW", "AGENT_LAKE_FLOW", "GENERATED_ARTIFACT", "LIBRARY"})
_KEY_CHARACTERS = 32


class ObjectSummary(msgspec.Struct, rename="camel"):
    """One item of a listing."""

    path: str
    display_name: str
    time_created: str
    time_updated: str
    type: str
    composite_etag: str


class ObjectCollection(msgspec.Struct):
    items: list[ObjectSummary]


class ObjectDetails(msgspec.Struct, rename="camel"):
    """What copy, move and rename answer with."""

    path: str
    key: str
    display_name: str
    time_created: str
    time_updated: str
    type: str


class MoveObjectDetails(msgspec.Struct, rename="camel"):
    """What to move, and where to."""

    from_path: str | None = None
    to_path: str | None = None


class CopyObjectDetails(MoveObjectDetails, rename="camel"):
    """What to copy, and how; ``bufferSize`` and ``metadataKeys`` are of no use here and not looked at."""

    is_over_write: bool | None = None
    is_delete_source: bool | None = None
    is_include_outputs: bool | None = None


class RenameObjectDetails(msgspec.Struct, rename="camel"):
    path: str | None = None
    new_name: str | None = None


def wanted_kinds(text: str | None) -> frozenset[Kind]:
    """The kinds a listing is filtered by; a type that no gateway holds selects nothing. INVALID for an unknown one."""
    if not text:
        return frozenset(Kind)
    if text in _TYPES_WITHOUT_KIND:
        return frozenset()
    return frozenset({_kind(text)})


def kind_to_create(text: str, address: Address) -> Kind:
    """The kind of a new object; without a type its name tells. INVALID (bad type) unless the two agree."""
    by_name = Kind.of_file(address.inner)
    kind = _kind(text) if text else by_name
    if kind is Kind.NOTEBOOK and by_name is not Kind.NOTEBOOK:
        raise invalid("A notebook's name ends in .ipynb.", reason=Reason.BAD_TYPE)
    return kind


def render_page(folder: Address, listed: ListedObjects) -> web.Response:
    """One page of a listing; the header names the next one."""
    items = [_summary(folder, facts) for facts in listed.page.items]
    headers = {"opc-next-page": listed.page.next_token} if listed.page.next_token else {}
    return json_response(json.encode(ObjectCollection(items)), headers=headers)


def render_bytes(address: Address, document: Document) -> web.Response:
    """The stored bytes, as something that no browser will show."""
    headers = _facts(address, document.entry) | _etag(document.entry) | {"X-Content-Type-Options": "nosniff"}
    return web.Response(body=document.body, content_type="application/octet-stream", headers=headers)


def render_head(address: Address, facts: ObjectFacts) -> web.Response:
    """The facts as headers; the etag of this call is the composite one only (spec oci 6)."""
    headers = _facts(address, facts.entry) | {"file-metadata": "{}", "composite-etag": facts.composite_etag}
    return web.Response(headers=headers, content_type="application/octet-stream")


def render_stored(incoming: Incoming, address: Address, entry: Entry) -> web.Response:
    """The answer to create and update: no body, all in headers."""
    url = workspace_url(incoming, "/objects/", address.spell(entry.path))
    headers = {"Location": url, "Content-Location": url} | _facts(address, entry) | _etag(entry)
    return web.Response(headers=headers, content_type="application/octet-stream")


def render_details(address: Address, entry: Entry) -> web.Response:
    """The answer to copy, move and rename: what stands at the new path."""
    created, updated = iso(entry.created), iso(entry.modified)
    details = ObjectDetails(
        address.spell(entry.path), object_key(entry), entry.name, created, updated, _TYPES[entry.kind]
    )
    return json_response(json.encode(details), headers=_etag(entry))


def object_key(entry: Entry) -> str:
    """The name of an object beside its path: a digest of it, as no store here has another."""
    return hashlib.sha256(str(entry.path).encode()).hexdigest()[:_KEY_CHARACTERS]


def _kind(text: str) -> Kind:
    if text not in _KINDS:
        raise invalid("type is FILE, FOLDER or NOTEBOOK.", reason=Reason.BAD_TYPE)
    return _KINDS[text]


def _summary(folder: Address, facts: ObjectFacts) -> ObjectSummary:
    entry = facts.entry
    return ObjectSummary(
        path=folder.spell(entry.path),
        display_name=entry.name,
        time_created=iso(entry.created),
        time_updated=iso(entry.modified),
        type=_TYPES[entry.kind],
        composite_etag=facts.composite_etag,
    )


def _facts(address: Address, entry: Entry) -> dict[str, str]:
    return {
        "object-key": object_key(entry),
        "path": address.spell(entry.path) or ROOT_ALIAS,
        "type": _TYPES[entry.kind],
        "time-updated": iso(entry.modified),
    }


def _etag(entry: Entry) -> dict[str, str]:
    return {"etag": entry.etag} if entry.etag is not None else {}
