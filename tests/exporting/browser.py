"""A page as a browser sees it: the html5lib parser's tree, and everything in it that runs, loads or leads astray."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bleach.html5lib_shim import HTMLParser  # type: ignore[import-untyped]  # bleach ships without types

_ACTIVE = re.compile(
    "animate|applet|audio|base|button|canvas|embed|foreignobject|form|frame|frameset|iframe|input|link|marquee|math|"
    "noscript|object|param|portal|script|select|set|slot|source|svg|template|textarea|track|use|video"
)
_ADDRESS = re.compile("action|background|cite|data|formaction|href|longdesc|ping|poster|src|srcset|xlink:href")
_LINK = re.compile(r"https?:|mailto:|(?![a-z][a-z0-9+.-]*:)", re.IGNORECASE)
"""To another page, or within this one; what has no scheme stays where the page is."""
_PASSED_OVER = str.maketrans("", "", "\t\n\r")
"""What a browser does not see in an address."""
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|bmp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_LOADING = re.compile(r"url|import|expression|image|behavior|binding|\\|position|@", re.IGNORECASE)

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def activity(page: str) -> list[str]:
    """What of the page is not dead text and embedded pictures, and what its own one style sheet loads: best nothing."""
    before, _, rest = page.partition("<style>")
    sheet, _, after = rest.partition("</style>")
    root = HTMLParser(namespaceHTMLElements=False).parse(f"{before}<style></style>{after}")
    found = ["a style sheet that loads"] if re.search(r"@import|url\((?!data:image/)", sheet) else []
    return [*found, *_activity_in(root)]


def text(page: str) -> str:
    """All text of the body, in one line."""
    root = HTMLParser(namespaceHTMLElements=False).parse(page[page.index("</style>") :])
    return " ".join("".join(root.itertext()).split())


def elements(page: str, name: str) -> list[Any]:
    """All elements of that name in the body."""
    root = HTMLParser(namespaceHTMLElements=False).parse(page[page.index("</style>") :])
    return [each for each in root.iter() if each.tag == name]


def _activity_in(root: Any) -> Iterator[str]:
    sheets = 0
    for element in root.iter():
        if not isinstance(element.tag, str):
            yield f"a comment: {element.text}"
            continue
        sheets += element.tag == "style"
        if _ACTIVE.fullmatch(element.tag.lower()) or "}" in element.tag:
            yield element.tag
        yield from _active_attributes(element)
    if sheets != 1:
        yield f"{sheets} style sheets"


def _active_attributes(element: Any) -> Iterator[str]:
    for name, value in element.attrib.items():
        harmless = {"href": _LINK, "src": _IMAGE}.get(name)
        if (
            name.startswith("on")
            or (name == "style" and _LOADING.search(value))
            or (_ADDRESS.fullmatch(name) and not (harmless and harmless.match(_seen(value))))
            or (name == "http-equiv" and element.get("content") != _POLICY)
        ):
            yield f"{name}={value}"


def _seen(address: str) -> str:
    return address.translate(_PASSED_OVER).strip("".join(map(chr, range(33))))
