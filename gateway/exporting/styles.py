"""Inline style as a notebook may have it: known properties with plain values, nothing that loads or covers the page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import tinycss2  # type: ignore[import-untyped]

from gateway.exporting.allowed import STYLES

_PLAIN = frozenset({"ident", "number", "percentage", "dimension", "hash", "whitespace"})
_SEPARATORS = frozenset({",", "/"})
_COLOURS = frozenset({"rgb", "rgba", "hsl", "hsla"})
_NAME = re.compile(r"[\w -]+")


class Styles:
    """The part of a sanitiser that looks through ``style`` attributes; bleach calls it."""

    def sanitize_css(self, style: str) -> str:
        """The declarations that may stay, in one spelling: what comes out goes through again unchanged."""
        return _kept(style)


@lru_cache(maxsize=1024)
def _kept(style: str) -> str:
    found = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
    kept = (each for each in found if each.type == "declaration" and each.lower_name in STYLES)
    return "; ".join(
        f"{each.lower_name}: {tinycss2.serialize(each.value).strip()}" for each in kept if _is_plain(each.value)
    )


def _is_plain(tokens: Iterable[Any]) -> bool:
    return all(_is_plain_token(token) for token in tokens)


def _is_plain_token(token: Any) -> bool:
    if token.type == "function":
        return token.lower_name in _COLOURS and _is_plain(token.arguments)
    if token.type == "string":
        return _NAME.fullmatch(token.value) is not None
    return token.type in _PLAIN or (token.type == "literal" and token.value in _SEPARATORS)
