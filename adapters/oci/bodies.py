"""Notebooks in and out of the contents model: their JSON is spliced, never rebuilt."""

from __future__ import annotations

import msgspec

from adapters.oci.models import Facts
from gateway.contents.model import Kind
from gateway.contents.problem import Code, Problem
from gateway.wire.client import nonsense


class SaveBody(msgspec.Struct):
    """What a save sends (spec oci 4.4)."""

    type: str
    format: str
    content: msgspec.Raw


def body_of_save(body: bytes) -> SaveBody:
    """The body of a PUT. UNPROCESSABLE when a notebook is not a JSON object, since it could not be spliced."""
    return SaveBody(Kind.NOTEBOOK.value, "json", _checked_object(body))


def notebook_of(facts: Facts) -> bytes:
    """The notebook an answer carries; UPSTREAM when it carries none."""
    content = bytes(facts.content)
    if not content.startswith(b"{"):
        raise nonsense()
    return content


def _checked_object(body: bytes) -> msgspec.Raw:
    try:
        body.decode("utf-8")
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(Code.UNPROCESSABLE, "The file is not a notebook: it is not a JSON object.") from error
    return msgspec.Raw(body)
