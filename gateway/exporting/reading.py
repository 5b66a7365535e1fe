"""A stored notebook as the few things of it that a page shows. Whatever else it holds ends here."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from gateway.contents.notebook import for_reading
from gateway.contents.problem import Code, Problem
from gateway.exporting.allowed import DRAWING, PICTURES

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#._-]{1,40}")
_MAX_PIXELS = 10_000


@dataclass(frozen=True, slots=True)
class Text:
    """What a cell has printed, colours and all; ``is_alarming`` is what came on the error stream or is a traceback."""

    text: str
    is_alarming: bool
    is_result: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels; None where the picture itself decides."""

    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Display:
    """One output in several forms, by media type: text, for pictures base64, for a vector drawing its own text."""

    forms: Mapping[str, str]
    sizes: Mapping[str, Size]
    is_result: bool
    is_alarming: ClassVar[bool] = False


Output = Text | Display


@dataclass(frozen=True, slots=True)
class Markdown:
    """``attachments`` are pictures as data URLs, by name."""

    source: str
    attachments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Raw:
    source: str


@dataclass(frozen=True, slots=True)
class Program:
    """A code cell; ``count`` is the number in its prompt."""

    source: str
    count: int | None
    outputs: tuple[Output, ...]


Cell = Markdown | Raw | Program


@dataclass(frozen=True, slots=True)
class Notebook:
    language: str
    cells: tuple[Cell, ...]


def read_notebook(body: bytes) -> Notebook:
    """Take in a notebook of any nbformat up to 4, without outputs of unknown kinds. UNPROCESSABLE when it is none."""
    tree = _parse(body)
    cells, metadata = tree.get("cells"), tree.get("metadata", {})
    if tree.get("nbformat") != 4 or not isinstance(cells, list) or not isinstance(metadata, dict):
        _refuse("The file is not a notebook of nbformat 4.")
    return Notebook(_language(metadata), tuple(_cell(number, cell) for number, cell in enumerate(cells, 1)))


def picture_url(media_type: str, content: str) -> str | None:
    """The base64 ``content`` as a data URL; None when it is no base64."""
    packed = "".join(content.split())
    return f"data:{media_type};base64,{packed}" if _BASE64.fullmatch(packed) else None


def drawing_url(content: str) -> str:
    """A vector drawing's own text as a data URL."""
    return f"data:{DRAWING};base64,{base64.b64encode(content.encode()).decode()}"


def _parse(body: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(for_reading(body))
    except Problem as problem:
        raise Problem(Code.UNPROCESSABLE, problem.detail) from problem
    except (ValueError, RecursionError):
        _refuse("The notebook's JSON is nested too deeply, or holds a number that is too long.")
    return tree if isinstance(tree, dict) else _refuse("A notebook is a JSON object.")


def _language(metadata: Mapping[str, Any]) -> str:
    """What the notebook calls the language of its code."""
    info, kernel = _object(metadata.get("language_info")), _object(metadata.get("kernelspec"))
    names = (info.get("pygments_lexer"), info.get("name"), kernel.get("language"))
    return next((name for name in names if isinstance(name, str) and _LANGUAGE.fullmatch(name)), "python")


def _cell(number: int, cell: Any) -> Cell:
    source = _text(cell.get("source", "")) if isinstance(cell, dict) else None
    if source is None:
        _refuse(f"Cell {number} of the notebook is none.")
    if cell.get("cell_type") == "markdown":
        return Markdown(source, dict(_attachments(_object(cell.get("attachments")))))
    if cell.get("cell_type") == "code":
        outputs = cell.get("outputs", [])
        found = (_output(output) for output in outputs if isinstance(output, dict)) if isinstance(outputs, list) else ()
        return Program(source, _count(cell.get("execution_count")), tuple(each for each in found if each is not None))
    return Raw(source)


def _attachments(attachments: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    for name, bundle in attachments.items():
        for media_type in (*PICTURES, DRAWING):
            content = _text(_object(bundle).get(media_type))
            if content is not None and (url := picture_url(media_type, content)):
                found.append((name, url))
                break
    return found


def _output(output: Mapping[str, Any]) -> Output | None:
    kind = output.get("output_type")
    if kind == "stream" and (text := _text(output.get("text"))) is not None:
        return Text(text, is_alarming=output.get("name") == "stderr")
    if kind == "error":
        return Text(_traceback(output), is_alarming=True)
    if kind in ("display_data", "execute_result"):
        return _display(output, is_result=kind == "execute_result")
    return None


def _traceback(output: Mapping[str, Any]) -> str:
    lines = output.get("traceback")
    if isinstance(lines, list) and lines:
        return "\n".join(_text(line) or "" for line in lines)
    return ": ".join(text for text in (_text(output.get("ename")), _text(output.get("evalue"))) if text)


def _display(output: Mapping[str, Any], *, is_result: bool) -> Display:
    texts = {name: _text(form) for name, form in _object(output.get("data")).items()}
    sizes = {name: _size(_object(each)) for name, each in _object(output.get("metadata")).items()}
    return Display({name: text for name, text in texts.items() if text is not None}, sizes, is_result)


def _size(metadata: Mapping[str, Any]) -> Size:
    return Size(_pixels(metadata.get("width")), _pixels(metadata.get("height")))


def _pixels(value: Any) -> int | None:
    return int(value) if type(value) in (int, float) and 1 <= value <= _MAX_PIXELS else None


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _text(value: Any) -> str | None:
    """A text of nbformat: one string, or a list of them; without what no text may hold."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _refuse(detail: str) -> NoReturn:
    raise Problem(Code.UNPROCESSABLE, detail)
