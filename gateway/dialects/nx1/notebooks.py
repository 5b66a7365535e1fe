"""``/api/notebooks``: upload to and list the caller's home (spec nx1 4.1 and 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from gateway.contents.model import Entry
from gateway.dialects.dialect import Call, Incoming, Route, json_response
from gateway.dialects.nx1.keys import Homes, home_name
from gateway.dialects.nx1.models import from_entry
from gateway.dialects.nx1.multipart import read_upload
from gateway.dialects.nx1.operations import ListNotebooks, Upload
from gateway.wire import json


@dataclass(frozen=True, slots=True)
class Notebooks:
    """The endpoints, over one mount of homes."""

    homes: Homes
    max_upload_bytes: int

    def routes(self) -> tuple[Route, ...]:
        return tuple(
            Route(method, template, endpoint)
            for template in ("/api/notebooks", "/api/notebooks/")
            for method, endpoint in (("POST", self.parse_upload), ("GET", self.parse_list))
        )

    async def parse_upload(self, incoming: Incoming) -> Call[Entry]:
        home_name(incoming.caller)
        uploaded = await read_upload(incoming.request, self.max_upload_bytes)
        path = self.homes.mount.child(uploaded.name)

        def render(entry: Entry) -> web.Response:
            summary = from_entry(entry, self.homes.key_of(incoming.caller, entry.path))
            return json_response(json.encode(summary), status=201)

        return Call(Upload(incoming.caller, path, uploaded.body), render)

    async def parse_list(self, incoming: Incoming) -> Call[list[Entry]]:
        home_name(incoming.caller)

        def render(entries: list[Entry]) -> web.Response:
            summaries = [from_entry(entry, self.homes.key_of(incoming.caller, entry.path)) for entry in entries]
            return json_response(json.encode(summaries))

        return Call(ListNotebooks(incoming.caller, self.homes.mount), render)
