"""Parts of files: what ``Range`` and ``If-Range`` ask for, and what is done with those that ask for too much."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.contents.paths import ContentPath
from tests.dialects.jupyter.driving import Ask, Server
from tests.dialects.jupyter.vectors import etag, text
from tests.fakes.memory import File, MemoryBackend

BODY = b"0123456789"
LAST_YEAR = datetime(2025, 3, 1, 12, 30, 15, 999_999, tzinfo=UTC)
LAST_MODIFIED = "Sat, 01 Mar 2025 12:30:15 GMT"


@pytest.fixture
async def stored(dialect: Server, backend: MemoryBackend) -> Server:
    backend.files[ContentPath.parse("a.bin")] = File(BODY, LAST_YEAR, LAST_YEAR)
    backend.files[ContentPath.parse("empty")] = File(b"", LAST_YEAR, LAST_YEAR)
    return dialect


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 9),
        ("bytes=3-5", 3, 5),
        ("bytes=3-99", 3, 9),
        ("Bytes= 3-5 ", 3, 5),
        ("bytes=9-", 9, 9),
        ("bytes=-3", 7, 9),
        ("bytes=-99", 0, 9),
        (f"bytes=0-{10**18}", 0, 9),
    ],
)
async def test_one_part_is_given(stored: Server, asked: str, first: int, last: int) -> None:
    answer = await stored.send(Ask("GET", "/files/a.bin", headers={"Range": asked}))
    assert (answer.status, answer.body) == (206, BODY[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/10"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.headers["ETag"] == etag(BODY)


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,3-4", "bytes=5-3", "bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "bytes 0-1", f"bytes={'9' * 5000}-"],
)
async def test_what_is_not_understood_asks_for_the_whole(stored: Server, asked: str) -> None:
    answer = await stored.send(Ask("GET", "/files/a.bin", headers={"Range": asked}))
    assert (answer.status, answer.body) == (200, BODY)
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
async def test_what_the_file_has_nothing_of_is_refused_with_its_size(stored: Server, asked: str) -> None:
    answer = await stored.send(Ask("GET", "/files/a.bin", headers={"Range": asked}))
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */10")
    assert sorted(answer.json()) == ["message", "reason"]


@pytest.mark.parametrize(("asked", "status"), [("bytes=0-", 416), ("bytes=-0", 416), ("bytes=-5", 200)])
async def test_an_empty_file_has_no_parts(stored: Server, asked: str, status: int) -> None:
    answer = await stored.send(Ask("GET", "/files/empty", headers={"Range": asked}))
    assert answer.status == status


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (etag(BODY), 206),
        (LAST_MODIFIED, 206),
        (f"W/{etag(BODY)}", 200),
        ('"other"', 200),
        ("Sat, 01 Mar 2025 12:30:16 GMT", 200),
        ("nonsense", 200),
    ],
)
async def test_a_part_of_another_revision_is_the_whole_of_this(stored: Server, condition: str, status: int) -> None:
    answer = await stored.send(Ask("GET", "/files/a.bin", headers={"Range": "bytes=1-2", "If-Range": condition}))
    assert (answer.status, answer.body) == (status, BODY[1:3] if status == 206 else BODY)


async def test_a_date_of_this_very_moment_proves_nothing(dialect: Server) -> None:
    stored = await dialect.send(text("a.txt"))
    condition = {"Range": "bytes=1-2", "If-Range": stored.headers["Last-Modified"]}
    assert (await dialect.send(Ask("GET", "/files/a.txt", headers=condition))).status == 200


async def test_head_tells_of_the_whole(stored: Server) -> None:
    answer = await stored.send(Ask("HEAD", "/files/a.bin", headers={"Range": "bytes=1-2"}))
    assert (answer.status, answer.headers["Content-Length"]) == (200, "10")


async def test_a_condition_goes_before_the_part(stored: Server) -> None:
    headers = {"Range": "bytes=1-2", "If-None-Match": etag(BODY)}
    assert (await stored.send(Ask("GET", "/files/a.bin", headers=headers))).status == 304
    headers = {"Range": "bytes=99-", "If-Match": '"other"'}
    assert (await stored.send(Ask("GET", "/files/a.bin", headers=headers))).status == 412


async def test_a_page_of_another_origin_may_ask_for_a_part_and_see_which_it_got(stored: Server) -> None:
    page = {"Origin": "https://page.example", "Authorization": "token x", "Range": "bytes=1-2"}
    asked = {"Origin": "https://page.example", "Access-Control-Request-Headers": "authorization, range"}
    preflight = await stored.send(Ask("OPTIONS", "/files/a.bin", headers=asked))
    assert "range" in preflight.headers["Access-Control-Allow-Headers"].split(", ")
    part = await stored.send(Ask("GET", "/files/a.bin", headers=page))
    assert (part.status, "Content-Range" in part.headers["Access-Control-Expose-Headers"]) == (206, True)
