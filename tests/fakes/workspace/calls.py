"""One verified request, as the operations see it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from .refusals import RefusalError, invalid, missing

FLAG = ("true", "false")


@dataclass(frozen=True)
class Call:
    """``platform`` and ``base`` are the absolute URLs of the platform and the workspace, without a slash at the end."""

    method: str
    target: str
    caller: str
    platform: str
    base: str
    headers: Mapping[str, str]
    query: dict[str, str]
    body: bytes

    def check_query(self, **allowed: tuple[str, ...] | None) -> None:
        """400 for a parameter that is not allowed, or has none of the allowed values; None allows any."""
        for name, value in self.query.items():
            if name not in allowed:
                raise invalid(f"There is no query param {name}.")
            values = allowed[name]
            if values is not None and (value.lower() if values is FLAG else value) not in values:
                raise invalid(f"The query param {name} is not valid.")

    def query_flag(self, name: str) -> bool:
        return self.query.get(name, "false").lower() == "true"

    def header_flag(self, name: str) -> bool:
        value = self.headers.get(name, "false").lower()
        if value not in FLAG:
            raise invalid(f"header param {name} is true or false.")
        return value == "true"

    def number(self, name: str, default: int) -> int:
        """A positive number in the query."""
        text = self.query.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
            raise invalid(f"{name} is a positive number.")
        return int(text)

    def json(self) -> dict[str, Any]:
        if not self.body:
            raise missing("The request body")
        try:
            value = json.loads(self.body, parse_constant=_refused)
        except (ValueError, RecursionError) as error:
            raise RefusalError(400, "CannotParseRequest", "The request body is not JSON.") from error
        if not isinstance(value, dict):
            raise invalid("The request body must be an object.")
        return value


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def parse_query(text: str) -> dict[str, str]:
    """``+`` is a space; a parameter that is given twice is refused."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise RefusalError(400, "CannotParseRequest", "The query is not UTF-8.") from error
    if len(dict(pairs)) != len(pairs):
        raise invalid("A query param is given twice.")
    return dict(pairs)


def check_fields(details: dict[str, Any], fields: Mapping[str, type | tuple[type, ...]], *, strict: bool) -> None:
    """400 for a field of another type, and for an unknown one where ``strict``. Null is as good as absent."""
    for name, value in details.items():
        if name not in fields:
            if strict:
                raise invalid(f"Unrecognized field {name}.")
            continue
        is_number_asked = fields[name] is int
        if value is not None and (not isinstance(value, fields[name]) or (is_number_asked and isinstance(value, bool))):
            raise invalid(f"{name} is of another type.")
