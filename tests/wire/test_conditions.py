"""Etags and conditions at the edge: what is present is never dropped, what is not understood is refused."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from gateway.contents.model import EPOCH, Absent, Condition, Entry, ETag, Kind, Matches, MatchesAny
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.wire.conditions import is_not_modified, quoted, received_etag, write_condition

FILE = Entry(ContentPath.parse("a.txt"), Kind.FILE, EPOCH, EPOCH, etag=ETag("abc"))
FOLDER = Entry(ContentPath.parse("a"), Kind.DIRECTORY, EPOCH, EPOCH, etag=ETag("abc"))


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ([], None),
        ([("If-Match", '"abc"')], Matches(ETag("abc"))),
        ([("if-match", "abc")], Matches(ETag("abc"))),
        ([("If-Match", ' W/"abc" ')], Matches(ETag("abc"))),
        ([("If-Match", "*")], MatchesAny()),
        ([("If-Match", '"a", "b,c"')], MatchesAny((ETag("a"), ETag("b,c")))),
        ([("If-Match", '"a"'), ("If-Match", '"b"')], MatchesAny((ETag("a"), ETag("b")))),
        ([("If-None-Match", "*")], Absent()),
    ],
)
def test_a_write_has_the_condition_that_its_headers_say(headers: list[tuple[str, str]], condition: Condition) -> None:
    assert write_condition(CIMultiDict(headers)) == condition


def test_plain_mappings_are_headers_too() -> None:
    assert write_condition({"If-Match": '"abc"'}) == Matches(ETag("abc"))
    assert write_condition({}) is None


@pytest.mark.parametrize(
    "headers",
    [
        [("If-Match", "")],
        [("If-Match", '"a b"')],
        [("If-Match", '"a')],
        [("If-Match", 'a", "b"')],
        [("If-Match", "a, b")],
        [("If-Match", "a"), ("If-Match", "b")],
        [("If-None-Match", '"abc"')],
        [("If-None-Match", "*"), ("If-None-Match", '"abc"')],
        [("If-Match", '"abc"'), ("If-None-Match", "*")],
    ],
)
def test_a_condition_that_is_not_understood_is_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Problem) as caught:
        write_condition(CIMultiDict(headers))
    assert caught.value.code is Code.INVALID


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ('"abc"', True),
        ('W/"abc"', True),
        ("abc", True),
        ('"x", "abc"', True),
        ('"x"', False),
        ("*", True),
    ],
)
def test_what_the_caller_has_already_is_not_sent_again(header: str | None, expected: bool) -> None:
    assert is_not_modified({} if header is None else {"If-None-Match": header}, FILE) is expected


def test_an_entry_without_an_etag_is_always_sent() -> None:
    bare = Entry(FILE.path, FILE.kind, EPOCH, EPOCH)
    assert quoted(bare) is None
    assert not is_not_modified({"If-None-Match": "*"}, bare)


def test_files_have_strong_etags_and_directories_weak_ones() -> None:
    assert (quoted(FILE), quoted(FOLDER)) == ('"abc"', 'W/"abc"')


@pytest.mark.parametrize(
    ("header", "etag"),
    [
        ('"abc"', "abc"),
        ("abc", "abc"),
        ('W/"abc"', "abc"),
        (' "a-2" ', "a-2"),
        ("", None),
        ('""', None),
        ('"a b"', None),
        ("a\r\nb", None),
        ("ä", None),
        (None, None),
        (7, None),
    ],
)
def test_an_upstreams_etag_is_taken_bare_or_not_at_all(header: object, etag: str | None) -> None:
    assert received_etag(header) == etag


@pytest.mark.parametrize("tag", ['"\udcff"', "\udcff", '"a\udc80b"'])
def test_bytes_that_are_no_text_are_refused(tag: str) -> None:
    with pytest.raises(Problem) as caught:
        write_condition({"If-Match": tag})
    assert caught.value.code is Code.INVALID
