"""Multi-line strings of a notebook: stored as lists of lines, spoken as one string, as jupyter_server does on reading.

JupyterLab insists on it: it joins the lines of a stream with another newline between them, shows HTML given as a list
with commas in it, and saves back what it shows. Everything that is not such a list stays the bytes it was.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

_Fields = dict[str, msgspec.Raw]
T = TypeVar("T")


def joined_lines(notebook: bytes) -> bytes:
    """The notebook's JSON with its lists of lines joined, by nbformat 4's rules; what is misshapen stays as it is."""
    fields = _read(notebook, _Fields)
    if fields is None or "cells" not in fields:
        return notebook
    cells = _read(fields["cells"], list[msgspec.Raw])
    if cells is None:
        return notebook
    return msgspec.json.encode({**fields, "cells": [_cell(cell) for cell in cells]})


def _cell(raw: msgspec.Raw) -> msgspec.Raw | _Fields:
    cell = _read(raw, _Fields)
    if cell is None:
        return raw
    _join(cell, "source")
    if (attachments := _read(cell.get("attachments"), _Fields)) is not None:
        cell["attachments"] = _raw({name: _bundle(each) for name, each in attachments.items()})
    if (outputs := _read(cell.get("outputs"), list[msgspec.Raw])) is not None:
        cell["outputs"] = _raw([_output(each) for each in outputs])
    return cell


def _output(raw: msgspec.Raw) -> msgspec.Raw | _Fields:
    output = _read(raw, _Fields)
    if output is None:
        return raw
    _join(output, "text")
    if "data" in output:
        output["data"] = _raw(_bundle(output["data"]))
    return output


def _bundle(raw: msgspec.Raw) -> msgspec.Raw | _Fields:
    """The forms of one piece of media; those that are JSON are left alone."""
    bundle = _read(raw, _Fields)
    if bundle is None:
        return raw
    for form in bundle:
        if form != "application/json" and not (form.startswith("application/") and form.endswith("+json")):
            _join(bundle, form)
    return bundle


def _join(fields: _Fields, name: str) -> None:
    if (lines := _read(fields.get(name), list[str])) is not None:
        fields[name] = _raw("".join(lines))


def _read(raw: msgspec.Raw | bytes | None, shape: type[T]) -> T | None:
    """The value when it has that shape and can be read at all: an unpaired surrogate is JSON, and no text."""
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.MsgspecError:
        return None


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
