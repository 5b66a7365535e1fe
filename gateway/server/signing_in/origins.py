"""Where a browser's request comes from: the gateway's own pages, or others, whom cookies must not serve.

A browser attaches cookies by itself, whichever page asks. Who shows a token was given it, and is not asked for more
(spec jupyter A1).
"""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import hdrs, web

from gateway.contents.problem import Code, Problem

SEC_FETCH_SITE = "Sec-Fetch-Site"
SEC_FETCH_MODE = "Sec-Fetch-Mode"

_OWN_SITES = frozenset({"same-origin", "none"})
"""What a browser says of what a page of the same origin, or its user alone, has asked for."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Origins:
    """The origin by which a request reached the gateway, and the ``further`` ones by which proxies do; no patterns.

    An origin is compared as browsers spell it, letter for letter.
    """

    def __init__(self, further: Iterable[str] = ()) -> None:
        self._further = frozenset(further)

    def refuse_foreign(self, request: web.Request) -> None:
        """FORBIDDEN where a page of another origin asks, which may only follow a link: to a page, and not read it.

        A socket must say where it comes from; every browser does.
        """
        if asks_for_socket(request) and hdrs.ORIGIN not in request.headers:
            raise _foreign("A WebSocket that relies on a cookie must say its Origin.")
        if not self._has_own_origin(request) or not (_has_own_site(request) or _follows_link(request)):
            raise _foreign()

    def refuse_others(self, request: web.Request) -> None:
        """FORBIDDEN unless nothing speaks against a page of the gateway's own, links from others included."""
        if not self._has_own_origin(request) or not _has_own_site(request):
            raise _foreign()

    def refuse_unproven(self, request: web.Request) -> None:
        """FORBIDDEN unless the browser says that a page of the gateway's own asks."""
        self.refuse_others(request)
        if hdrs.ORIGIN not in request.headers and SEC_FETCH_SITE not in request.headers:
            raise _foreign("The request does not say which page it comes from.")

    def _has_own_origin(self, request: web.Request) -> bool:
        given = request.headers.getall(hdrs.ORIGIN, [])
        return not given or (len(given) == 1 and (given[0] == own_origin(request) or given[0] in self._further))


def own_origin(request: web.Request) -> str | None:
    """How a browser spells the origin of the page at this URL; None where the request does not say its host."""
    if (host := own_host(request)) is None:
        return None
    scheme = "https" if is_secure(request) else "http"
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS[scheme])}"


def own_host(request: web.Request) -> str | None:
    """Host and port as the client names them."""
    given = request.headers.getall(hdrs.HOST, [])
    return given[0].lower() if len(given) == 1 and given[0] else None


def is_secure(request: web.Request) -> bool:
    """Whether the browser speaks TLS, to the gateway or to the proxy in front of it."""
    forwarded = request.headers.get(hdrs.X_FORWARDED_PROTO, "").partition(",")[0].strip().lower()
    return request.secure or forwarded == "https"


def asks_for_socket(request: web.Request) -> bool:
    """Whether this could be the handshake of a WebSocket."""
    return any("websocket" in value.lower() for value in request.headers.getall(hdrs.UPGRADE, []))


def wants_page(request: web.Request) -> bool:
    """Whether somebody in front of a browser goes to a page."""
    accepts = ",".join(request.headers.getall(hdrs.ACCEPT, [])).lower()
    is_navigation = request.headers.get(SEC_FETCH_MODE, "navigate") == "navigate"
    return request.method == hdrs.METH_GET and "text/html" in accepts and is_navigation and not asks_for_socket(request)


def follows_link(request: web.Request) -> bool:
    """Whether a page has sent the browser here, and not its user alone. One of the gateway's own may show what others
    have written."""
    return any(site != "none" for site in request.headers.getall(SEC_FETCH_SITE, []))


def _has_own_site(request: web.Request) -> bool:
    return all(site in _OWN_SITES for site in request.headers.getall(SEC_FETCH_SITE, []))


def _follows_link(request: web.Request) -> bool:
    return request.method == hdrs.METH_GET and request.headers.get(SEC_FETCH_MODE) == "navigate"


def _foreign(detail: str = "The request comes from a page of another origin.") -> Problem:
    return Problem(Code.FORBIDDEN, detail)
