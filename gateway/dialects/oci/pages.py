"""Lists in pages: an opaque token says after which item to go on, and in which list (spec oci 3.7).

The token names the last item and not its number, so what is made or deleted between two pages shifts nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
from multidict import MultiMapping

from gateway.contents.problem import invalid

T = TypeVar("T")

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
"""What a larger ``limit`` is silently cut to."""

_DIGEST_CHARACTERS = 16


class _Token(msgspec.Struct, array_like=True):
    query: str
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, and the token for the next ones; None on the last page."""

    items: tuple[T, ...]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of which list: ``query`` identifies the list, order and filters included."""

    limit: int
    after: tuple[str, ...] | None
    query: str
    is_descending: bool

    @classmethod
    def parse(cls, query: MultiMapping[str], told_apart_by: Iterable[str], *, is_descending: bool) -> PageRequest:
        """From the query of a list call. INVALID for a limit that is none, or the token of another list."""
        parts = [query.get(name, "") for name in (*told_apart_by, "sortOrder", "sortBy")]
        digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARACTERS]
        token = query.get("page")
        return cls(_limit(query.get("limit")), _after(token, digest) if token else None, digest, is_descending)

    def cut(self, items: Iterable[T], key: Callable[[T], tuple[str, ...]]) -> Page[T]:
        """The page out of all items; ``key`` orders them and tells each from all others."""
        ordered = sorted(items, key=key, reverse=self.is_descending)
        remaining = [item for item in ordered if self._comes_later(key(item))]
        page = tuple(remaining[: self.limit])
        has_more = len(remaining) > len(page)
        return Page(page, self._token(key(page[-1])) if has_more else None)

    def _comes_later(self, key: tuple[str, ...]) -> bool:
        if self.after is None:
            return True
        return key < self.after if self.is_descending else key > self.after

    def _token(self, last: tuple[str, ...]) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(_Token(self.query, last))).decode("ascii")


def sort_order(query: MultiMapping[str], sort_keys: Sequence[str]) -> tuple[str, bool]:
    """What to sort by, and whether downwards: dates begin with the newest, all else with the least (spec oci 3.7)."""
    sort_by, order = query.get("sortBy") or sort_keys[0], query.get("sortOrder") or ""
    if sort_by not in sort_keys:
        raise invalid(f"sortBy is {' or '.join(sort_keys)}.")
    if order not in ("", "ASC", "DESC"):
        raise invalid("sortOrder is ASC or DESC.")
    return sort_by, order == "DESC" if order else sort_by == "timeCreated"


def _limit(text: str | None) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal() and text.strip("0") and len(text) < 10):
        raise invalid("limit is a whole number from 1 on.")
    return min(int(text), MAX_LIMIT)


def _after(token: str, digest: str) -> tuple[str, ...]:
    try:
        given = msgspec.json.decode(base64.b64decode(token, altchars=b"-_", validate=True), type=_Token)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise invalid("page is no token of this list.") from error
    if given.query != digest:
        raise invalid("page is the token of another list.")
    return given.after
