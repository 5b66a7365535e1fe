"""What the bodies of requests hold, and the paths in them."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from gateway.contents.model import Kind
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import invalid
from gateway.dialects.dialect import Incoming
from gateway.wire import json
from gateway.wire.conditions import write_condition
from gateway.wire.contents_json import SaveModel

T = TypeVar("T")

_KINDS = {kind.value: kind for kind in Kind}


class SaveBody(SaveModel):
    """PUT."""

    copy_from: str | None = None


class NewBody(msgspec.Struct):
    """POST."""

    type: str | None = None
    ext: str | None = None
    copy_from: str | None = None


class RenameBody(msgspec.Struct):
    """PATCH."""

    path: str | None = None


async def optional_json(incoming: Incoming, shape: type[T]) -> T | None:
    """The body as ``shape``; None when there is none or it says null."""
    body = await incoming.body()
    if body.strip() in (b"", b"null"):
        return None
    return await offloaded(len(body), json.decode, body, shape)


async def required_json(incoming: Incoming, shape: type[T]) -> T:
    """The body as ``shape``. INVALID when there is none."""
    value = await optional_json(incoming, shape)
    if value is None:
        raise invalid("The request needs a JSON body.")
    return value


def kind_named(text: str | None) -> Kind | None:
    """The kind a client names; what Jupyter does not know counts as a file, as it does there."""
    if not text:
        return None
    return _KINDS.get(text, Kind.FILE)


def refuse_condition(incoming: Incoming) -> None:
    """INVALID when the client states a condition where none can be kept: dropping it would lose an update."""
    if write_condition(incoming.request.headers) is not None:
        raise invalid("If-Match and If-None-Match are not supported by this request.")


def visible(path: ContentPath) -> ContentPath:
    """The path, refused when it is hidden: INVALID, where the contents would say NOT_FOUND to a reader."""
    if path.is_hidden:
        raise invalid("Names that begin with a dot are hidden and cannot be written or copied.")
    return path
