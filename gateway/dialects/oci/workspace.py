"""The workspace itself, by which clients tell a wrong address from a missing notebook (spec oci 8, quirk 17)."""

from __future__ import annotations

import msgspec
from aiohttp import web

from gateway.contents.model import Entry
from gateway.contents.operations import Stat
from gateway.dialects.dialect import Call, Incoming, json_response
from gateway.dialects.oci.addresses import Workspaces
from gateway.dialects.oci.headers import check_headers
from gateway.wire import json
from gateway.wire.dates import iso


class WorkspaceModel(msgspec.Struct, rename="camel"):
    """What there is to say of a workspace that nobody creates, configures or deletes here."""

    key: str
    display_name: str
    time_created: str
    time_updated: str
    type: str = "USER"
    lifecycle_state: str = "ACTIVE"


class WorkspaceEndpoint:
    """GET of a workspace."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def get(self, incoming: Incoming) -> Call[Entry]:
        """NOT_FOUND for an unknown one, and for one whose folder is not the caller's to see."""
        check_headers(incoming.request)
        root, key = self._workspaces.root(incoming), incoming.text("workspace")

        def render(entry: Entry) -> web.Response:
            model = WorkspaceModel(key, entry.name or key, iso(entry.created), iso(entry.modified))
            return json_response(json.encode(model))

        return Call(Stat(incoming.caller, root.path), render)
