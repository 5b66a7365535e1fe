"""The parts of a notebook as HTML: nbconvert reads Markdown and colours text, pygments highlights code."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from functools import lru_cache

from markupsafe import Markup, escape
from mistune import HTMLRenderer
from nbconvert.filters.ansi import ansi2html, strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexer import Lexer  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.lexers.special import TextLexer  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]

from gateway.exporting.allowed import DRAWING, PICTURES
from gateway.exporting.reading import (
    Display,
    Markdown,
    Output,
    Size,
    Text,
    drawing_url,
    picture_url,
)
from gateway.exporting.sanitising import Sanitiser

MAX_COLOUR_CHANGES = 2_000
"""In one text. nbconvert copies the rest of the text at each, so that a longer one would take minutes."""

TOO_LARGE = Markup("<p><em>This output is too large to be shown here.</em></p>")

_MAGIC = "%%"


class Rendering:
    """Makes the HTML of one notebook's parts, all of it safe to put into the page."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._sanitiser = Sanitiser()
        self._forms: dict[str, Callable[[str, Size], Markup | None]] = {
            "text/html": self._fragment,
            "text/markdown": self._markdown_form,
            DRAWING: lambda content, size: _picture(drawing_url(content), size),
            **{each: _picture_form(each) for each in PICTURES},
            "text/latex": lambda content, _: preformatted(content),
            "text/plain": lambda content, _: coloured(content),
        }

    def program(self, source: str) -> Markup:
        """Highlighted code; that of a cell magic by the language that the magic is named after, if any is."""
        lexer = _lexer(_magic(source)) or _lexer(self._language) or TextLexer()
        return Markup(highlight(source, lexer, HtmlFormatter(cssclass="highlight")))  # noqa: S704  pygments escapes

    def markdown(self, cell: Markdown) -> Markup:
        """The cell as HTML, or where that is too much, its source."""
        cleaned = self._sanitiser.cleaned(_MARKDOWN.render(cell.source), cell.attachments)
        return preformatted(cell.source) if cleaned is None else cleaned

    def output(self, output: Output) -> Markup:
        """The first form that leaves something to be seen: of what a script would draw, its picture or text."""
        if isinstance(output, Text):
            return coloured(output.text)
        found = list(self._shown(output))
        shown = next((each for each in found if each), None)
        return shown if shown is not None else TOO_LARGE if None in found else Markup()

    def _shown(self, display: Display) -> Iterator[Markup | None]:
        """Each form in the order of preference, up to the first to be seen; None for one that is too large."""
        for media_type, form in self._forms.items():
            if (content := display.forms.get(media_type)) is not None:
                shown = form(content, display.sizes.get(media_type, Size()))
                yield shown
                if shown:
                    return

    def _fragment(self, content: str, _size: Size) -> Markup | None:
        cleaned = self._sanitiser.cleaned(content)
        return cleaned if cleaned is None or _is_visible(cleaned) else Markup()

    def _markdown_form(self, content: str, size: Size) -> Markup | None:
        return self._fragment(_MARKDOWN.render(content), size)


def preformatted(text: str) -> Markup:
    """Text as it is."""
    return Markup("<pre>{}</pre>").format(text)


def coloured(text: str) -> Markup:
    """Text with its terminal colours, or without them where there are too many."""
    if text.count("\x1b") > MAX_COLOUR_CHANGES:
        text = strip_ansi(text)  # type: ignore[no-untyped-call]
    return Markup(f"<pre>{ansi2html(text)}</pre>")  # type: ignore[no-untyped-call]  # noqa: S704  ansi2html escapes


def _picture_form(media_type: str) -> Callable[[str, Size], Markup | None]:
    def form(content: str, size: Size) -> Markup:
        url = picture_url(media_type, content)
        return _picture(url, size) if url else Markup()

    return form


def _picture(url: str, size: Size) -> Markup:
    given = {"width": size.width, "height": size.height}
    attributes = Markup("").join(Markup(' {}="{}"').format(*each) for each in given.items() if each[1] is not None)
    return Markup('<img alt="" src="{}"{}>').format(url, attributes)


def _is_visible(cleaned: Markup) -> bool:
    return "<img" in cleaned or "<hr" in cleaned or bool(cleaned.striptags().strip())


def _magic(source: str) -> str:
    words = source.partition("\n")[0].removeprefix(_MAGIC).split()
    return words[0] if words and source.startswith(_MAGIC) else ""


@lru_cache(maxsize=128)
def _lexer(language: str) -> Lexer | None:
    """IPython's own lexers are there only where IPython is; Python's does nearly as well."""
    name = "python" if language.startswith("ipython") else language.lower()
    try:
        return get_lexer_by_name(name)
    except ClassNotFound:
        return None


class _Renderer(IPythonRenderer):
    """nbconvert's, for a page without scripts that loads nothing: it never looks for a picture's file."""

    def __init__(self) -> None:
        super().__init__(escape=False, embed_images=False)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture that is part of the notebook, or a link to one that is elsewhere."""
        if url.startswith(("attachment:", "data:")):
            return HTMLRenderer.image(self, text, url, title)
        return self.link(text or html.escape(url), url, title)

    def block_mermaidjs(self, code: str) -> str:
        """A diagram that only a script could draw, as its source."""
        return f"<pre><code>{escape(code)}</code></pre>"

    def task_list_item(self, text: str, *, checked: bool = False) -> str:
        """A box to tick, as a character."""
        return f"<li>{'☑' if checked else '☐'} {text}</li>\n"


_MARKDOWN = MarkdownWithMath(renderer=_Renderer())
