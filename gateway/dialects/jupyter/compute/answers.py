"""What a Jupyter server answered: kept where it is a success, worded anew where it is not (spec jupyter 0.7 and A5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from aiohttp import web

from gateway.contents.problem import Code, Problem, Reason, Source, invalid, not_found
from gateway.contents.upstream import Forwarded
from gateway.dialects.dialect import json_response
from gateway.wire import json

T = TypeVar("T")

Model = dict[str, msgspec.Raw]
"""An object of the server, of which only some fields are looked at."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller is answered; without ``body`` there is nothing to say."""

    status: int
    body: bytes | None = None
    location: str | None = None


def render_said(said: Said) -> web.Response:
    """The answer."""
    if said.body is None:
        return web.Response(status=said.status)
    headers = {} if said.location is None else {"Location": said.location}
    return json_response(said.body, status=said.status, headers=headers)


def expected(answer: Forwarded, *statuses: int) -> Forwarded:
    """The answer when it is one of these; otherwise the problem that it stands for, in our own words."""
    if answer.status in statuses:
        return answer
    match answer.status:
        case 400:
            raise invalid("The Jupyter server refuses this request.")
        case 404 if answer.is_missing:
            raise not_found("The Jupyter server knows nothing of that name.")
        case 409:
            raise Problem(Code.CONFLICT, "The Jupyter server has one of that id already.")
        case 429 | 502 | 503 | 504:
            raise Problem(Code.UNAVAILABLE, "The Jupyter server is not available.", source=Source.UPSTREAM)
    raise Problem(Code.UPSTREAM, "The Jupyter server failed.", source=Source.UPSTREAM)


def not_started(name: str | None) -> Problem:
    """UNSUPPORTED, as the reference has it; of what the server says nothing is passed on, as it may hold its paths."""
    kernel = "The usual kernel" if name is None else f"The kernel {name!r}"
    return Problem(
        Code.UNSUPPORTED,
        f"{kernel} is not there, or could not be started. Pick another one, or have it installed.",
        reason=Reason.KERNEL,
    )


def decoded(body: bytes | msgspec.Raw, shape: type[T]) -> T:
    """JSON of the server. UPSTREAM when it is something else."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        detail = "The Jupyter server gave an answer that makes no sense."
        raise Problem(Code.UPSTREAM, detail, source=Source.UPSTREAM) from error


def text_of(model: Mapping[str, msgspec.Raw], name: str) -> str:
    """A field that holds text. UPSTREAM when it does not."""
    return decoded(model.get(name, msgspec.Raw(b"null")), str)


def raw(value: object) -> msgspec.Raw:
    """A value in place of what the server had."""
    return msgspec.Raw(json.encode(value))
