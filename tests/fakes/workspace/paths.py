"""Paths as the emulated service reads them: decoded once, split, and never normalised beyond one leading slash."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from .refusals import RefusalError, invalid

Path = tuple[str, ...]

ROOT: Path = ("Workspace",)
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")


def decoded(raw: str) -> str:
    """One segment or tail of an address, decoded exactly once."""
    if _BAD_ESCAPE.search(raw):
        raise RefusalError(400, "CannotParseRequest", "The path has a bad escape.")
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusalError(400, "CannotParseRequest", "The path is not UTF-8.") from error


def plain(text: str) -> Path:
    """A path of contents; ``/`` is the root."""
    if text == "/":
        return ROOT
    path = tuple(text.removeprefix("/").split("/"))
    if any(name in ("", ".", "..") or "\0" in name for name in path):
        raise invalid("The path is not plain.")
    return path


def object_path(text: str) -> Path:
    """A path of objects: with or without the leading ``Workspace``; ``/`` and nothing are the root (spec oci 2)."""
    if text in ("", "/"):
        return ROOT
    path = plain(text)
    return path if path[0] == ROOT[0] else ROOT + path


def text_of(path: Path) -> str:
    return "/" + "/".join(path)


def segment_of(path: Path) -> str:
    """The path as one segment of an address."""
    return quote(text_of(path), safe="")


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path is the folder or lies in it."""
    return path[: len(folder)] == folder
