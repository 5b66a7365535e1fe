"""What is the Jupyter server's own and goes through as it comes: pages, assets, settings, extensions and their sockets.

The caller's credential stays here: the gateway proves itself to the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import hdrs

from gateway.contents.model import Caller
from gateway.contents.operations import Services
from gateway.contents.paths import decode
from gateway.contents.problem import Code, Problem, Reason, invalid
from gateway.contents.upstream import Destination
from gateway.dialects.dialect import Call, Carry, Incoming
from gateway.dialects.jupyter.methods import allowing

METHODS = (
    hdrs.METH_GET,
    hdrs.METH_HEAD,
    hdrs.METH_POST,
    hdrs.METH_PUT,
    hdrs.METH_PATCH,
    hdrs.METH_DELETE,
    hdrs.METH_OPTIONS,
)
"""Not TRACE, whose answer is the request with the gateway's credential in it."""

_NEVER = frozenset({"api/shutdown"})
"""Ends the server for everybody who uses it."""
_OWN = frozenset(
    {
        *(("api", each) for each in ("contents", "kernels", "kernelspecs", "sessions", "terminals")),
        ("terminals", "websocket"),
        ("files",),
        ("kernelspecs",),
        ("nbconvert",),
    }
)
"""How begins what the gateway answers itself: no other spelling of it leads past that."""
_SEPARATOR = re.compile(r"([&;])")


@dataclass(frozen=True, slots=True)
class CarryHome:
    """To the server whose pages the caller sees."""

    caller: Caller
    target: str

    async def run(self, services: Services) -> Destination:
        return Destination(services.servers.home(self.caller).backend.upstream, self.target)


async def carry_home(incoming: Incoming) -> Call[Any] | Carry:
    """Any request that no other route takes. OPTIONS, which needs no credential, is answered here."""
    method = incoming.request.method
    if method == hdrs.METH_OPTIONS:
        return await allowing(METHODS)(incoming)
    if method not in METHODS:
        raise Problem(Code.METHOD_NOT_ALLOWED, f"{method} is not supported here.", allow=METHODS)
    return Carry(CarryHome(incoming.caller, target_of(incoming, incoming.parameters["tail"])))


def target_of(incoming: Incoming, tail: str) -> str:
    """``tail``, still encoded, with the request's query as a target for a server.

    INVALID when a path could lead out of what the server is for this caller; NOT_FOUND for what nobody may ask it.
    """
    names = _names(tail)
    if any(not _stays(name) for name in names) or (not names[0] and len(names) > 1):
        raise invalid("A path may not contain '.' or '..' segments, backslashes or control characters, or begin empty.")
    spoken = tuple(name for name in names if name)
    if "/".join(spoken) in _NEVER or spoken[:2] in _OWN or spoken[:1] in _OWN:
        raise Problem(Code.NOT_FOUND, "There is nothing at this URL.", reason=Reason.NO_ROUTE)
    query = query_without_token(incoming.request.raw_path.partition("?")[2])
    return f"/{tail}?{query}" if query else f"/{tail}"


def query_without_token(query: str) -> str:
    """The query as it was sent, without the caller's credential in any spelling; some servers take ``;`` for ``&``."""
    if "#" in query:
        raise invalid("A fragment is no part of a request.")
    pieces = ["&", *_SEPARATOR.split(query)]
    pairs = zip(pieces[::2], pieces[1::2], strict=True)
    return "".join(f"{separator}{pair}" for separator, pair in pairs if pair and _name(pair) != "token")[1:]


def _names(tail: str) -> list[str]:
    """The segments as the last of several servers would see them if each of them decoded the path."""
    text, last = decode(tail), None
    while text != last:
        text, last = unquote(text), text
    if "#" in tail:
        raise invalid("A fragment is no part of a request.")
    return text.split("/")


def _stays(name: str) -> bool:
    """Some servers pass over what follows a semicolon."""
    is_plain = "\\" not in name and all(" " <= letter != "\x7f" for letter in name)
    return is_plain and name.partition(";")[0] not in (".", "..")


def _name(pair: str) -> str:
    return decode(pair.partition("=")[0].replace("+", " "))
