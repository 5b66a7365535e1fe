"""What is known about a notebook as bytes: validation, the one stored form, trust marks, upgrades on reading.

The stored form of a JSON save is the one jupyter_server writes (indent 1, sorted keys, split lines, final newline,
transient marks stripped), so that the same notebook has the same sha256 on every byte-exact backend.
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec
import nbformat
from jsonschema import ValidationError
from nbformat.validator import get_validator

from gateway.contents.problem import Code, Problem
from gateway.contents.trust import is_approved

_MAY_CARRY_TRUST = re.compile(rb"trusted|\\u00[67]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_REFUSALS = (ValueError, ValidationError, AttributeError, TypeError, KeyError, RecursionError)

_FUTURE_MINOR = nbformat.v4.nbformat_minor + 1
"""Stands for every minor version of the future: nbformat would keep a schema for each number that is sent."""

EMPTY_NOTEBOOK = b'{\n "cells": [],\n "metadata": {},\n "nbformat": 4,\n "nbformat_minor": 5\n}\n'


class _Shape(msgspec.Struct):
    """The least that makes JSON a notebook worth opening; one pass, no object tree."""

    nbformat: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A notebook in its stored form, with the schema's complaint about it, if any, and whether all in it was approved
    by who saves it."""

    body: bytes
    message: str | None
    is_approved: bool = False


def load_schemas() -> None:
    """Read nbformat's schemas from its files, once, so that no request has to wait for it."""
    for minor in range(_FUTURE_MINOR + 1):
        get_validator(4, minor)


def validate(body: bytes) -> None:
    """Refuse bytes that are not a valid ``.ipynb`` document: UNPROCESSABLE (spec nx1, decisions U11 to U14)."""
    if body.startswith(_BYTE_ORDER_MARK):
        _refuse("The file begins with a byte order mark; save it as UTF-8 without one.")
    content = _parse(body)
    _checked_major(content)
    if complaint := _schema_complaint(content):
        _refuse(f"The file is not a valid notebook: {complaint}")


def stored_form(content: bytes, *, strict: bool) -> Stored:
    """Turn a JSON save into the bytes to store. ``strict`` makes a schema fault a refusal instead of a message."""
    tree = _parse(content)
    _checked_major(tree)
    _check_cells(tree)
    complaint = _schema_complaint(tree)
    if complaint and strict:
        _refuse(f"The content is not a valid notebook: {complaint}")
    approved = is_approved(tree)
    return Stored(_written(tree), complaint, approved)


def for_reading(body: bytes) -> bytes:
    """The notebook as JSON to splice into an answer: nbformat 4, without a stored trust mark. INVALID when unreadable.

    The stored bytes are returned as they are unless they may carry a mark, are of an older format, or need a lenient
    parser. The mark's absence is proven over every spelling of its key, escaped ones included.
    """
    try:
        body.decode()  # msgspec does not look into the texts it skips
        shape = msgspec.json.decode(body, type=_Shape)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return _reread(body)
    if shape.nbformat < 4 or _MAY_CARRY_TRUST.search(body):
        return _reread(body)
    return body


def _reread(body: bytes) -> bytes:
    try:
        tree = _parse(body.removeprefix(_BYTE_ORDER_MARK))
        if isinstance(tree.get("nbformat"), int) and tree["nbformat"] < 4:
            tree = _upgraded(body)
        _checked_major(tree)
        strip_trust(tree)
        return json.dumps(tree, allow_nan=False).encode()
    except Problem as problem:
        raise Problem(Code.INVALID, f"The stored notebook cannot be read: {problem.detail}") from problem
    except _REFUSALS as error:
        raise Problem(Code.INVALID, "The stored notebook cannot be read: it is not a notebook.") from error


def strip_trust(tree: dict[str, Any]) -> None:
    """Take every trust mark out of a notebook's cells."""
    cells = tree.get("cells")
    for cell in cells if isinstance(cells, list) else ():
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        if isinstance(metadata, dict):
            metadata.pop("trusted", None)


def without_outputs(body: bytes) -> bytes:
    """The notebook in its stored form, its code cells as if they had never run. UNPROCESSABLE when it is none."""
    tree = _parse(body)
    _checked_major(tree)
    _check_cells(tree)
    for cell in tree["cells"]:
        if cell.get("cell_type") == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return _written(tree)


def same_notebook(one: bytes, other: bytes) -> bool:
    """Whether two bodies hold the same notebook, whatever their spelling."""
    return one == other or _written(_parse(one)) == _written(_parse(other))


def _parse(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("The file is not UTF-8 text.")
    try:
        tree = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        _refuse("The JSON is nested too deeply.")
    except ValueError as error:
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        _refuse(f"The file is not valid JSON{where}.")
    if not isinstance(tree, dict):
        _refuse("A notebook is a JSON object.")
    return tree


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"{name} is not valid JSON.")


def _checked_major(tree: dict[str, Any]) -> None:
    major = tree.get("nbformat")
    if type(major) is not int:
        _refuse("The notebook does not say its nbformat as an integer.")
    if major != 4:
        _refuse(f"Notebooks of nbformat {major} are not supported; convert it to nbformat 4.")


def _check_cells(tree: dict[str, Any]) -> None:
    cells = tree.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        _refuse("A notebook has a list of cells, each a JSON object.")
    if not isinstance(tree.get("metadata", {}), dict):
        _refuse("A notebook's metadata is a JSON object.")


def _schema_complaint(tree: dict[str, Any]) -> str | None:
    minor = tree.get("nbformat_minor")
    if type(minor) is not int:
        return "nbformat_minor is not an integer"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            nbformat.validate(tree, version=4, version_minor=min(minor, _FUTURE_MINOR))
        except ValidationError as error:
            where = "".join(f"[{part!r}]" for part in error.absolute_path)
            return f"{error.message[:200]} (at notebook{where})"
        except _REFUSALS as error:
            return f"{type(error).__name__} during validation"
    return None


def _written(tree: dict[str, Any]) -> bytes:
    try:
        node = nbformat.from_dict(tree)
        return (nbformat.v4.writes_json(node, allow_nan=False).removesuffix("\n") + "\n").encode()
    except _REFUSALS as error:
        raise Problem(Code.UNPROCESSABLE, "The content is not a notebook that can be stored.") from error


def _upgraded(body: bytes) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(nbformat.reads(body.decode("utf-8"), as_version=4))


def _refuse(detail: str) -> NoReturn:
    raise Problem(Code.UNPROCESSABLE, detail)
