"""Names for what has none yet, as Jupyter gives them."""

from __future__ import annotations

from itertools import islice

import pytest

from gateway.contents.model import Kind
from gateway.contents.naming import copy_names, is_extension, untitled_names


@pytest.mark.parametrize(
    ("kind", "extension", "expected"),
    [
        (Kind.NOTEBOOK, "", ["Untitled.ipynb", "Untitled1.ipynb", "Untitled2.ipynb"]),
        (Kind.FILE, "", ["untitled", "untitled1", "untitled2"]),
        (Kind.FILE, ".py", ["untitled.py", "untitled1.py", "untitled2.py"]),
        (Kind.FILE, ".tar.gz", ["untitled.tar.gz", "untitled1.tar.gz", "untitled2.tar.gz"]),
        (Kind.DIRECTORY, "", ["Untitled Folder", "Untitled Folder 1", "Untitled Folder 2"]),
        (Kind.DIRECTORY, ".x", ["Untitled Folder.x", "Untitled Folder 1.x", "Untitled Folder 2.x"]),
    ],
)
def test_untitled_names_count_up(kind: Kind, extension: str, expected: list[str]) -> None:
    assert list(islice(untitled_names(kind, extension), 3)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.ipynb", ["a.ipynb", "a-Copy1.ipynb", "a-Copy2.ipynb"]),
        ("a.b.ipynb", ["a.b.ipynb", "a.b-Copy1.ipynb", "a.b-Copy2.ipynb"]),
        ("a.tar.gz", ["a.tar.gz", "a-Copy1.tar.gz", "a-Copy2.tar.gz"]),
        ("folder", ["folder", "folder-Copy1", "folder-Copy2"]),
        ("a-Copy7.ipynb", ["a.ipynb", "a-Copy1.ipynb", "a-Copy2.ipynb"]),
        ("a-Copy.tar-Copy2.gz", ["a.tar.gz", "a-Copy1.tar.gz", "a-Copy2.tar.gz"]),
        ("folder-Copy1", ["folder-Copy1", "folder-Copy1-Copy1", "folder-Copy1-Copy2"]),
        ("-Copy1.txt", ["-Copy1.txt", "-Copy1-Copy1.txt", "-Copy1-Copy2.txt"]),
    ],
)
def test_copies_count_up_and_do_not_nest(name: str, expected: list[str]) -> None:
    assert list(islice(copy_names(name), 3)) == expected


def test_an_extension_is_dots_and_words() -> None:
    assert all(is_extension(text) for text in ("", ".py", ".tar.gz", ".x-y_z"))
    assert not any(is_extension(text) for text in ("py", ".", "..", "/../a", ".p y", ".py/", ".py\n"))
