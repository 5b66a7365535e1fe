"""HTML of a notebook as a page may have it: known elements and attributes, pictures that are part of it, no more.

bleach does it. Its way through a fragment takes time that grows with the square of the number of marks in it, so that
a fragment with too many is not looked through at all.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from bleach.html5lib_shim import Filter  # type: ignore[import-untyped]
from bleach.sanitizer import Cleaner  # type: ignore[import-untyped]
from markupsafe import Markup

from gateway.exporting.allowed import ATTRIBUTES, ATTRIBUTES_OF, CLASSES, DRAWING, ELEMENTS, LEFT_OUT, LINKS, PICTURES
from gateway.exporting.styles import Styles

MAX_MARKS = 25_000
"""In one fragment: a table of 3,000 cells, half a second."""

MAX_CHARACTERS = 16 << 20
"""In one fragment, pictures in it included: bleach takes 20 times the memory."""

MAX_MARKS_OF_ALL = 250_000
"""In all fragments of a notebook."""

_EMPTIED = frozenset({"class", "src", "style"})
"""Attributes of which nothing may be left."""

_ATTACHED = "attachment:"
_PICTURE = re.compile(rf"data:(?:{'|'.join(map(re.escape, (*PICTURES, DRAWING)))});base64,[A-Za-z0-9+/=\s]+")
_PROTOCOLS = frozenset({"https", "http", "mailto", "data", "attachment"})
_TAGS = frozenset({"StartTag", "EndTag", "EmptyTag"})


class Sanitiser:
    """Cleans the fragments of one notebook."""

    def __init__(self) -> None:
        self._marks_left = MAX_MARKS_OF_ALL

    def cleaned(self, fragment: str, pictures: Mapping[str, str] | None = None) -> Markup | None:
        """What of the fragment may be shown, ``attachment:`` meaning ``pictures`` by name. None when too large."""
        marks = fragment.count("<") + fragment.count("&")
        if marks > min(MAX_MARKS, self._marks_left) or len(fragment) > MAX_CHARACTERS:
            return None
        self._marks_left -= marks
        cleaner = Cleaner(
            tags=ELEMENTS | LEFT_OUT,
            attributes=_is_looked_at,
            protocols=_PROTOCOLS,
            strip=True,
            filters=[partial(_Finished, pictures=pictures or {})],
            css_sanitizer=Styles(),
        )
        return Markup(cleaner.clean(fragment))  # noqa: S704  this is where text becomes safe


def is_harmless(element: str, attribute: str, value: str) -> bool:
    """Whether a finished page may have this."""
    if attribute == "href":
        return element == "a" and value.strip().lower().startswith(LINKS)
    if attribute == "src":
        return element == "img" and _PICTURE.fullmatch(value) is not None
    if attribute == "style":
        return Styles().sanitize_css(value) == value
    return attribute in ATTRIBUTES or attribute in ATTRIBUTES_OF.get(element, ())


def _is_looked_at(element: str, attribute: str, value: str) -> bool:
    """Whether bleach is to keep it. A style is then cleaned by bleach, an attachment replaced in the last step."""
    if attribute == "src" and value.startswith(_ATTACHED):
        return element == "img"
    return attribute == "style" or is_harmless(element, attribute, value)


class _Finished(Filter):  # type: ignore[misc]
    """The last step: leaves out what is no text, keeps known classes, puts attached pictures in their places."""

    def __init__(self, source: Any, pictures: Mapping[str, str]) -> None:
        super().__init__(source)
        self._pictures = pictures

    def __iter__(self) -> Iterator[Any]:
        depth = 0
        for token in super().__iter__():
            kind, name = token["type"], token.get("name")
            if kind in _TAGS and name in LEFT_OUT:
                depth += {"StartTag": 1, "EndTag": -1, "EmptyTag": 0}[kind]
            elif depth == 0:
                if kind in _TAGS and token.get("data"):
                    token["data"] = dict(self._finished(token["data"]))
                yield token

    def _finished(
        self, attributes: Mapping[tuple[str | None, str], str]
    ) -> Iterator[tuple[tuple[str | None, str], str]]:
        for (namespace, name), value in attributes.items():
            if name == "class":
                value = " ".join(word for word in value.split() if word in CLASSES)
            elif name == "src" and value.startswith(_ATTACHED):
                value = self._picture(html.unescape(value.removeprefix(_ATTACHED)))
            if value or name not in _EMPTIED:
                yield (namespace, name), value

    def _picture(self, name: str) -> str:
        return self._pictures.get(name) or self._pictures.get(unquote(name), "")
