"""The five contents calls of OCI: each parsed into one operation, and its result rendered (spec oci 4.2 to 4.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from aiohttp import web

from gateway.contents.model import Condition, Document, Entry, Kind, Listing, Written
from gateway.contents.naming import is_extension
from gateway.contents.offload import offloaded
from gateway.contents.operations import (
    CreateUntitled,
    Delete,
    MakeDirectory,
    Move,
    SavedNotebook,
    SaveNotebook,
    Stat,
    Write,
)
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Reason, already_exists, invalid
from gateway.dialects.dialect import Call, Incoming
from gateway.dialects.oci.addresses import Address, Workspaces
from gateway.dialects.oci.chunks import UploadNotebook, parse_chunk
from gateway.dialects.oci.headers import check_headers, condition_of
from gateway.dialects.oci.models import (
    CreateContentDetails,
    ModifyContentDetails,
    UpdateContentDetails,
    details,
    document_model,
    entry_model,
    given,
    kind_of,
    listing_model,
    render_change,
    render_chunk,
    render_deletion,
    render_read,
)
from gateway.dialects.oci.operations import LISTING_IS_GONE, CopyRelated, CreateEmpty, CreateNotebook, ReadAny, ReadFile
from gateway.wire.contents_json import ContentModel, Format, saved_bytes

_FORMATS: dict[str, Format] = {"text": "text", "base64": "base64", "json": "json"}


class ContentsEndpoints:
    """Parsers and renderers of everything below ``.../notebook/api/contents/``."""

    def __init__(self, workspaces: Workspaces, *, lists_directories: bool = False) -> None:
        self._workspaces = workspaces
        self._lists_directories = lists_directories

    async def read(self, incoming: Incoming) -> Call[Any]:
        """GET: metadata with ``content=0``, else a file with its content."""
        address = self._address(incoming)
        query = incoming.request.query
        kind, wanted = kind_of(query.get("type")), _format(query.get("format"))
        with_content, with_hash = _flag(incoming, "content", default=True), _flag(incoming, "hash", default=False)
        if with_content and self._lists_directories and kind in (None, Kind.DIRECTORY):
            return _read_any(incoming, address, kind, wanted, with_hash=with_hash)
        if with_content:
            return _read_file(incoming, address, kind, wanted, with_hash=with_hash)

        def render(entry: Entry) -> web.Response:
            _check_kind(entry.kind, kind)
            return render_read(entry_model(address, entry, with_hash=with_hash), entry)

        return Call(Stat(incoming.caller, address.path, with_hash), render)

    async def create(self, incoming: Incoming) -> Call[Any]:
        """POST into a directory: an untitled thing, or a copy."""
        address = self._address(incoming)
        asked = await details(incoming, CreateContentDetails)
        if asked.is_chunk:
            chunk = await parse_chunk(asked, given(asked.content), asked.format, kind_of(asked.type))
            upload = UploadNotebook(incoming.caller, address.path, chunk, is_new=True)
            return Call(upload, lambda taken: render_chunk(incoming, address, asked, taken, status=201))

        def render(entry: Entry) -> web.Response:
            return render_change(incoming, address, entry, status=201)

        if asked.copy_from:
            source = address.at(asked.copy_from).path
            return Call(CopyRelated(incoming.caller, source, address.path), render)
        kind, extension = _untitled(asked)
        if (content := given(asked.content)) is not None:
            return Call(_titled_by_server(incoming, address, kind, asked.format, content), render)
        return Call(CreateUntitled(incoming.caller, address.path, kind, extension), render)

    async def save(self, incoming: Incoming) -> Call[Any]:
        """PUT: a notebook, a file or a directory, new or replaced; always 200."""
        address = self._address(incoming)
        path, condition = address.below_root(), condition_of(incoming.request)
        asked = await details(incoming, UpdateContentDetails)
        if asked.is_chunk:
            if Kind.of_file(path) is not Kind.NOTEBOOK:
                raise invalid("A notebook's name ends in .ipynb.", reason=Reason.BAD_TYPE)
            chunk = await parse_chunk(asked, given(asked.content), asked.format, kind_of(asked.type))
            upload = UploadNotebook(incoming.caller, path, chunk, condition)
            return Call(upload, lambda taken: render_chunk(incoming, address, asked, taken))
        kind = kind_of(asked.type) or Kind.of_file(path)
        if kind is Kind.DIRECTORY:
            _refuse_condition(condition)
            return Call(MakeDirectory(incoming.caller, path), lambda entry: render_change(incoming, address, entry))
        return await _save_file(incoming, address, kind, asked, condition)

    async def move(self, incoming: Incoming) -> Call[Any]:
        """PATCH: rename or move; the answer spells the new path as the body did."""
        address = self._address(incoming)
        asked = await details(incoming, ModifyContentDetails)
        if not asked.path:
            raise invalid("path must not be null", reason=Reason.MISSING)
        target = address.at(asked.path)
        if target.inner.is_root:
            raise already_exists()
        operation = Move(incoming.caller, address.below_root(), target.path, condition_of(incoming.request))
        return Call(operation, lambda entry: render_change(incoming, target, entry))

    async def delete(self, incoming: Incoming) -> Call[Any]:
        """DELETE: a file or an empty directory."""
        address = self._address(incoming)
        operation = Delete(incoming.caller, address.below_root(), condition_of(incoming.request), recursive=False)
        return Call(operation, lambda _: render_deletion(incoming, address))

    def _address(self, incoming: Incoming) -> Address:
        check_headers(incoming.request)
        return self._workspaces.address(incoming)


def _read_file(
    incoming: Incoming, address: Address, kind: Kind | None, wanted: Format | None, *, with_hash: bool
) -> Call[Any]:
    if kind is Kind.DIRECTORY:
        raise invalid(LISTING_IS_GONE)
    if address.inner.is_root:
        raise invalid(LISTING_IS_GONE, reason=Reason.BAD_TYPE)

    model_of = _model_maker(address, kind, wanted, with_hash=with_hash)
    return Call(ReadFile(incoming.caller, address.path, model_of), lambda shown: render_read(shown.model, shown.entry))


def _read_any(
    incoming: Incoming, address: Address, kind: Kind | None, wanted: Format | None, *, with_hash: bool
) -> Call[Any]:
    """A file, or a directory with what stands in it."""
    of_file = _model_maker(address, kind, wanted, with_hash=with_hash)

    def model_of(found: Document | Listing) -> ContentModel:
        return of_file(found) if isinstance(found, Document) else listing_model(address, found)

    operation = ReadAny(incoming.caller, address.path, kind, model_of)
    return Call(operation, lambda shown: render_read(shown.model, shown.entry))


def _model_maker(
    address: Address, kind: Kind | None, wanted: Format | None, *, with_hash: bool
) -> Callable[[Document], ContentModel]:
    def model_of(document: Document) -> ContentModel:
        _check_kind(document.entry.kind, kind)
        seen = kind or document.entry.kind
        if wanted is not None and (seen is Kind.NOTEBOOK) is not (wanted == "json"):
            raise invalid(f"{address.spell(address.path)} cannot be read as {wanted}.", reason=Reason.BAD_FORMAT)
        return document_model(address, document, wanted, kind=seen, with_hash=with_hash)

    return model_of


async def _save_file(
    incoming: Incoming,
    address: Address,
    kind: Literal[Kind.NOTEBOOK, Kind.FILE],
    asked: UpdateContentDetails,
    condition: Condition,
) -> Call[Any]:
    path, content, format_ = address.path, given(asked.content), _format(asked.format)

    def render(result: Written | SavedNotebook) -> web.Response:
        written = result.written if isinstance(result, SavedNotebook) else result
        return render_change(incoming, address, written.entry)

    if content is None:
        return Call(_empty(incoming, path, kind, condition), render)
    if kind is Kind.NOTEBOOK:
        if format_ not in (None, "json"):
            raise invalid("A notebook is saved with format 'json'.", reason=Reason.BAD_FORMAT)
        return Call(SaveNotebook(incoming.caller, path, bytes(content), condition, strict=True), render)
    body = await offloaded(memoryview(content).nbytes, saved_bytes, format_, content)
    return Call(Write(incoming.caller, path, body, condition), render)


def _titled_by_server(
    incoming: Incoming, address: Address, kind: Kind, format_: str | None, content: msgspec.Raw
) -> CreateNotebook:
    """A POST with content: format and content are a notebook's (spec oci 4.3)."""
    if kind is not Kind.NOTEBOOK:
        raise invalid("Only a notebook is made with content; a file is saved with PUT.", reason=Reason.BAD_TYPE)
    if _format(format_) not in (None, "json"):
        raise invalid("A notebook is made with format 'json'.", reason=Reason.BAD_FORMAT)
    return CreateNotebook(incoming.caller, address.path, bytes(content))


def _empty(incoming: Incoming, path: ContentPath, kind: Kind, condition: Condition) -> CreateEmpty:
    """A condition here names something that exists, and what exists is only replaced by content."""
    if condition is not None:
        raise invalid("content must not be null under a condition.", reason=Reason.MISSING)
    if kind is Kind.NOTEBOOK and Kind.of_file(path) is not Kind.NOTEBOOK:
        raise invalid("A notebook's name ends in .ipynb.", reason=Reason.BAD_TYPE)
    return CreateEmpty(incoming.caller, path)


def _untitled(asked: CreateContentDetails) -> tuple[Kind, str]:
    """Kind and extension of a new thing; without a type the extension tells a notebook from a file, as in Jupyter."""
    extension = asked.ext or ""
    if not is_extension(extension):
        raise invalid("ext begins with a dot and holds letters, digits, '_' and '-'.")
    return kind_of(asked.type) or (Kind.NOTEBOOK if extension == ".ipynb" else Kind.FILE), extension


def _check_kind(actual: Kind, wanted: Kind | None) -> None:
    """A notebook may be asked for as the file it is; nothing else may be asked for as what it is not."""
    if wanted not in (None, actual) and not (actual is Kind.NOTEBOOK and wanted is Kind.FILE):
        raise invalid(f"This path is a {actual.value}, not a {wanted}.", reason=Reason.BAD_TYPE)


def _refuse_condition(condition: Condition) -> None:
    if condition is not None:
        raise invalid("A directory cannot be saved under a condition.")


def _format(text: str | None) -> Format | None:
    """The format asked for; null, absence and the schema's own ``NULL`` mean none (spec oci 4.1)."""
    if not text or text == "NULL":
        return None
    if text not in _FORMATS:
        raise invalid("format is 'text', 'base64' or 'json'.", reason=Reason.BAD_FORMAT)
    return _FORMATS[text]


def _flag(incoming: Incoming, name: str, *, default: bool) -> bool:
    text = incoming.request.query.get(name)
    if text is None:
        return default
    if text not in ("0", "1"):
        raise invalid(f"{name} is 0 or 1.")
    return text == "1"
