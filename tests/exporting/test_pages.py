"""What of a notebook is seen in its page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.contents.problem import Code, Problem
from gateway.exporting.worker import to_html
from tests.exporting.browser import activity, elements, text
from tests.exporting.notebooks import PIXEL, code, display, error, html, markdown, notebook, stream

PICTURE = f"data:image/png;base64,{PIXEL}"


def page_of(*cells: dict[str, Any], **metadata: Any) -> str:
    page = to_html("title", notebook(*cells, **metadata))
    assert activity(page) == []
    return page


def test_a_page_is_a_whole_document_with_the_title_it_was_given() -> None:
    page = to_html("Résumé <2>", notebook())
    assert page.startswith("<!DOCTYPE html>")
    assert "<title>Résumé &lt;2&gt;</title>" in page
    assert page.rstrip().endswith("</html>")


def test_markdown_is_read() -> None:
    source = "# A *title*\n\n**bold** `code` ~~lines~~\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n- [ ] not"
    page = page_of(markdown(source))
    (heading,) = elements(page, "h1")
    assert (heading.get("id"), len(elements(page, "strong")), len(elements(page, "td"))) == ("A-title", 1, 2)
    assert text(page).endswith("done not")


def test_formulas_stay_as_they_are_written() -> None:
    page = page_of(markdown("$a_1 < b_2$ and\n\n$$\\sum_i x_i * y_i$$"), code(display({"text/latex": "$\\alpha$"})))
    assert all(formula in text(page) for formula in ("$a_1 < b_2$", "$$\\sum_i x_i * y_i$$", "$\\alpha$"))


@pytest.mark.parametrize(
    ("source", "metadata", "expected"),
    [
        ("import os", {}, ("kn", "import")),
        ("val x = 1", {"language_info": {"name": "scala", "pygments_lexer": "scala"}}, ("kd", "val")),
        ("import os", {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}, ("kn", "import")),
        ("select 1", {"language_info": {"name": "sql"}}, ("k", "select")),
        ("%%time\nimport os", {}, ("kn", "import")),
        ("%%", {}, ("o", "%%")),
    ],
)
def test_code_is_highlighted_in_its_language(source: str, metadata: dict[str, Any], expected: tuple[str, str]) -> None:
    spans = elements(page_of(code(source=source), **metadata), "span")
    assert expected in [(each.get("class"), each.text) for each in spans]


def test_code_of_an_unknown_language_is_text() -> None:
    assert "a < b" in text(page_of(code(source="a < b"), language_info={"name": "nothing-known"}))


def test_prompts_have_their_numbers() -> None:
    result = {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": "2"}, "execution_count": 7}
    page = page_of(code(result, source="1 + 1", execution_count=7), code(source="x", execution_count=None))
    assert text(page) == "In [7]: 1 + 1 Out[7]: 2 In [ ]: x"


def test_printed_text_keeps_its_colours_and_the_error_stream_its_ground() -> None:
    page = page_of(code(stream("a \x1b[31mred\x1b[0m\n"), stream("b \x1b[38;2;1;2;3;48;5;20mtrue\x1b[0m", "stderr")))
    red, true = [each for each in elements(page, "span") if each.text in ("red", "true")]
    assert (red.get("class"), true.get("style")) == (
        "ansi-red-fg",
        "color:rgb(1, 2, 3);background-color:rgb(0, 0, 215)",
    )
    grounds = [each.get("data-mime-type") for each in elements(page, "div") if each.get("data-mime-type")]
    assert grounds == ["text/plain", "application/vnd.jupyter.stderr"]


def test_text_with_too_many_colours_goes_without() -> None:
    page = page_of(code(stream("\x1b[31mred\x1b[0m " * 40_000)))
    assert text(page).count("red") == 40_000
    assert "ansi-red-fg" not in page.partition("</style>")[2]


def test_an_error_shows_its_traceback() -> None:
    page = page_of(code(error("\x1b[31mTraceback\x1b[0m", "line 2")))
    assert "Traceback line 2" in text(page)


def test_pictures_are_part_of_the_page() -> None:
    sizes = {"image/png": {"width": 30, "height": 20}}
    page = page_of(code(display({"image/png": PIXEL, "text/plain": "<Figure>"}, sizes)))
    (picture,) = elements(page, "img")
    assert (picture.get("src"), picture.get("width"), picture.get("height")) == (PICTURE, "30", "20")
    assert "Figure" not in text(page)


def test_a_table_of_pandas_is_a_table() -> None:
    fragment = (
        "<div><style scoped>.dataframe tbody tr th {vertical-align: top;}</style>"
        '<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>a</th></tr></thead>'
        "<tbody><tr><th>0</th><td>x &lt; y &amp; z&nbsp;</td></tr></tbody></table></div>"
    )
    page = page_of(code(display({"text/html": fragment, "text/plain": "plain"})))
    (table,) = elements(page, "table")
    assert table.get("class") == "dataframe"
    assert text(page).endswith("a0x < y & z")


def test_an_attached_picture_is_in_its_place() -> None:
    attachments = {"a.png": {"image/png": PIXEL}, "b.svg": {"image/svg+xml": "PHN2Zy8+"}}
    source = "![one](attachment:a.png) ![two](attachment:b.svg)"
    page = page_of(markdown(source, attachments=attachments))
    found = [(each.get("src"), each.get("alt")) for each in elements(page, "img")]
    assert found == [(PICTURE, "one"), ("data:image/svg+xml;base64,PHN2Zy8+", "two")]


@pytest.mark.parametrize("address", ["https://example.org/?a=1&b=2", "mailto:ada@example.org", "#A-title"])
def test_links_lead_where_they_lead(address: str) -> None:
    (link,) = elements(page_of(markdown(f"[there]({address})")), "a")
    assert link.get("href") == address


def test_rich_text_keeps_its_font() -> None:
    style = "white-space:pre;overflow-x:auto;line-height:normal;font-family:Menlo,'DejaVu Sans Mono',monospace"
    (block,) = elements(page_of(code(html(f'<pre style="{style}">x</pre>'), source="")), "pre")[1:]
    assert "'DejaVu Sans Mono'" in block.get("style").replace('"', "'")


def test_a_notebook_of_nbformat_3_is_shown() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Old"], "metadata": {}},
        {"cell_type": "code", "language": "python", "input": ["1+1"], "prompt_number": 3, "collapsed": False,
         "metadata": {}, "outputs": [{"output_type": "pyout", "text": ["2"], "prompt_number": 3, "metadata": {}}]},
    ]  # fmt: skip
    body = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "x"},
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    page = to_html("title", json.dumps(body).encode())
    assert text(page) == "Old¶ In [3]: 1+1 Out[3]: 2"


def test_half_characters_and_nuls_are_replaced() -> None:
    page = to_html("half \ud800", notebook(code(stream("a\0b \ud800"))))
    assert text(page).endswith("ab ?")


NO_NOTEBOOKS = {
    "nothing": b"",
    "no json": b"{",
    "no text": b"\xff\xfe{}",
    "no object": b"[]",
    "no notebook": b"{}",
    "deep": b'{"nbformat": 4, "metadata": {}, "cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a long number": b'{"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {"x": ' + b"7" * 5000 + b"}}",
    "a long version": b'{"nbformat": ' + b"7" * 5000 + b', "cells": [], "metadata": {}}',
    "nbformat 5": b'{"nbformat": 5, "nbformat_minor": 0, "metadata": {}, "cells": []}',
    "nbformat 2 without sheets": b'{"nbformat": 2, "nbformat_minor": 0, "metadata": {}}',
    "nbformat 3 with a trick": b'{"nbformat": 3, "nbformat_minor": 0, "metadata": [], "worksheets": [7]}',
    "cells in an object": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {}}',
    "metadata in a list": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": [], "cells": []}',
    "a cell that is a number": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [7]}',
    "a source that is a number": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"source": 7}]}',
}


@pytest.mark.parametrize("body", NO_NOTEBOOKS.values(), ids=NO_NOTEBOOKS.keys())
def test_what_is_no_notebook_to_be_shown_is_refused_in_a_sentence(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        to_html("title", body)
    assert refused.value.code is Code.UNPROCESSABLE
    assert (refused.value.detail.endswith("."), "Traceback" in refused.value.detail) == (True, False)
