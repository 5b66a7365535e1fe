"""What a page may have of a notebook's own HTML: the lists. Whatever is not on them is left out."""

from __future__ import annotations

from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTS = _names("""
    a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del
    details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li mark nav ol p
    pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u
    ul var wbr
""")

LEFT_OUT = _names("""
    applet audio canvas dialog embed frameset iframe math noembed noframes object script select style svg template
    textarea title video xmp
""")
"""Elements whose content goes with them. Of all other unknown elements the content stays."""

ATTRIBUTES = _names("align class dir id lang title valign")
"""Of any element."""

ATTRIBUTES_OF = {
    "a": _names("name"),
    "col": _names("span width"),
    "colgroup": _names("span width"),
    "del": _names("datetime"),
    "details": _names("open"),
    "font": _names("color face size"),
    "img": _names("alt height width"),
    "ins": _names("datetime"),
    "li": _names("value"),
    "ol": _names("reversed start type"),
    "table": _names("border cellpadding cellspacing width"),
    "td": _names("colspan headers height rowspan width"),
    "th": _names("abbr colspan headers height rowspan scope width"),
    "time": _names("datetime"),
}

CLASSES = frozenset(STANDARD_TYPES.values()) | _names("highlight dataframe anchor-link")
"""Of highlighted code and tables. The page's style sheets know others, one of them for a dialogue that covers it."""

LINKS = ("https://", "http://", "mailto:", "#")
"""How a link may begin; a relative one leads nowhere from a page that stands alone."""

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp")
DRAWING = "image/svg+xml"
"""A browser runs no script of a drawing, and loads nothing for it, where it is the source of an ``img``."""

STYLES = _names("""
    background background-color border border-bottom border-bottom-color border-bottom-style border-bottom-width
    border-collapse border-color border-left border-left-color border-left-style border-left-width border-radius
    border-right border-right-color border-right-style border-right-width border-spacing border-style border-top
    border-top-color border-top-style border-top-width border-width caption-side clear color direction display float
    font font-family font-size font-style font-variant font-weight height letter-spacing line-height list-style-type
    margin margin-bottom margin-left margin-right margin-top max-height max-width min-height min-width opacity overflow
    overflow-wrap overflow-x overflow-y padding padding-bottom padding-left padding-right padding-top table-layout
    text-align text-decoration text-decoration-color text-decoration-line text-decoration-style text-indent
    text-transform vertical-align visibility white-space width word-break word-wrap
""")
"""Properties of an inline style."""
