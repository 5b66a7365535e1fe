"""Workspace objects: each call parsed into one operation, and its result rendered (spec oci 6).

A path travels in the URL, the query, a header or a body, as the call has it; it is spelled alike everywhere.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.contents.model import Absent, Document, Entry, Kind
from gateway.contents.offload import offloaded
from gateway.contents.operations import Delete, MakeDirectory, Move
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.dialects.dialect import Call, Incoming
from gateway.dialects.oci.addresses import Address, Workspaces
from gateway.dialects.oci.headers import check_headers, condition_of, flag, header_text
from gateway.dialects.oci.models import details
from gateway.dialects.oci.object_models import (
    CopyObjectDetails,
    MoveObjectDetails,
    RenameObjectDetails,
    kind_to_create,
    render_bytes,
    render_details,
    render_head,
    render_page,
    render_stored,
    wanted_kinds,
)
from gateway.dialects.oci.object_operations import (
    CopyObject,
    CreateObject,
    ListedObjects,
    ListObjects,
    MakeFolder,
    ObjectFacts,
    ReadBytes,
    ReadFacts,
    UpdateObject,
)
from gateway.dialects.oci.pages import PageRequest, sort_order
from gateway.wire.contents_json import base64_bytes

CREATE_HEADERS = ("path", "type", "is-overwrite", "is-upload-file-base64-encoded")
"""What a create says in headers."""

UNSUPPORTED_ACTIONS = ("uploadFileMeta", "downloadFileMeta", "uploadAndExtractZip", "zipAndDownloadFolder")

_TOLD_APART_BY = ("path", "type", "displayName")
_SORT_KEYS = ("displayName", "timeCreated")
_MAX_HEADER_CHARACTERS = 255


class ObjectEndpoints:
    """Parsers and renderers of ``.../objects`` and of the actions on objects."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def list(self, incoming: Incoming) -> Call[ListedObjects]:
        """GET of the collection: what stands directly in the folder ``path``, in pages."""
        query, path = incoming.request.query, incoming.query_text("path")
        if path is None:
            raise invalid("query param path must not be null", reason=Reason.MISSING)
        folder = self._root(incoming).at(path)
        sort_by, is_descending = sort_order(query, _SORT_KEYS)
        page = PageRequest.parse(query, _TOLD_APART_BY, is_descending=is_descending)
        kinds, name = wanted_kinds(query.get("type")), query.get("displayName") or None
        operation = ListObjects(incoming.caller, folder.path, page, sort_by, kinds, name)
        return Call(operation, lambda listed: render_page(folder, listed))

    async def get(self, incoming: Incoming) -> Call[Document]:
        """GET: the bytes as they are stored."""
        address = self._address(incoming)
        return Call(ReadBytes(incoming.caller, address.path), lambda document: render_bytes(address, document))

    async def head(self, incoming: Incoming) -> Call[ObjectFacts]:
        """HEAD: what stands there, with the composite etag and without the bytes."""
        address = self._address(incoming)
        return Call(ReadFacts(incoming.caller, address.path), lambda facts: render_head(address, facts))

    async def create(self, incoming: Incoming) -> Call[Entry]:
        """POST to the collection: a folder, or a file of the bytes in the body; 409 where something stands."""
        request = incoming.request
        address = self._root(incoming).at(_bounded(request, "path"))
        path, replaces = address.below_root(), flag(request, "is-overwrite")
        kind = kind_to_create(_bounded(request, "type", least=0), address)
        is_base64 = flag(request, "is-upload-file-base64-encoded")

        def render(entry: Entry) -> web.Response:
            return render_stored(incoming, address, entry)

        condition = condition_of(request)
        if condition not in (None, Absent()) and (kind is Kind.DIRECTORY or not replaces):
            raise invalid("if-match is for a file that may be replaced: is-overwrite is true.")
        if kind is Kind.DIRECTORY:
            make = MakeDirectory if replaces else MakeFolder
            return Call(make(incoming.caller, path), render)
        body = await incoming.body()
        if is_base64:
            body = await offloaded(len(body), base64_bytes, body)
        return Call(CreateObject(incoming.caller, path, body, replaces, condition), render)

    async def update(self, incoming: Incoming) -> Call[Entry]:
        """PUT: other bytes for a file that is there."""
        address = self._address(incoming)
        path, condition = address.below_root(), condition_of(incoming.request)
        operation = UpdateObject(incoming.caller, path, await incoming.body(), condition)
        return Call(operation, lambda entry: render_stored(incoming, address, entry))

    async def delete(self, incoming: Incoming) -> Call[None]:
        """DELETE: a file, or an empty folder."""
        address = self._address(incoming)
        operation = Delete(incoming.caller, address.below_root(), condition_of(incoming.request), recursive=False)
        return Call(operation, lambda _: web.Response(status=204))

    async def copy(self, incoming: Incoming) -> Call[Entry]:
        """POST actions/copyObject: to a path, or into the folder that it names."""
        asked = await details(incoming, CopyObjectDetails)
        source, target = self._source_and_target(incoming, asked)
        operation = CopyObject(
            incoming.caller,
            source.below_root(),
            target.path,
            into_folder=_names_a_folder(target, asked.to_path),
            condition=condition_of(incoming.request),
            replaces=bool(asked.is_over_write),
            moves=bool(asked.is_delete_source),
            drops_outputs=asked.is_include_outputs is False,
        )
        return Call(operation, lambda entry: render_details(target, entry))

    async def move(self, incoming: Incoming) -> Call[Entry]:
        """POST actions/moveObject: into a folder, or to a path where nothing stands."""
        asked = await details(incoming, MoveObjectDetails)
        source, target = self._source_and_target(incoming, asked)
        into_folder, condition = _names_a_folder(target, asked.to_path), condition_of(incoming.request)
        operation = CopyObject(incoming.caller, source.below_root(), target.path, into_folder, condition, moves=True)
        return Call(operation, lambda entry: render_details(target, entry))

    async def rename(self, incoming: Incoming) -> Call[Entry]:
        """POST actions/renameObject: another name in the same folder."""
        root, asked = self._root(incoming), await details(incoming, RenameObjectDetails)
        source, name = root.at(_given("path", asked.path)), _given("newName", asked.new_name)
        if "/" in name:
            raise invalid("newName is one name, without a folder.")
        path = source.below_root()
        operation = Move(incoming.caller, path, path.parent.child(name), condition_of(incoming.request))
        return Call(operation, lambda entry: render_details(source, entry))

    async def unsupported(self, incoming: Incoming) -> Call[Any]:
        """What is answered 501 for good: addresses at an object store of Oracle's own, and archives of folders."""
        self._root(incoming)
        raise Problem(Code.UNSUPPORTED, "Objects are sent and received whole here, one request each.")

    def _source_and_target(self, incoming: Incoming, asked: MoveObjectDetails) -> tuple[Address, Address]:
        root = self._root(incoming)
        return root.at(_given("fromPath", asked.from_path)), root.at(_given("toPath", asked.to_path))

    def _root(self, incoming: Incoming) -> Address:
        check_headers(incoming.request)
        return self._workspaces.root(incoming)

    def _address(self, incoming: Incoming) -> Address:
        check_headers(incoming.request)
        return self._workspaces.address(incoming)


def _bounded(request: web.Request, name: str, *, least: int = 1) -> str:
    text = header_text(request, name)
    if len(text) < least:
        raise invalid(f"header param {name} must not be null", reason=Reason.MISSING)
    if len(text) > _MAX_HEADER_CHARACTERS:
        raise invalid(f"header param {name} has at most {_MAX_HEADER_CHARACTERS} characters")
    return text


def _given(name: str, text: str | None) -> str:
    if not text:
        raise invalid(f"{name} must not be null", reason=Reason.MISSING)
    return text


def _names_a_folder(target: Address, spelled: str | None) -> bool:
    return target.inner.is_root or (spelled or "").endswith("/")
