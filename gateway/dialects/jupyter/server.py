"""What the server says of itself and of its caller: ``/api``, ``/api/me``, ``/api/status`` (spec jupyter A4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from aiohttp import web

from gateway.contents.model import Caller
from gateway.contents.operations import Nothing
from gateway.contents.problem import Problem, invalid
from gateway.dialects.dialect import Call, Incoming, Route, json_response
from gateway.dialects.jupyter.compute.counting import CountRunning, Running
from gateway.wire import json
from gateway.wire.dates import iso

_WORD = re.compile(r"[^\W_]+")


def server_routes(version: str, started: datetime) -> tuple[Route, ...]:
    """The routes; ``version`` and ``started`` are what the answers say."""

    async def get_version(_: Incoming) -> Call[None]:
        return _saying({"version": version})

    async def get_status(incoming: Incoming) -> Call[Running]:
        # A gateway is shared and never idle: whoever asks is its last activity, so that no culler stops it.
        dates = {"last_activity": iso(datetime.now(UTC)), "started": iso(started)}

        def render(running: Running) -> web.Response:
            counts = {"connections": running.connections, "kernels": running.kernels}
            return json_response(json.encode(counts | dates))

        return Call(CountRunning(incoming.caller), render)

    return (
        Route("GET", "/api", get_version, is_public=True),
        Route("GET", "/api/", get_version, is_public=True),
        *(Route("GET", each, get_status) for each in ("/api/status", "/api/status/")),
        *(Route("GET", each, get_me) for each in ("/api/me", "/api/me/")),
    )


async def get_me(incoming: Incoming) -> Call[None]:
    """Who the caller is, and the permissions asked for; what a mount permits is decided where it is used."""
    asked = _parse_permissions(incoming.request.query.get("permissions", ""))
    return _saying({"identity": _identity(incoming.caller), "permissions": {**asked, "updatable_fields": []}})


def _parse_permissions(text: str) -> dict[str, list[str]]:
    if not text:
        return {}
    try:
        return json.decode(text.encode(), dict[str, list[str]])
    except Problem as problem:
        raise invalid("permissions is a JSON object: each resource with a list of actions.") from problem


def _identity(caller: Caller) -> dict[str, str | None]:
    name = caller.username or caller.key
    initials = "".join(word[0] for word in _WORD.findall(name))[:2].upper()
    return {
        "username": name,
        "name": name,
        "display_name": name,
        "initials": initials,
        "avatar_url": None,
        "color": None,
    }


def _saying(value: object) -> Call[None]:
    return Call(Nothing(), lambda _: json_response(json.encode(value)))
