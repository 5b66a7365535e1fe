"""Which pages of other origins may read an answer: those that know a token (spec jupyter A1, "CORS").

A browser never attaches the token by itself, so a page that sends one was given it. Nothing here lets a browser attach
what it does keep: no answer allows credentials.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import hdrs, web

ALLOWED_METHODS = "GET, PUT, POST, PATCH, DELETE, OPTIONS"
ALLOWED_HEADERS = "accept, content-type, authorization, x-xsrftoken, if-match, if-none-match, if-range, range"
EXPOSED_HEADERS = "Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, Retry-After, X-Request-ID"

_SCHEMES = frozenset({"token", "bearer", "basic"})
_ORIGIN = re.compile(r"[\x21-\x7e]+")


def origin_headers(request: web.Request) -> Mapping[str, str]:
    """What an answer says to the page that asked; nothing to one that neither has a token nor is about to send one."""
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None or not _ORIGIN.fullmatch(origin) or not (_shows_token(request) or _asks_to_show_one(request)):
        return {}
    return {
        hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin,
        hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: EXPOSED_HEADERS,
        hdrs.VARY: hdrs.ORIGIN,
    }


def preflight_headers() -> Mapping[str, str]:
    """What OPTIONS tells a browser it may send."""
    return {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: ALLOWED_METHODS,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ALLOWED_HEADERS,
    }


def _shows_token(request: web.Request) -> bool:
    """Where it does, no cookie is looked at."""
    scheme, _, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return bool(request.query.get("token")) or (scheme.lower() in _SCHEMES and bool(value.strip()))


def _asks_to_show_one(request: web.Request) -> bool:
    asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "")
    return request.method == hdrs.METH_OPTIONS and "authorization" in (
        each.strip().lower() for each in asked.split(",")
    )
