"""A notebook as a page: nbconvert makes its parts, nh3 takes from them whatever a browser could run or load.

nh3 reads HTML as browsers do and keeps only what is listed here, so nothing that a notebook says needs to be trusted:
not its outputs, its Markdown, or the facts that nbconvert's template writes as they are.
"""

from __future__ import annotations

import html
import re
from typing import Any

import nbformat
import nh3
from jinja2 import DictLoader
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import DataTypeFilter, Highlight2HTML, ansi2html, strip_ansi

_TEMPLATES = DictLoader(
    {
        "parts.html.j2": "{%- extends 'lab/base.html.j2' -%}",
        "sheets.html.j2": (
            "{{ resources.include_css('static/theme-light.css') }}{{ resources.include_css('static/index.css') }}"
            "{% for sheet in resources.inlining.css %}<style>{{ sheet }}</style>{% endfor %}"
        ),
    }
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<title>{title}</title>
<style>
{styles}
</style>
</head>
<body class="jp-Notebook" data-jp-theme-light="true" data-jp-theme-name="JupyterLab Light">
<main>
{parts}
</main>
</body>
</html>
"""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser is to hold the page to, whatever this module has overlooked."""

_TAGS = nh3.ALLOWED_TAGS | {"figcaption", "figure", "section"}
_ATTRIBUTES = {
    tag: nh3.ALLOWED_ATTRIBUTES.get(tag, set()) | {"class", "data-mime-type", "id", "style", "title"} for tag in _TAGS
}
_SCHEMES = {"http", "https", "mailto", "data"}
_PICTURES = "data:image/"
_FORMS = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain"]
"""Of the forms an output comes in the first one is shown; what only a script could draw is not among them."""
_LOADING = re.compile(r"url|image|expression|\\|@", re.IGNORECASE)
_STYLE_PROPERTIES = {
    *(
        "background-color",
        "border",
        "border-collapse",
        "color",
        "font-family",
        "font-size",
        "font-style",
        "font-weight",
    ),
    *("height", "line-height", "margin", "padding", "text-align", "text-decoration", "vertical-align", "white-space"),
    "width",
}

_MAX_COPIED_CHARACTERS = 10**10
"""Of one text: nbconvert copies what is left of it at each change of colour. Some two seconds."""


def page(title: str, notebook: bytes) -> str:
    """The whole document. Raises what nbformat and nbconvert raise for what they cannot read or show."""
    content = nbformat.reads(notebook.decode("utf-8"), as_version=4)
    content.metadata.pop("widgets", None)  # which only scripts could draw
    parts, _ = _PARTS.from_notebook_node(content)
    parts = parts.encode("utf-8", "replace").decode("utf-8")  # nh3 takes no unpaired surrogates
    return _PAGE.format(policy=POLICY, title=html.escape(title), styles=_STYLE_SHEET, parts=_cleaned(parts))


def _cleaned(parts: str) -> str:
    return nh3.clean(
        parts,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes=_SCHEMES,
        filter_style_properties=_STYLE_PROPERTIES,
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    """A picture comes with the page and from nowhere else, nothing else comes with it, and no style loads anything."""
    if (tag, name) == ("img", "src"):
        return value if value.lower().startswith(_PICTURES) else None
    if name == "style":
        return None if _LOADING.search(value) else value
    return None if value.lower().lstrip().startswith("data:") else value


def _coloured(text: str) -> str:
    """Text with its terminal colours, or without them where there are so many that nobody would wait for them."""
    copied = text.count("\x1b") * len(text) // 2
    return str(ansi2html(text if copied < _MAX_COPIED_CHARACTERS else strip_ansi(text)))


class _Exporter(HTMLExporter):
    """HTML's, without its last step: to read and write the whole page once more takes longer than all the rest."""

    def from_notebook_node(  # type: ignore[override]  # as nbconvert itself overrides it
        self, nb: Any, resources: Any = None, **more: Any
    ) -> tuple[str, Any]:
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name"))
        self.register_filter("highlight_code", Highlight2HTML(pygments_lexer=lexer, parent=self))
        self.register_filter("filter_data_type", DataTypeFilter(parent=self))
        return TemplateExporter.from_notebook_node(self, nb, resources, **more)


def _exporter(template: str) -> HTMLExporter:
    """Each piece of a notebook is cleaned by itself, so that none swallows what follows; and later all of it again.

    Left to itself nbconvert takes templates from the current folder, too.
    """
    exporter = _Exporter(
        template_name="lab",
        template_file=template,
        extra_loaders=[_TEMPLATES],
        extra_template_basedirs=[],
        sanitize_html=True,
    )
    exporter.register_filter("clean_html", _cleaned)
    exporter.register_filter("ansi2html", _coloured)
    exporter.config.NbConvertBase.display_data_priority = _FORMS
    return exporter


def _style_sheet() -> str:
    """JupyterLab's own, as nbconvert brings it, in one piece."""
    sheets, _ = _exporter("sheets.html.j2").from_notebook_node(nbformat.v4.new_notebook())
    return "\n".join(re.findall("<style[^>]*>(.*?)</style>", sheets, re.DOTALL))


_PARTS = _exporter("parts.html.j2")
_STYLE_SHEET = _style_sheet()
