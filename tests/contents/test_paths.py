"""Paths: decoded once, refused rather than normalised."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contents.paths import MAX_PATH_BYTES, ContentPath, decode, is_plain_name
from gateway.contents.problem import Code, Problem, Reason

ANY_TEXT = st.text(max_size=40)
TRICKY_TEXT = st.text(alphabet=[*"ab./\\%2eEfF05cC~ ", "\0", "\ud800", "é", "\n"], max_size=30)
PLAIN_NAME = ANY_TEXT.filter(lambda text: "/" not in text and is_plain_name(text))


def accepted(read: Callable[[str], ContentPath], text: str) -> ContentPath | None:
    """The path, None when it is refused as INVALID; any other refusal is a fault."""
    try:
        return read(text)
    except Problem as problem:
        if problem.code is not Code.INVALID:
            raise
        return None


def parsed(text: str) -> ContentPath | None:
    return accepted(ContentPath.parse, text)


@given(ANY_TEXT | TRICKY_TEXT)
def test_no_text_parses_to_a_path_that_leaves_its_folder(text: str) -> None:
    path = parsed(text)
    for name in path.segments if path else ():
        assert name not in ("", ".", "..")
        assert not set(name) & {"/", "\\", "\0", "\n"}
        name.encode()


@given(ANY_TEXT | TRICKY_TEXT)
def test_no_url_decodes_to_a_path_that_leaves_its_folder(raw: str) -> None:
    path = accepted(ContentPath.from_url, raw)
    assert not {"", ".", ".."} & set(path.segments if path else ())


@given(st.lists(PLAIN_NAME, max_size=4).map(tuple))
def test_a_path_survives_its_own_text_and_its_own_url(segments: tuple[str, ...]) -> None:
    path = ContentPath(segments)
    assert ContentPath.parse(str(path)) == path
    assert ContentPath.from_url(path.url()) == path
    assert path.url().isascii()


@given(ANY_TEXT | TRICKY_TEXT)
def test_whatever_parses_is_spelled_the_same_again(text: str) -> None:
    path = parsed(text)
    if path is not None:
        assert str(path) == text.strip("/")


@pytest.mark.parametrize(
    "text",
    ["..", "a/..", "a/../b", "./a", "a/.", "a//b", "a\\b", "..\\a", "a\0b", "a\nb", "a\x7f", "\ud800", "a/ \t"],
)
def test_what_is_not_plain_is_refused(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize("text", ["...", "a..b", ".hidden", "~", " ", "a b", "%2e%2e", "日本", "e\u0301", "a:b", "C:"])
def test_unusual_names_are_plain(text: str) -> None:
    assert ContentPath.parse(text).segments == (text,)


@pytest.mark.parametrize("text", ["", "/", "///"])
def test_nothing_is_the_root(text: str) -> None:
    path = ContentPath.parse(text)
    assert path is ContentPath.ROOT
    assert (path.is_root, path.name, path.parent, path.url(), str(path)) == (True, "", path, "", "")


def test_lengths_are_limited_in_bytes() -> None:
    assert parsed("n" * 255)
    assert parsed("é" * 127)
    assert parsed("n" * 256) is None
    assert parsed("é" * 128) is None
    assert parsed("/".join(["n" * 204] * 5))
    assert parsed("/".join(["n" * 205] * 5)) is None
    assert MAX_PATH_BYTES == 1024


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2Fb", "a/b"),
        ("a%2fb", "a/b"),
        ("%25", "%"),
        ("%252F", "%2F"),
        ("%E6%97%A5", "日"),
        ("日", "日"),
        ("a~b", "a~b"),
    ],
)
def test_a_url_is_decoded_once(raw: str, text: str) -> None:
    assert decode(raw) == text


@pytest.mark.parametrize("raw", ["%", "%2", "%zz", "a%", "%ff", "%c3%28", "%ed%a0%80", "%c0%ae", "\ud800"])
def test_a_broken_url_is_refused(raw: str) -> None:
    with pytest.raises(Problem) as caught:
        decode(raw)
    assert (caught.value.code, caught.value.reason) == (Code.INVALID, Reason.UNPARSABLE)


@pytest.mark.parametrize("raw", ["..%2Fetc", "%2e%2e", "a/%2e/b", "%00", "a%5Cb", "a%0Ab", "%2F%2F..", "a%2F%2Fb"])
def test_encoded_traversal_is_refused(raw: str) -> None:
    with pytest.raises(Problem) as caught:
        ContentPath.from_url(raw)
    assert caught.value.code is Code.INVALID


def test_paths_are_taken_apart_and_put_together() -> None:
    path = ContentPath.parse("/a/b/c.txt/")
    assert (path.name, str(path.parent)) == ("c.txt", "a/b")
    assert path.parent.child("c.txt") == path
    assert ContentPath.parse("a").join(ContentPath.parse("b/c.txt")) == path
    assert path.starts_with(ContentPath.parse("a/b"))
    assert path.starts_with(path)
    assert not path.starts_with(ContentPath.parse("a/bb"))
    assert not ContentPath.parse("a").starts_with(path)
    assert str(path.relative_to(ContentPath.parse("a"))) == "b/c.txt"
    with pytest.raises(Problem):
        path.child("..")


def test_a_dot_before_any_name_hides() -> None:
    assert ContentPath.parse("a/.b/c").is_hidden
    assert ContentPath.parse(".a").is_hidden
    assert not ContentPath.parse("a.b/c").is_hidden
