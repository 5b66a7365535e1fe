"""Lists in pages: opaque tokens that belong to one query and are issued once (spec oci 3.7)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .calls import Call
from .habits import Habits
from .refusals import invalid

T = TypeVar("T")

ORDERS = ("ASC", "DESC")


@dataclass(frozen=True)
class Mark:
    """Where a page ended: the query, and the place of its last item in the order."""

    query: tuple[tuple[str, str], ...]
    caller: str
    last: Any


class Pages:
    """The tokens that have been handed out."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}

    def cut(
        self, call: Call, habits: Habits, items: Sequence[T], place: Callable[[T], Any], *, descending: bool
    ) -> tuple[list[T], dict[str, str]]:
        """The asked page of the items in the order of their places, and the headers that lead to the next one.

        What comes or goes between two pages neither repeats nor hides an item that stays. 400 for a token of another
        query. ``limit`` is capped without a word.
        """
        size = min(call.number("limit", habits.default_page), habits.max_page)
        ordered = sorted(items, key=place, reverse=descending)
        query = tuple(sorted((name, value) for name, value in call.query.items() if name not in ("page", "limit")))
        if "page" in call.query:
            mark = self._marks.get(call.query["page"])
            if mark is None or (mark.query, mark.caller) != (query, call.caller):
                raise invalid("The page token is not one of this list.")
            ordered = [each for each in ordered if _is_behind(place(each), mark.last, descending=descending)]
        page = ordered[:size]
        if len(ordered) <= size:
            return page, {}
        token = f"p-{secrets.token_urlsafe(9)}"
        self._marks[token] = Mark(query, call.caller, place(page[-1]))
        return page, {"Opc-Next-Page": token}


def is_descending(call: Call, sorted_by: str) -> bool:
    """The asked order; by default ``timeCreated`` begins with the newest."""
    return call.query.get("sortOrder", "DESC" if sorted_by == "timeCreated" else "ASC") == "DESC"


def _is_behind(place: Any, last: Any, *, descending: bool) -> bool:
    return bool(place < last if descending else place > last)
