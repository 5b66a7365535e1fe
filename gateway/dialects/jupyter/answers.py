"""Contents models as HTTP answers: the body with its revision headers and Location."""

from __future__ import annotations

from aiohttp import web

from gateway.contents.model import Entry
from gateway.contents.paths import ContentPath
from gateway.dialects.dialect import json_response
from gateway.wire import json
from gateway.wire.conditions import quoted
from gateway.wire.contents_json import ContentModel, model_of
from gateway.wire.dates import http_date


def location(path: ContentPath) -> str:
    """Where an entry is found."""
    return f"/api/contents/{path.url()}".rstrip("/")


def revision_headers(entry: Entry) -> dict[str, str]:
    """``Last-Modified`` and, where the store has one, ``ETag``."""
    headers = {"Last-Modified": http_date(entry.modified)}
    if (etag := quoted(entry)) is not None:
        headers["ETag"] = etag
    return headers


def shown_answer(model: ContentModel, entry: Entry) -> web.Response:
    """What was asked for."""
    return json_response(json.encode(model), headers=revision_headers(entry))


def changed_answer(entry: Entry, status: int, model: ContentModel | None = None) -> web.Response:
    """What stands there after a change, and where: without content, with the hash of exactly what was stored.

    The reference leaves the hash out; giving it saves a look-up, and no later writer can slip in (spec jupyter C12).
    """
    headers = revision_headers(entry) | {"Location": location(entry.path)}
    return json_response(json.encode(model or model_of(entry, with_hash=True)), status=status, headers=headers)


def made_answer(entry: Entry) -> web.Response:
    """Something new."""
    return changed_answer(entry, 201)


def empty_answer(_: None) -> web.Response:
    """Done, and nothing to say."""
    return web.Response(status=204)
