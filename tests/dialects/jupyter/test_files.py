"""``/files`` over a backend in memory: bytes out and in, under conditions, and what browsers are told of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.dialects.jupyter.driving import MAX_BODY_BYTES, Answer, Ask, Server
from tests.dialects.jupyter.vectors import etag, folder, text
from tests.fakes.memory import MemoryBackend

HELLO = etag(b"hello")
A = "/files/a.txt"


def http_date(days: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(days=days), usegmt=True)


TOMORROW, YESTERDAY = http_date(1), http_date(-1)


@pytest.fixture
async def stored(dialect: Server) -> Server:
    """Holds ``a.txt`` with ``hello`` and an empty folder ``f``."""
    for ask in (text("a.txt"), folder("f")):
        assert (await dialect.send(ask)).status == 201
    return dialect


def is_refusal(answer: Answer) -> bool:
    return answer.headers["Content-Type"] == "application/json" and sorted(answer.json()) == ["message", "reason"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_file_is_given_as_it_is_with_all_there_is_to_say(stored: Server, method: str) -> None:
    answer = await stored.send(Ask(method, A))
    model = await stored.send(Ask("GET", "/api/contents/a.txt?content=0"))
    assert (answer.status, answer.body) == (200, b"hello" if method == "GET" else b"")
    assert answer.headers["Content-Length"] == "5"
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert answer.headers["ETag"] == HELLO == model.headers["ETag"]
    assert answer.headers["Last-Modified"] == model.headers["Last-Modified"]
    assert (answer.headers["Cache-Control"], answer.headers["Accept-Ranges"]) == ("no-cache", "bytes")
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (Ask("GET", A), 200),
        (Ask("GET", A, headers={"Range": "bytes=1-2"}), 206),
        (Ask("GET", A, headers={"Range": "bytes=9-"}), 416),
        (Ask("GET", A, headers={"If-None-Match": HELLO}), 304),
        (Ask("PUT", A, b"x"), 200),
        (Ask("DELETE", A), 204),
    ],
)
async def test_a_stored_page_runs_but_as_nobodys(stored: Server, ask: Ask, status: int) -> None:
    answer = await stored.send(ask)
    assert (answer.status, answer.headers["X-Content-Type-Options"]) == (status, "nosniff")
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts" in policy
    assert "default-src" not in policy
    assert "allow-same-origin" not in policy


async def test_other_answers_keep_the_policy_of_the_dialect(stored: Server) -> None:
    answer = await stored.send(Ask("GET", "/api/contents/a.txt"))
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": HELLO}, 304),
        ({"If-None-Match": f'"x", W/{HELLO}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"', "If-Modified-Since": TOMORROW}, 200),
        ({"If-Modified-Since": TOMORROW}, 304),
        ({"If-Modified-Since": YESTERDAY}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Match": HELLO}, 200),
        ({"If-Match": HELLO.strip('"')}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": '"x"', "If-None-Match": HELLO}, 412),
        ({"If-Match": HELLO, "If-None-Match": HELLO}, 304),
        ({"If-Match": HELLO, "If-Unmodified-Since": YESTERDAY}, 200),
        ({"If-Unmodified-Since": YESTERDAY}, 412),
        ({"If-Unmodified-Since": TOMORROW}, 200),
        ({"If-Match": '"x'}, 400),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_conditions_of_a_read(stored: Server, method: str, headers: dict[str, str], status: int) -> None:
    answer = await stored.send(Ask(method, A, headers=headers))
    assert answer.status == status
    if status == 304:
        assert (answer.headers["ETag"], answer.body) == (HELLO, b"")
    if status >= 400 and method == "GET":
        assert is_refusal(answer)


@pytest.mark.parametrize(
    ("path", "disposition"),
    [
        ("a.txt", None),
        ("a.txt?download=1", "attachment; filename*=utf-8''a.txt"),
        ("a.txt?download=", None),
        ("a.txt?_xsrf=x&download=yes", "attachment; filename*=utf-8''a.txt"),
        ("n.ipynb", "attachment; filename*=utf-8''n.ipynb"),
        ("f/%C3%A9%20%22%3B.html?download=1", "attachment; filename*=utf-8''%C3%A9%20%22%3B.html"),
    ],
)
async def test_what_a_browser_saves(stored: Server, path: str, disposition: str | None) -> None:
    assert (await stored.send(Ask("PUT", f"/files/{path.partition('?')[0]}", b"{}"))).status < 300
    for method in ("GET", "HEAD"):
        assert (await stored.send(Ask(method, f"/files/{path}"))).headers.get("Content-Disposition") == disposition


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("none.txt", 404),
        ("none/a.txt", 404),
        (".hidden", 404),
        ("f/.h/a", 404),
        ("f", 403),
        ("", 403),
        ("%2e%2e/x", 400),
    ],
)
async def test_what_is_no_file_is_refused_in_json(stored: Server, path: str, status: int) -> None:
    answer = await stored.send(Ask("GET", f"/files/{path}"))
    assert (answer.status, is_refusal(answer)) == (status, True)
    assert (await stored.send(Ask("HEAD", f"/files/{path}"))).status == status


async def test_a_put_stores_the_very_bytes(stored: Server) -> None:
    body = b'{ "cells" : [],\r\n"metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    made = await stored.send(Ask("PUT", "/files/f/n%20%2B.ipynb", body, {"Content-Type": "text/csv"}))
    model = made.json()
    assert (made.status, made.headers["ETag"], made.headers["Location"]) == (201, etag(body), "/files/f/n%20%2B.ipynb")
    assert (model["path"], model["type"], model["content"], model["size"]) == (
        "f/n +.ipynb",
        "notebook",
        None,
        len(body),
    )
    again = await stored.send(Ask("PUT", "/files/f/n%20%2B.ipynb", b"\x00\xff"))
    assert (again.status, again.headers["ETag"]) == (200, etag(b"\x00\xff"))
    assert (await stored.send(Ask("GET", "/files/f/n%20%2B.ipynb"))).body == b"\x00\xff"
    empty = await stored.send(Ask("PUT", "/files/empty", b""))
    assert (empty.status, (await stored.send(Ask("GET", "/files/empty"))).headers["Content-Length"]) == (201, "0")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("a.txt", {"If-Match": HELLO}, 200),
        ("a.txt", {"If-Match": '"old"'}, 412),
        ("a.txt", {"If-None-Match": "*"}, 412),
        ("b.txt", {"If-None-Match": "*"}, 201),
        ("b.txt", {"If-Match": "*"}, 412),
        ("a.txt", {"If-None-Match": HELLO}, 400),
        ("a.txt", {"Content-Range": "bytes 0-0/5"}, 400),
        ("f", {}, 409),
        ("", {}, 400),
        (".hidden", {}, 400),
        ("none/a.txt", {}, 404),
        ("a.txt/below", {}, 400),
    ],
)
async def test_conditions_and_refusals_of_a_put(
    stored: Server, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await stored.send(Ask("PUT", f"/files/{path}", b"new", headers))
    assert answer.status == status
    expected = b"new" if status == 200 else b"hello"
    assert (await stored.send(Ask("GET", A))).body == expected
    assert status < 400 or is_refusal(answer)


async def test_a_body_above_the_limit_is_refused(stored: Server) -> None:
    answer = await stored.send(Ask("PUT", A, b"x" * (MAX_BODY_BYTES + 1)))
    assert (answer.status, is_refusal(answer)) == (413, True)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("a.txt", {}, 204),
        ("a.txt", {"If-Match": HELLO}, 204),
        ("a.txt", {"If-Match": '"old"'}, 412),
        ("f", {}, 403),
        ("none.txt", {}, 404),
        ("", {}, 403),
    ],
)
async def test_conditions_and_refusals_of_a_delete(
    stored: Server, backend: MemoryBackend, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await stored.send(Ask("DELETE", f"/files/{path}", headers=headers))
    assert answer.status == status
    assert len(backend.files) == (0 if status == 204 else 1)
    assert len(backend.directories) == 1


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_other_methods_do_not_exist(stored: Server, method: str) -> None:
    answer = await stored.send(Ask(method, A, b"x"))
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, PUT, DELETE, OPTIONS")
    options = await stored.send(Ask("OPTIONS", A))
    assert (options.status, options.headers["Allow"]) == (200, "GET, HEAD, PUT, DELETE, OPTIONS")


async def test_marks_of_trust_are_bytes_here_and_let_out_nowhere_else(stored: Server) -> None:
    cell = {"cell_type": "code", "id": "a", "metadata": {"trusted": True}, "source": "", "outputs": []}
    body = json.dumps(
        {"cells": [{**cell, "execution_count": None}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    )
    assert (await stored.send(Ask("PUT", "/files/n.ipynb", body.encode()))).status == 201
    assert (await stored.send(Ask("GET", "/files/n.ipynb"))).body == body.encode()
    content = (await stored.send(Ask("GET", "/api/contents/n.ipynb"))).json()["content"]
    assert content["cells"][0]["metadata"].get("trusted") is not True
