"""What clients ask of kernels, sessions and terminals: ids that a server could have, and bodies of the right shape."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from gateway.contents.paths import ContentPath, is_plain_name
from gateway.contents.problem import Problem, invalid, not_found
from gateway.dialects.dialect import Incoming
from gateway.dialects.jupyter.bodies import optional_json
from gateway.dialects.jupyter.compute.answers import Model
from gateway.wire import json

T = TypeVar("T", bound=msgspec.Struct)

START_SECONDS = 120.0
"""How long a kernel may take to start, or to start again."""
ROUTE_SECONDS = 150.0
"""The same with all that is asked before and after."""

_ID = re.compile(r"\w+(-\w+){4}", re.ASCII)
_SPEC_NAME = re.compile(r"[\w.-]+", re.ASCII)
_TERMINAL_NAME = re.compile(r"([\w-]+\.)?\w+", re.ASCII)
"""Perhaps behind the name of a mount."""


class KernelFields(msgspec.Struct):
    """What a session's body says of its kernel."""

    id: str | None = None
    name: str | None = None


async def body_of(incoming: Incoming, shape: type[T]) -> tuple[T, Model] | None:
    """The body, once as what matters of it and once with all its fields; None when there is none."""
    asked = await optional_json(incoming, shape)
    return None if asked is None else (asked, json.decode(await incoming.body(), Model))


def id_of(incoming: Incoming, name: str) -> str:
    """An id of a kernel or a session. NOT_FOUND for what can be none."""
    text = incoming.text(name)
    if not _ID.fullmatch(text):
        raise not_found("There is nothing with that id.")
    return text


def checked_id(text: str) -> str:
    """The same of a body: INVALID."""
    if not _ID.fullmatch(text):
        raise invalid("The id of a kernel is of five words with hyphens between them, such as a UUID.")
    return text


def spec_name_of(incoming: Incoming) -> str:
    """The name of a kernelspec. NOT_FOUND for what can be none."""
    text = incoming.text("name")
    if not is_spec_name(text):
        raise not_found("There is no kernel of that name.")
    return text


def is_spec_name(text: str) -> bool:
    return is_plain_name(text) and _SPEC_NAME.fullmatch(text) is not None


def terminal_of(incoming: Incoming) -> str:
    """The name of a terminal. NOT_FOUND for what can be none."""
    text = incoming.text("terminal")
    if not _TERMINAL_NAME.fullmatch(text):
        raise not_found("There is no terminal of that name.")
    return text


def checked_terminal(text: str) -> str:
    """The same of a body: INVALID."""
    if not _TERMINAL_NAME.fullmatch(text):
        raise invalid("The name of a terminal is of letters, digits and underscores.")
    return text


def folder_of(text: str | None) -> ContentPath | None:
    """Where something is to start; None where that cannot be a place, as the server then takes its own."""
    if text is None:
        return None
    try:
        return ContentPath.parse(text)
    except Problem:
        return None
