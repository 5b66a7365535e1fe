"""Bytes in and out of the contents model: a notebook's JSON is spliced, a file travels as text or base64."""

from __future__ import annotations

import base64
import binascii

import msgspec

from adapters.oci.workspace import Facts
from gateway.contents.model import Kind
from gateway.contents.problem import Code, Problem
from gateway.wire.client import nonsense


class SaveBody(msgspec.Struct):
    """What a save sends (spec oci 4.4)."""

    type: str
    format: str
    content: msgspec.Raw | str


def body_of_save(body: bytes, kind: Kind) -> SaveBody:
    """The body of a PUT. UNPROCESSABLE when a notebook is not a JSON object, since it could not be spliced."""
    if kind is Kind.NOTEBOOK:
        return SaveBody(kind.value, "json", _checked_object(body))
    try:
        return SaveBody(kind.value, "text", body.decode("utf-8"))
    except UnicodeDecodeError:
        return SaveBody(kind.value, "base64", base64.b64encode(body).decode("ascii"))


def bytes_of(facts: Facts, kind: Kind) -> bytes:
    """The bytes an answer with content carries; UPSTREAM when it carries none."""
    content = bytes(facts.content)
    if kind is Kind.NOTEBOOK:
        if not content.startswith(b"{"):
            raise nonsense()
        return content
    try:
        text = msgspec.json.decode(content, type=str)
        if facts.format == "base64":
            return base64.b64decode("".join(text.split()), validate=True)
        return text.encode("utf-8")
    except (msgspec.MsgspecError, RecursionError, binascii.Error, UnicodeEncodeError) as error:
        raise nonsense() from error


def _checked_object(body: bytes) -> msgspec.Raw:
    try:
        body.decode("utf-8")
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(Code.UNPROCESSABLE, "The file is not a notebook: it is not a JSON object.") from error
    return msgspec.Raw(body)
