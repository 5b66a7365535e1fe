"""The names Jupyter gives to what has none yet: untitled files and copies (jupyter_server 2.21, measured)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

from gateway.contents.model import Kind

_COPY_SUFFIX = re.compile(r"-Copy\d*\.")
_EXTENSION = re.compile(r"(\.[\w-]+)*")


def untitled_names(kind: Kind, extension: str) -> Iterator[str]:
    """``Untitled.ipynb``, ``Untitled1.ipynb``; ``untitled.py``; ``Untitled Folder``, ``Untitled Folder 1``."""
    match kind:
        case Kind.DIRECTORY:
            yield from _numbered("Untitled Folder", " ")
        case Kind.NOTEBOOK:
            yield from _numbered("Untitled.ipynb", "")
        case Kind.FILE:
            yield from _numbered(f"untitled{extension}", "")


def copy_names(name: str) -> Iterator[str]:
    """``a.ipynb``, ``a-Copy1.ipynb``, ``a-Copy2.ipynb``; the copy of a copy counts on instead of nesting."""
    yield name
    numbered = _numbered(_COPY_SUFFIX.sub(".", name), "-Copy")
    next(numbered)
    yield from numbered


def is_extension(text: str) -> bool:
    """Whether ``text`` may follow ``untitled``: empty, ``.py``, ``.tar.gz``."""
    return _EXTENSION.fullmatch(text) is not None


def _numbered(name: str, insert: str) -> Iterator[str]:
    stem, dot, suffix = name.rpartition(".") if name.endswith(".ipynb") else name.partition(".")
    yield name
    for number in count(1):
        yield f"{stem}{insert}{number}{dot}{suffix}"
