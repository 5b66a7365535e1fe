"""What goes over the pipes between the gateway and the process that makes its pages: one request, one reply."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO

REQUEST_HEAD = struct.Struct("!QQ")
"""How many bytes of the title follow, and how many of the notebook."""

REPLY_HEAD = struct.Struct("!BQ")
"""The outcome, and how many bytes of the page, or of the reason why there is none."""


class Outcome(IntEnum):
    SHOWN = 0
    REFUSED = 1


@dataclass(frozen=True, slots=True)
class Request:
    title: str
    notebook: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """``text`` is the page, or one sentence for the caller."""

    outcome: Outcome
    text: str


def request_frame(request: Request) -> tuple[bytes, bytes]:
    """The request as bytes, in two parts: the notebook, which may be large, is not copied."""
    title = request.title.encode("utf-8", "replace")
    return REQUEST_HEAD.pack(len(title), len(request.notebook)) + title, request.notebook


def reply_frame(reply: Reply) -> bytes:
    text = reply.text.encode("utf-8", "replace")
    return REPLY_HEAD.pack(reply.outcome, len(text)) + text


def read_request(stream: BinaryIO) -> Request | None:
    """The next request; None when there will be none, or only a part of it came."""
    head = stream.read(REQUEST_HEAD.size)
    if len(head) < REQUEST_HEAD.size:
        return None
    title_bytes, notebook_bytes = REQUEST_HEAD.unpack(head)
    title, notebook = stream.read(title_bytes), stream.read(notebook_bytes)
    if len(notebook) < notebook_bytes:
        return None
    return Request(title.decode("utf-8", "replace"), notebook)
