"""The body of a save: a notebook as JSON, so that the server's save hooks see it as one; anything else as a file."""

from __future__ import annotations

import base64

import msgspec

from gateway.contents.model import Kind
from gateway.contents.notebook import for_reading
from gateway.contents.paths import ContentPath


class _Output(msgspec.Struct):
    output_type: str


class _Cell(msgspec.Struct):
    cell_type: str
    metadata: dict[str, msgspec.Raw]
    source: str | list[str]
    outputs: list[_Output] | None = None
    id: str | None = None


class _Notebook(msgspec.Struct):
    nbformat: int
    nbformat_minor: int
    metadata: dict[str, msgspec.Raw]
    cells: list[_Cell]


class _Save(msgspec.Struct):
    type: str
    format: str
    content: msgspec.Raw | str


def save_body(path: ContentPath, body: bytes) -> bytes:
    """The JSON of a PUT.

    Trust marks are taken out of a notebook: the server takes a marked one for approved by its user, and signs it.
    """
    if Kind.of_file(path) is Kind.NOTEBOOK and _is_kept_as_notebook(body):
        return msgspec.json.encode(_Save("notebook", "json", msgspec.Raw(for_reading(body))))
    try:
        save = _Save("file", "text", body.decode("utf-8"))
    except UnicodeDecodeError:
        save = _Save("file", "base64", base64.b64encode(body).decode("ascii"))
    return msgspec.json.encode(save)


def _is_kept_as_notebook(body: bytes) -> bool:
    """Whether the server stores it as the same notebook; a body that it would not is saved as a plain file.

    It answers 500 to cells and outputs without these fields and to unpaired surrogates (which msgspec refuses too), and
    makes up ids where format 4.5 wants some.
    """
    try:
        body.decode("utf-8")
        notebook = msgspec.json.decode(body, type=_Notebook)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    if notebook.nbformat != 4:
        return False
    if any(cell.cell_type == "code" and cell.outputs is None for cell in notebook.cells):
        return False
    ids = {cell.id for cell in notebook.cells}
    return notebook.nbformat_minor < 5 or (None not in ids and len(ids) == len(notebook.cells))
