"""Export of notebooks: as they are, or as a page of HTML that runs nothing (spec oci 4.7)."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from aiohttp import web

from gateway.contents.model import Caller, Entry, Kind
from gateway.contents.notebook import for_reading
from gateway.contents.offload import offloaded
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Reason, invalid
from gateway.dialects.dialect import Call, Incoming, json_response
from gateway.dialects.oci.addresses import Workspaces
from gateway.dialects.oci.headers import check_headers
from gateway.dialects.oci.models import details
from gateway.wire import json

_FORMATS = ("ipynb", "html")


class ExportDetails(msgspec.Struct):
    """What a notebook is wanted as."""

    format: str | None = None


class ExportedContents(msgspec.Struct):
    """The answer; ``content`` is the notebook as a JSON object, which clients really receive, or a page as text."""

    name: str
    path: str
    content: msgspec.Raw
    format: str


@dataclass(frozen=True, slots=True)
class Exported:
    entry: Entry
    content: msgspec.Raw


@dataclass(frozen=True, slots=True)
class ExportNotebook:
    """A notebook as it is opened, or as HTML. INVALID (bad type) for anything else, UNPROCESSABLE when it is broken."""

    caller: Caller
    path: ContentPath
    as_html: bool

    async def run(self, services: Services) -> Exported:
        document = await services.contents.read(self.caller, self.path)
        if document.entry.kind is not Kind.NOTEBOOK:
            raise invalid("Only notebooks are exported.", reason=Reason.BAD_TYPE)
        notebook = await offloaded(len(document.body), for_reading, document.body)
        if not self.as_html:
            return Exported(document.entry, msgspec.Raw(notebook))
        page = await services.exports.html(self.path.name.removesuffix(".ipynb"), notebook)
        return Exported(document.entry, msgspec.Raw(await offloaded(len(page), json.encode, page)))


class ExportEndpoint:
    """POST actions/export/contents."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def export(self, incoming: Incoming) -> Call[Exported]:
        check_headers(incoming.request)
        address = self._workspaces.address(incoming)
        format_ = (await details(incoming, ExportDetails)).format or "ipynb"
        if format_ not in _FORMATS:
            raise invalid("format is 'ipynb' or 'html'.", reason=Reason.BAD_FORMAT)

        def render(exported: Exported) -> web.Response:
            entry = exported.entry
            model = ExportedContents(entry.name, address.spell(entry.path), exported.content, format_)
            headers = {"etag": entry.etag} if entry.etag is not None else {}
            return json_response(json.encode(model), headers=headers)

        return Call(ExportNotebook(incoming.caller, address.path, format_ == "html"), render)
