"""The last look at a finished page, by another parser than the one that cleaned its parts."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser

from gateway.contents.problem import Code, Problem
from gateway.exporting.allowed import ELEMENTS
from gateway.exporting.page import POLICY
from gateway.exporting.sanitising import is_harmless

_FRAME = ("html", "head", "meta", "meta", "meta", "meta", "title", "style", "body", "main")
"""The page's own elements, in the order in which they begin; none of them comes from a notebook."""

_FRAME_ENDS = ("title", "style", "head", "main", "body", "html")

_METAS = (
    {"charset": "utf-8"},
    {"http-equiv": "Content-Security-Policy", "content": POLICY},
    {"name": "referrer", "content": "no-referrer"},
    {"name": "viewport", "content": "width=device-width, initial-scale=1.0"},
)
_OWN_ATTRIBUTES = frozenset({"data-mime-type", "data-jp-theme-light", "data-jp-theme-name"})

Attributes = Sequence[tuple[str, str | None]]


def inspect(document: str) -> None:
    """UNPROCESSABLE unless all of the page is on the list of what a page may have, and its frame is whole."""
    inspector = _Inspector()
    inspector.feed(document)
    inspector.close()
    frame = (tuple(inspector.begun), tuple(inspector.ended), tuple(inspector.metas))
    if inspector.faults or frame != (_FRAME, _FRAME_ENDS, _METAS):
        raise Problem(Code.UNPROCESSABLE, "The notebook holds what cannot be made safe to be shown as HTML.")


class _Inspector(HTMLParser):
    """Collects what may not be there. Comments and their like may not: nothing that this program writes has any."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.metas: list[dict[str, str | None]] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag not in ELEMENTS:
            self.begun.append(tag)
        if tag == "meta":
            self.metas.append(dict(attrs))
        else:
            self.faults.extend(name for name, value in attrs if not _is_harmless(tag, name, value or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in ELEMENTS:
            self.ended.append(tag)

    def handle_comment(self, data: str) -> None:
        self.faults.append(data)

    def handle_decl(self, decl: str) -> None:
        if decl != "DOCTYPE html" or self.begun:
            self.faults.append(decl)

    def handle_pi(self, data: str) -> None:
        self.faults.append(data)

    def unknown_decl(self, data: str) -> None:
        self.faults.append(data)


def _is_harmless(tag: str, name: str, value: str) -> bool:
    return name in _OWN_ATTRIBUTES or is_harmless(tag, name, value)
