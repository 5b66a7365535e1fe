"""Which headers cross the gateway, either way, to and from a Jupyter server; and where a redirect of it leads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urljoin, urlsplit

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from gateway.contents.problem import Code, Problem, Source
from gateway.contents.upstream import Destination
from gateway.server.carrying.bases import Bases
from gateway.server.carrying.pages import Rewriting
from gateway.wire.client import refused_credential

REDIRECTS = frozenset({301, 302, 303, 307, 308})

_SENT = frozenset(
    {
        "accept",
        "accept-language",
        "cache-control",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "last-event-id",
        "range",
        "user-agent",
    }
)
_NOT_FOR_PAGES = frozenset(
    {"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"}
)
"""A page is made anew from all of the server's: its revisions and parts are none of the page's."""
_GIVEN_BACK = frozenset(
    {
        "accept-ranges",
        "allow",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-range",
        "content-security-policy",
        "content-type",
        "cross-origin-embedder-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "etag",
        "expires",
        "last-modified",
        "permissions-policy",
        "referrer-policy",
        "retry-after",
        "sourcemap",
        "vary",
        "x-content-type-options",
        "x-frame-options",
    }
)
_OF_THE_BYTES = ("Accept-Ranges", "Content-Encoding", "Content-Length", "ETag", "Last-Modified")
_FRAMES = "frame-ancestors 'self'"
_REPORTS = "/api/security/csp-report"
_PLAIN = re.compile(r"[!-\[\]-~]+")
_DOTS = re.compile(r"(^|/)\.{1,2}(/|$)")


def asks_for_page(request: web.Request) -> bool:
    """Whether a browser wants to show what comes."""
    return request.method in (hdrs.METH_GET, hdrs.METH_HEAD) and "text/html" in request.headers.get(hdrs.ACCEPT, "")


def upward(request: web.Request, destination: Destination) -> CIMultiDict[str]:
    """What the server hears: neither who asks nor from where, but who the gateway is.

    Of encodings only those that a page could be read in. A body that came encoded is decoded by the framework.
    """
    wants_page = asks_for_page(request)
    taken = _SENT - _NOT_FOR_PAGES if wants_page else _SENT
    headers = CIMultiDict(_kept(request.headers.items(), taken))
    headers[hdrs.ACCEPT_ENCODING] = "gzip" if _takes_gzip(request) and not wants_page else "identity"
    if request.content_length is not None and request.can_read_body and hdrs.CONTENT_ENCODING not in request.headers:
        headers[hdrs.CONTENT_LENGTH] = str(request.content_length)
    headers.update(destination.headers)
    headers.update(destination.upstream.headers)
    return headers


def downward(answer: aiohttp.ClientResponse, rewriting: Rewriting, bases: Bases) -> CIMultiDict[str]:
    """What the client hears, ``Location`` aside. Never a cookie, and no header that holds the gateway's credential."""
    headers = CIMultiDict(
        (name, value) for name, value in _kept(answer.headers.items(), _GIVEN_BACK) if not rewriting.leaks(value)
    )
    if hdrs.CONTENT_TYPE in headers:  # of several a browser would believe the last
        headers[hdrs.CONTENT_TYPE] = headers[hdrs.CONTENT_TYPE]
    policy = ", ".join(headers.getall(hdrs.CONTENT_SECURITY_POLICY, [_FRAMES]))
    headers[hdrs.CONTENT_SECURITY_POLICY] = policy.replace(bases.theirs[0] + _REPORTS, bases.ours + _REPORTS)
    return headers


def without_revision(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """For a body that is not the server's: what told of its bytes is gone."""
    for name in _OF_THE_BYTES:
        headers.popall(name, None)
    headers.setdefault(hdrs.CACHE_CONTROL, "no-cache")
    return headers


def cookies(answer: aiohttp.ClientResponse, bases: Bases) -> Iterator[str]:
    """The server's cookies as the gateway's: for its own host, and below its base path."""
    for line in answer.headers.getall(hdrs.SET_COOKIE, ()):
        if not line.isprintable():
            continue
        pair, *attributes = (part.strip() for part in line.split(";"))
        named = {attribute.partition("=")[0].lower(): attribute for attribute in attributes}
        below = bases.below(named.pop("path", "").partition("=")[2])
        named.pop("domain", None)
        yield "; ".join([pair, *named.values(), f"Path={bases.ours}{below or '/'}"])


def location(
    answer: aiohttp.ClientResponse, rewriting: Rewriting, bases: Bases, *, signs_in: bool = False
) -> str | None:
    """Where a ``Location`` leads, counted from the gateway's base path; None where it leads nowhere in the gateway.

    A redirect that leads nowhere is UNAVAILABLE, as that of a hub for a server that is not running; one to the server's
    own login is UPSTREAM, as it refuses the gateway's credential, unless it is its callers that it ``signs_in``.
    """
    given = answer.headers.get(hdrs.LOCATION)
    if given is None:
        return None
    below = _below(given, answer.url, bases)
    if below is not None and not rewriting.leaks(below):
        if urlsplit(below).path == "/login" and not signs_in:
            raise refused_credential()
        return below
    if answer.status in REDIRECTS:
        detail = "The Jupyter server leads to a place outside of itself; it may not be running."
        raise Problem(Code.UNAVAILABLE, detail, source=Source.UPSTREAM, retry_after_seconds=5)
    return None


def _below(given: str, asked: URL, bases: Bases) -> str | None:
    """Browsers take backslashes for slashes, and pass over spaces and line ends: such a target is nowhere."""
    if not _PLAIN.fullmatch(given):
        return None
    try:
        target = urlsplit(urljoin(str(asked), given))
        origin = URL.build(scheme=target.scheme, host=target.hostname or "", port=target.port)
    except ValueError:
        return None
    if origin != bases.url.origin() or _DOTS.search(unquote(target.path)):
        return None
    below = bases.below(target.path or "/")
    if below is None:
        return None
    query = f"?{target.query}" if target.query else ""
    return below + query + (f"#{target.fragment}" if target.fragment else "")


def _kept(headers: Iterable[tuple[str, str]], names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The headers of these names; one that holds bytes which are no text is left out."""
    return ((name, value) for name, value in headers if name.lower() in names and value.isprintable())


def _takes_gzip(request: web.Request) -> bool:
    for each in ",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ())).split(","):
        name, _, weight = each.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
