"""Notebooks as bytes: what is valid, how a JSON save is stored, and that no trust mark passes."""

from __future__ import annotations

import io
import json
import warnings
from typing import Any

import msgspec
import nbformat
import pytest
from nbformat.validator import validators

from gateway.contents.notebook import (
    EMPTY_NOTEBOOK,
    for_reading,
    load_schemas,
    same_notebook,
    stored_form,
    validate,
)
from gateway.contents.problem import Code, Problem

CELL: dict[str, Any] = {
    "cell_type": "code",
    "execution_count": 1,
    "id": "c1",
    "metadata": {},
    "outputs": [{"name": "stdout", "output_type": "stream", "text": "a\nb\n"}],
    "source": "print('ä')\nprint(2)",
}


def notebook(*cells: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | fields


def encoded(tree: object) -> bytes:
    return json.dumps(tree).encode()


def refusal(attempt: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        attempt()
    return caught.value


MARKED = notebook(CELL | {"metadata": {"trusted": True, "kept": 1}})

INVALID = {
    "empty": b"",
    "text": b"hello",
    "object_without_format": b"{}",
    "list": b"[]",
    "null": b"null",
    "number": b"4",
    "latin_1": '{"a": "é"}'.encode("latin-1"),
    "utf_16": json.dumps(notebook()).encode("utf-16"),
    "byte_order_mark": b"\xef\xbb\xbf" + encoded(notebook()),
    "nbformat_3": encoded(notebook(nbformat=3, worksheets=[])),
    "nbformat_9": encoded(notebook(nbformat=9)),
    "nbformat_text": encoded(notebook(nbformat="4")),
    "nbformat_float": encoded(notebook(nbformat=4.0)),
    "nbformat_true": encoded(notebook(nbformat=True)),
    "cells_missing": encoded({"metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
    "cells_object": encoded(notebook() | {"cells": {}}),
    "cell_text": encoded(notebook() | {"cells": ["x"]}),
    "cell_type_unknown": encoded(notebook(CELL | {"cell_type": "nonsense"})),
    "cell_field_unknown": encoded(notebook(CELL | {"surplus": 1})),
    "top_field_unknown": encoded(notebook(surplus=1)),
    "nan": b'{"cells":[],"metadata":{"x":NaN},"nbformat":4,"nbformat_minor":5}',
    "infinity": b'{"cells":[],"metadata":{"x":-Infinity},"nbformat":4,"nbformat_minor":5}',
    "nested_deeply": b'{"nbformat":4,"nbformat_minor":5,"cells":[],"metadata":' + b"[" * 100_000,
    "nested_deeply_and_closed": encoded(notebook())[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "integer_of_5000_digits": encoded(notebook())[:-1] + b',"x":' + b"9" * 5_000 + b"}",
    "cut_off": encoded(notebook(CELL))[:-10],
}

LENIENT = {
    "plain": encoded(notebook(CELL)),
    "no_cells": EMPTY_NOTEBOOK,
    "ids_missing": encoded(notebook({key: value for key, value in CELL.items() if key != "id"})),
    "ids_repeated": encoded(notebook(CELL, CELL)),
    "minor_99": encoded(notebook(CELL, nbformat_minor=99)),
    "minor_4": encoded(notebook(nbformat_minor=4)),
    "keys_repeated": b'{"cells":[],"metadata":{},"metadata":{},"nbformat":4,"nbformat_minor":5}',
}


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID.keys())
def test_what_is_no_notebook_is_unprocessable(body: bytes) -> None:
    problem = refusal(lambda: validate(body))
    assert problem.code is Code.UNPROCESSABLE
    assert len(problem.detail) < 400


@pytest.mark.parametrize("body", LENIENT.values(), ids=LENIENT.keys())
def test_what_notebook_tools_open_is_accepted(body: bytes) -> None:
    validate(body)


def test_a_complaint_says_where() -> None:
    problem = refusal(lambda: validate(encoded(notebook(CELL, CELL | {"execution_count": "x"}))))
    assert "notebook['cells'][1]" in problem.detail
    assert "line 1, column" in refusal(lambda: validate(b'{"cells": ]')).detail


def as_jupyter_writes(content: bytes) -> bytes:
    text = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        node = nbformat.from_dict(json.loads(content))  # type: ignore[no-untyped-call]  # nbformat is partly typed
        nbformat.write(node, text)  # type: ignore[no-untyped-call]  # nbformat is partly typed
    return text.getvalue().encode()


@pytest.mark.parametrize(
    "tree",
    [
        notebook(),
        notebook(CELL),
        notebook(CELL, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# ä\n", "b"]}),
        notebook(CELL | {"source": ""}, CELL | {"id": "c2", "source": ["one\n", "two\n"]}),
        notebook(metadata={"z": 1, "a": {"ü": [1, 2.5, 123456789012345678901234567890, None, True]}}),
        notebook(metadata={"orig_nbformat": 4, "orig_nbformat_minor": 2, "signature": "x"}),
        notebook(
            CELL
            | {
                "outputs": [
                    {
                        "output_type": "display_data",
                        "metadata": {},
                        "data": {"text/html": "<b>\n</b>", "image/png": "aGk=\n", "application/json": {"b": 1, "a": 2}},
                    },
                    {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["a", "b"]},
                ]
            }
        ),
        notebook(nbformat_minor=4),
        MARKED,
        notebook(metadata={"line_separators": "a\u2028b\u0085c", "emoji": "🎉"}),
    ],
)
def test_a_json_save_is_stored_as_jupyter_would_write_it(tree: dict[str, Any]) -> None:
    content = encoded(tree)
    stored = stored_form(content, strict=True)
    assert stored.message is None
    assert stored.body == as_jupyter_writes(content)
    assert stored_form(stored.body, strict=True).body == stored.body


def test_the_spelling_of_a_save_does_not_matter() -> None:
    compact, wide = encoded(notebook(CELL)), json.dumps(notebook(CELL), indent=8, sort_keys=True).encode()
    assert stored_form(compact, strict=False).body == stored_form(wide, strict=False).body


def test_the_empty_notebook_is_in_stored_form() -> None:
    assert stored_form(EMPTY_NOTEBOOK, strict=True).body == EMPTY_NOTEBOOK


def test_a_stored_notebook_carries_no_trust_mark() -> None:
    stored = json.loads(stored_form(encoded(MARKED), strict=True).body)
    assert stored["cells"][0]["metadata"] == {"kept": 1}


def test_a_schema_fault_is_a_message_or_when_strict_a_refusal() -> None:
    content = encoded(notebook(CELL | {"surplus": 1}))
    stored = stored_form(content, strict=False)
    assert stored.message is not None
    assert "surplus" in stored.message
    assert json.loads(stored.body)["cells"][0]["surplus"] == 1
    assert refusal(lambda: stored_form(content, strict=True)).code is Code.UNPROCESSABLE


@pytest.mark.parametrize(
    "tree",
    [
        notebook() | {"cells": None},
        notebook() | {"cells": [1]},
        notebook() | {"metadata": []},
        notebook(nbformat=5),
        notebook(CELL | {"metadata": {"x": {"y": "\ud800"}}}),
        [],
    ],
)
def test_what_cannot_be_stored_is_unprocessable_even_when_not_strict(tree: object) -> None:
    assert refusal(lambda: stored_form(encoded(tree), strict=False)).code is Code.UNPROCESSABLE


ESCAPED = [
    "trusted",
    "\\u0074rusted",
    "trust\\u0065d",
    "\\u0074\\u0072\\u0075\\u0073\\u0074\\u0065\\u0064",
    "trus\\u0074ed",
]


@pytest.mark.parametrize("key", ESCAPED)
def test_no_stored_trust_mark_is_ever_read_however_it_is_spelled(key: str) -> None:
    body = encoded(MARKED).replace(b'"trusted"', f'"{key}"'.encode())
    assert json.loads(body) == MARKED
    read = json.loads(for_reading(body))
    assert read["cells"][0]["metadata"] == {"kept": 1}


def test_what_carries_no_mark_is_read_byte_for_byte() -> None:
    body = b'{"nbformat":4,   "nbformat_minor":5, "metadata":{"big":1.50},"cells":[]}'
    assert for_reading(body) == body


def test_integers_of_any_length_are_read_as_they_are() -> None:
    body = b'{"nbformat":4,"nbformat_minor":5,"metadata":{"big":123456789012345678901234567890},"cells":[]}'
    assert json.loads(for_reading(body)) == json.loads(body)


def test_the_word_in_a_source_is_no_mark() -> None:
    body = encoded(notebook(CELL | {"source": "trusted = \\u0074"}))
    assert json.loads(for_reading(body)) == json.loads(body)


def test_an_older_notebook_is_upgraded_on_reading() -> None:
    old = {
        "metadata": {"name": "old"},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": "1 + 1",
                        "language": "python",
                        "metadata": {"trusted": True},
                        "outputs": [],
                    }
                ],
                "metadata": {},
            }
        ],
    }
    read = json.loads(for_reading(encoded(old)))
    assert read["nbformat"] == 4
    assert read["cells"][0]["source"] in ("1 + 1", ["1 + 1"])
    assert "trusted" not in read["cells"][0]["metadata"]


def test_a_byte_order_mark_does_not_hinder_reading() -> None:
    assert json.loads(for_reading(b"\xef\xbb\xbf" + encoded(notebook(CELL)))) == notebook(CELL)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"nbformat": "4"}',
        b'{"nbformat": 3}',
        b'{"nbformat": 3, "worksheets": 1}',
        b'{"nbformat": 4, "metadata": NaN}',
        b'{"nbformat": 4, "metadata": ' + b"[" * 100_000,
    ],
)
def test_a_stored_file_that_is_no_notebook_is_told_as_invalid(body: bytes) -> None:
    problem = refusal(lambda: for_reading(body))
    assert problem.code is Code.INVALID


@pytest.mark.parametrize(
    "tree",
    [
        notebook() | {"cells": "trusted"},
        notebook() | {"cells": ["trusted", {"metadata": "trusted"}]},
    ],
)
def test_marks_are_looked_for_in_odd_trees_too(tree: dict[str, Any]) -> None:
    assert json.loads(for_reading(encoded(tree))) == tree


def test_reading_gives_json_that_can_be_spliced() -> None:
    for body in (encoded(MARKED), encoded(notebook(CELL)), EMPTY_NOTEBOOK):
        msgspec.json.decode(for_reading(body))


def test_the_same_notebook_is_known_in_any_spelling() -> None:
    one, other = encoded(notebook(CELL)), json.dumps(notebook(CELL), indent=4).encode()
    assert same_notebook(one, one)
    assert same_notebook(one, other)
    assert not same_notebook(one, encoded(notebook(CELL | {"source": "other"})))


@pytest.mark.parametrize("minor", [-1, None, "5", True, 5.0, []])
def test_a_minor_version_that_is_none_is_refused(minor: object) -> None:
    body = json.dumps({"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": []}).encode()
    with pytest.raises(Problem) as caught:
        validate(body)
    assert caught.value.code is Code.UNPROCESSABLE


def test_a_minor_version_of_the_future_is_taken_and_costs_no_schema_of_its_own() -> None:
    load_schemas()
    before = len(validators)
    for minor in range(6, 20):
        validate(json.dumps({"nbformat": 4, "nbformat_minor": minor, "metadata": {"new": 1}, "cells": []}).encode())
    assert len(validators) == before
