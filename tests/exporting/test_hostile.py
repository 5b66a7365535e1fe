"""Nothing in a page runs, loads or covers anything, whatever the notebook holds and wherever it holds it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.contents.problem import Code, Problem
from gateway.exporting.worker import to_html
from tests.exporting.browser import activity, elements, text
from tests.exporting.notebooks import PIXEL, code, display, error, html, markdown, notebook, raw, stream
from tests.exporting.tricks import FRAGMENTS, SNARES

EVIL = "\"'></title></style></pre><script>alert(1)</script><img src=x onerror=alert(1)>"


PIECES = [
    *("<svg>", "<math>", "<mtext>", "<mglyph>", "<foreignObject>", "<desc>", "<annotation-xml encoding=text/html>"),
    *("<style>", "</style>", "<title>", "</title>", "<textarea>", "</textarea>", "<noscript>", "<xmp>", "<script>"),
    *("<table>", "<tr>", "<td>", "</table>", "<p>", "</p>", "<a href='", "<b>", "</b>", "<img src='", "<li>", "<div "),
    *("<!--", "-->", "--!>", "<![CDATA[", "]]>", "<?", "<!", "</", "<", ">", "'", '"', "`", "=", "/", "&", ";", "&lt;"),
    *("x", " ", "\n", "\0", "javascript:alert(1)'>", "onerror=alert(1) ", "style='color:red;background:url(//x)'", "$"),
    *(
        "&#x3c;",
        "&#34;",
        "&Tab;",
        "&colon;",
        "</svg>",
        "</math>",
        "<select>",
        "<form>",
        "</form>",
        "<br/>",
        "[x](",
        ")",
    ),
]


def book(*cells: dict[str, Any], **metadata: Any) -> bytes:
    """A notebook whose end is known."""
    return notebook(*cells, markdown("the last words"), **metadata)


PLACES = {
    "a raw cell": book(raw(EVIL)),
    "a raw cell of no kind": book(raw(EVIL, "")),
    "code": book(code(source=EVIL)),
    "code of a magic": book(code(source=f"%%html{EVIL}\n{EVIL}")),
    "printed text": book(code(stream(EVIL))),
    "the name of a stream": book(code({**stream("x"), "name": EVIL})),
    "colours": book(code(stream(f"\x1b[38;2;1;2;3{EVIL}m x \x1b[31;{EVIL}m y \x1b]8;;{EVIL}"))),
    "a traceback": book(code(error(EVIL, f"\x1b[31m{EVIL}"))),
    "the name of an error": book(code(error(name=EVIL, value=EVIL))),
    "plain text": book(code(display({"text/plain": EVIL}))),
    "latex": book(code(display({"text/latex": f"${EVIL}$"}))),
    "a formula": book(markdown(f"${EVIL}$ and $${EVIL}$$ \\begin{{a}}{EVIL}\\end{{a}}")),
    "json": book(code(display({"application/json": {"a": EVIL}}))),
    "javascript": book(code(display({"application/javascript": "alert(1)"}))),
    "an unknown form": book(code(display({"application/xhtml+xml": EVIL, "text/HTML": EVIL}))),
    "a diagram": book(code(display({"text/vnd.mermaid": EVIL}))),
    "a diagram in Markdown": book(markdown(f"```mermaid\n{EVIL}\n```")),
    "fenced code": book(markdown(f"```python\n{EVIL}\n```\n\n```{EVIL}\n{EVIL}\n```")),
    "a heading": book(markdown(f"# {EVIL} <b>x</b>\n\n{EVIL}\n===")),
    "a link in Markdown": book(markdown("[x](javascript:alert(1)) <javascript:alert(1)> [y]: javascript:x")),
    "a reference in Markdown": book(markdown("[x][y]\n\n[y]: javascript:alert(1) 'a\"onclick=\"b'")),
    "a picture in Markdown": book(
        markdown('![x](javascript:alert(1)) ![x](y"onerror="alert(1)) ![" onerror="x](data:image/png;base64,AA)')
    ),
    "a picture": book(code(display({"image/png": EVIL, "image/jpeg": f"AAAA{EVIL}"}))),
    "a picture's size": book(
        code(display({"image/png": PIXEL}, {"image/png": {"width": "1 onerror=alert(1)", "height": EVIL}}))
    ),
    "a picture's file": book(code(display({"image/png": PIXEL}, {"filenames": {"image/png": "javascript:alert(1)"}}))),
    "a picture's ground": book(
        code(display({"image/png": PIXEL}, {"image/png": {"needs_background": EVIL, "unconfined": EVIL}})),
    ),
    "a drawing": book(code(display({"image/svg+xml": "<svg onload='alert(1)'><script>alert(1)</script>"}))),
    "an attachment": book(
        markdown("![x](attachment:a.png)", attachments={"a.png": {"image/png": EVIL, "text/html": "PGI+"}})
    ),
    "an attachment's name": book(markdown(f"![x](<attachment:{EVIL}>)", attachments={EVIL: {"image/png": PIXEL}})),
    "an attachment's kind": book(markdown("![x](attachment:a)", attachments={"a": {"text/html": "PGI+"}})),
    "widgets": book(
        code(display({"application/vnd.jupyter.widget-view+json": {"model_id": EVIL}})),
        widgets={"application/vnd.jupyter.widget-state+json": {"state": {EVIL: {"x": EVIL}}}},
    ),
    "the lexer": book(code(source="x"), language_info={"name": "a", "pygments_lexer": EVIL}),
    "the language": book(code(source="x"), language_info={"name": EVIL}, language=EVIL),
    "the kernel": book(code(source="x"), kernelspec={"name": EVIL, "display_name": EVIL, "language": EVIL}),
    "the title": book(title=EVIL, authors=[{"name": EVIL}]),
    "a tag": book(code(stream("x"), metadata={"tags": [EVIL, "a onclick=alert(1)"], "name": EVIL})),
    "a mark of trust": book(code(html(EVIL), metadata={"trusted": True})),
}


NOT_VALID = {
    "a prompt": book(code(display({"text/plain": "x"}), execution_count=EVIL)),
    "an unknown cell": book({"cell_type": EVIL, "type": EVIL, "source": EVIL, "metadata": {}}),
    "an id": book(code(stream("x"), id=f"a {EVIL}"), markdown("x", id=EVIL)),
    "an unknown output": book(code({"output_type": EVIL, "text": EVIL, "data": EVIL})),
}


@pytest.mark.parametrize("fragment", FRAGMENTS.values(), ids=FRAGMENTS.keys())
def test_these_tricks_are_seen_where_nobody_takes_them_out(fragment: str) -> None:
    assert activity(f"<!DOCTYPE html><body><style></style>{fragment}")


@pytest.mark.parametrize("fragment", [*FRAGMENTS.values(), *SNARES.values()], ids=[*FRAGMENTS, *SNARES])
def test_a_fragment_of_an_output_or_of_markdown_does_nothing(fragment: str) -> None:
    outputs = html(f"<b>before</b>{fragment}"), display({"text/markdown": fragment})
    page = to_html("title", book(markdown(f"first words\n\n{fragment}"), code(*outputs)))
    assert activity(page) == []
    assert "first words" in text(page)
    assert text(page).endswith("the last words")


@pytest.mark.parametrize("body", PLACES.values(), ids=PLACES.keys())
def test_a_notebook_does_nothing_from_any_place_in_it(body: bytes) -> None:
    page = to_html("title", body)
    assert activity(page) == []
    assert text(page).endswith("the last words")


@pytest.mark.parametrize("body", NOT_VALID.values(), ids=NOT_VALID.keys())
def test_a_notebook_that_breaks_its_schema_is_not_shown(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        to_html("title", body)
    assert (refused.value.code, "script" in refused.value.detail) == (Code.UNPROCESSABLE, False)


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
@settings(max_examples=150, deadline=None)
def test_no_mixture_of_pieces_does_anything(fragment: str) -> None:
    page = to_html("title", book(markdown(fragment), code(html(fragment))))
    assert activity(page) == []
    assert text(page).endswith("the last words")


def test_a_title_is_text() -> None:
    page = to_html(EVIL, book())
    assert activity(page) == []
    assert "&lt;script&gt;alert(1)" in page.partition("<style>")[0]


def test_a_drawing_is_a_picture_of_itself() -> None:
    page = to_html("title", notebook(code(display({"image/svg+xml": "<svg onload='alert(1)'></svg>"}))))
    (picture,) = elements(page, "img")
    assert picture.attrib["src"] == "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9J2FsZXJ0KDEpJz48L3N2Zz4="
