"""What the emulated service knows of notebooks: whether one is valid, an empty one, and small changes to one."""

from __future__ import annotations

import json
from typing import Any

from .refusals import RefusalError, invalid

_CELL_TYPES = ("code", "markdown", "raw")


def check_notebook(content: object) -> None:
    """400 unless the content has the shape of an nbformat 4 notebook (spec oci 13.9)."""
    if not isinstance(content, dict):
        raise invalid("The notebook is not an object.")
    if not (_is_number(content.get("nbformat")) and content["nbformat"] >= 4):
        raise invalid("nbformat is 4 or more.")
    if not _is_number(content.get("nbformat_minor")):
        raise invalid("nbformat_minor is a number.")
    if not isinstance(content.get("metadata"), dict):
        raise invalid("The notebook's metadata is not an object.")
    cells = content.get("cells")
    if not isinstance(cells, list) or not all(_is_cell(cell) for cell in cells):
        raise invalid("The notebook's cells are not valid.")


def stored_form(content: object) -> bytes:
    """The service's own bytes of a notebook: not those that were sent."""
    return json.dumps(content).encode()


def empty_notebook() -> bytes:
    return stored_form({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def without_outputs(body: bytes) -> bytes:
    """The bytes as they are where they are no notebook."""
    try:
        notebook = json.loads(body)
        check_notebook(notebook)
    except (ValueError, RecursionError, RefusalError):
        return body
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    return stored_form(notebook)


def with_joined_sources(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with every source as one string, as exports have been seen."""
    cells = [{**cell, "source": "".join(cell["source"])} for cell in notebook["cells"]]
    return {**notebook, "cells": cells}


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_cell(cell: object) -> bool:
    if not isinstance(cell, dict) or cell.get("cell_type") not in _CELL_TYPES:
        return False
    source = cell.get("source")
    return isinstance(source, str) or (isinstance(source, list) and all(isinstance(line, str) for line in source))
