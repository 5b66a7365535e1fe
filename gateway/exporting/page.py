"""The page around a notebook's parts: nbconvert's style sheets of JupyterLab in a template of our own.

nbconvert's own exporter is not used: it takes templates and style sheets from the current folder, writes some of a
notebook's facts unescaped, and passes what it has cleaned through a parser of other rules than a browser's.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jupyter_core.paths import jupyter_path
from jupyterlab_pygments import JupyterStyle  # type: ignore[import-untyped]
from markupsafe import Markup
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

from gateway.exporting.reading import Markdown, Notebook, Program
from gateway.exporting.rendering import Rendering, preformatted

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser is to hold the page to, whatever this program has overlooked."""

_SHEETS = ("theme-light.css", "index.css")


def page(title: str, notebook: Notebook) -> str:
    """The whole document."""
    return _TEMPLATE.render(
        title=title,
        policy=POLICY,
        styles=_STYLES,
        cells=notebook.cells,
        rendering=Rendering(notebook.language),
        preformatted=preformatted,
        is_markdown=lambda cell: isinstance(cell, Markdown),
        is_program=lambda cell: isinstance(cell, Program),
    )


def _styles() -> Markup:
    folder = next(
        each for path in jupyter_path("nbconvert", "templates", "lab", "static") if (each := Path(path)).exists()
    )
    sheets = [(folder / name).read_text(encoding="utf-8") for name in _SHEETS]
    return Markup("\n").join(map(Markup, [*sheets, HtmlFormatter(style=JupyterStyle).get_style_defs(".highlight")]))


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_STYLES = _styles()
_TEMPLATE = _environment().get_template("page.html.j2")
