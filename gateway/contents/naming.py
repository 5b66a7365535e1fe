"""The names Jupyter gives to what has none yet: untitled files and copies (jupyter_server 2.21, measured)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, count, islice

from gateway.contents.model import Kind
from gateway.contents.problem import Code, Problem, Reason

_NAME_ATTEMPTS = 10_000
_COPY_SUFFIX = re.compile(r"-Copy\d*\.")
_EXTENSION = re.compile(r"(\.[\w-]+)*")


def untitled_names(kind: Kind, extension: str) -> Iterator[str]:
    """``Untitled.ipynb``, ``Untitled1.ipynb``; ``untitled.py``; ``Untitled Folder``, ``Untitled Folder 1``."""
    if kind is Kind.DIRECTORY:
        return _numbered(f"Untitled Folder{extension}", " ")
    return _numbered("Untitled.ipynb" if kind is Kind.NOTEBOOK else f"untitled{extension}", "")


def copy_names(name: str) -> Iterator[str]:
    """``a.ipynb``, ``a-Copy1.ipynb``, ``a-Copy2.ipynb``, whichever of them is copied: copies do not nest."""
    plain = _COPY_SUFFIX.sub(".", name)
    return _numbered(name if plain.startswith(".") else plain, "-Copy")


def is_extension(text: str) -> bool:
    """Whether ``text`` may follow ``untitled``: empty, ``.py``, ``.tar.gz``."""
    return _EXTENSION.fullmatch(text) is not None


def free(names: Iterator[str], taken: set[str]) -> Iterator[str]:
    """Those of the names that are not taken; at last they run out."""
    return (name for name in islice(names, _NAME_ATTEMPTS) if name not in taken)


def reraise_unless_taken(problem: Problem) -> None:
    """Another has been quicker to take a name: then the next one may be free."""
    if problem.code is not Code.PRECONDITION and problem.reason is not Reason.EXISTS:
        raise problem


def _numbered(name: str, insert: str) -> Iterator[str]:
    stem, dot, suffix = name.rpartition(".") if name.endswith(".ipynb") else name.partition(".")
    return chain((name,), (f"{stem}{insert}{number}{dot}{suffix}" for number in count(1)))
