"""Lists of lines are joined as nbformat joins them, and nothing else is touched."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from gateway.contents.lines import joined_lines

MEDIA = {"text/html": ["<p>\n", "</p>"], "text/plain": "x", "application/json": ["a"], "application/v+json": ["b"]}
OUTPUTS = [
    {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
    {"output_type": "display_data", "metadata": {}, "data": MEDIA},
    {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["a", "b"]},
]
CELLS = [
    {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["a\n", "b"], "attachments": {"x": MEDIA}},
    {"cell_type": "code", "id": "b", "metadata": {}, "source": [], "execution_count": None, "outputs": OUTPUTS},
]


def spelled(cells: object) -> dict[str, Any]:
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_lines_are_joined_as_nbformat_does() -> None:
    body = json.dumps(spelled(CELLS))
    expected = nbformat.reads(body, as_version=4)  # type: ignore[no-untyped-call]  # nbformat is typed in part
    assert json.loads(joined_lines(body.encode())) == expected


def test_numbers_keep_their_spelling() -> None:
    body = b'{"cells":[{"metadata":{"n":123456789012345678901234567890,"f":1e400}}],"nbformat":4}'
    assert joined_lines(body) == body


@pytest.mark.parametrize(
    "cells",
    [
        None,
        {},
        [1],
        [{"source": [1], "outputs": {}, "attachments": []}],
        [{"outputs": [1, {"data": [], "text": {}}], "attachments": {"x": 1}}],
    ],
)
def test_what_is_misshapen_stays_as_it_is(cells: object) -> None:
    body = json.dumps(spelled(cells)).encode()
    assert json.loads(joined_lines(body)) == json.loads(body)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"1"])
def test_what_has_no_cells_stays_as_it_is(body: bytes) -> None:
    assert joined_lines(body) == body


def test_an_unpaired_surrogate_is_left_as_it_is() -> None:
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["x\ud83d\n", "y"]}
    body = json.dumps(spelled([cell])).encode()
    assert json.loads(joined_lines(body)) == json.loads(body)
