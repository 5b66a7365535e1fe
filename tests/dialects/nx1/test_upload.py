"""Uploads, byte for byte (spec nx1 section 11, vectors 1 to 8)."""

from __future__ import annotations

import json
import re

import pytest

from tests.dialects.nx1.driving import (
    BO,
    BOUNDARY,
    MAX_UPLOAD_BYTES,
    MULTIPART,
    PLATFORM,
    Answer,
    Nx1,
    Part,
    file_part,
    multipart,
    notebook,
)

OWN_READING = pytest.mark.filterwarnings(
    "ignore::aiohttp.multipart.BadContentDispositionHeader", "ignore::aiohttp.multipart.BadContentDispositionParam"
)
"""aiohttp reads the header too, in vain, and warns of what it cannot read."""


def refused(answer: Answer, status: int) -> str:
    """Assert a refusal in Nx1's words; validation faults come only with 422."""
    body = answer.json()
    assert (answer.status, body["code"]) == (status, status)
    assert set(body) <= {"error", "code", "detail"}
    assert "detail" not in body or status == 422
    assert answer.headers["Content-Type"].startswith("application/json")
    return str(body["error"])


async def test_upload_stores_the_very_bytes(nx1: Nx1) -> None:
    body = notebook("# ü")
    answer = await nx1.upload_file("churn.ipynb", body)
    assert answer.status == 201
    summary = answer.json()
    assert set(summary) == {"s3_key", "owner", "size_bytes", "last_modified"}
    assert (summary["s3_key"], summary["owner"], summary["size_bytes"]) == ("home/ada/churn.ipynb", "ada", len(body))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", summary["last_modified"])
    assert nx1.stored("home/ada/churn.ipynb") == body


async def test_second_upload_of_a_name_wins(nx1: Nx1) -> None:
    await nx1.upload_file("a.ipynb", notebook("# one"))
    answer = await nx1.upload_file("a.ipynb", notebook("# two"))
    assert answer.status == 201
    assert nx1.stored("home/ada/a.ipynb") == notebook("# two")


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "A.IPYNB",
        "",
        ".ipynb",
        "x/y.ipynb",
        "/x.ipynb",
        "../x.ipynb",
        "..\\x.ipynb",
        "d\\a.ipynb",
        "C:\\x.ipynb",
        "a\tb.ipynb",
        ".hidden.ipynb",
        "..ipynb",
        "\\/x.ipynb",
        "n" * 250 + ".ipynb",
        "é" * 125 + ".ipynb",
    ],
)
async def test_bad_filename_is_refused(nx1: Nx1, name: str) -> None:
    refused(await nx1.upload_file(name), 400)
    assert nx1.backend.files == {}


async def test_nul_in_a_filename_is_refused(nx1: Nx1) -> None:
    refused(await nx1.upload(Part(b'name="file"; filename="a\x00b.ipynb"')), 400)


async def test_filename_that_is_not_utf8_is_refused(nx1: Nx1) -> None:
    refused(await nx1.upload(Part(b'name="file"; filename="\xfc.ipynb"')), 400)


@pytest.mark.parametrize(
    "name",
    ["ü ñ.ipynb", "a%2Fb.ipynb", "q%22x.ipynb", "a%0Ab.ipynb", "n" * 249 + ".ipynb", "a..ipynb", "a;b;c=d.ipynb"],
)
@OWN_READING
async def test_unusual_filename_is_kept_unchanged(nx1: Nx1, name: str) -> None:
    answer = await nx1.upload_file(name)
    assert (answer.status, answer.json()["s3_key"]) == (201, f"home/ada/{name}")
    assert nx1.stored(f"home/ada/{name}") == notebook()


async def test_escaped_quote_in_a_filename_is_a_quote(nx1: Nx1) -> None:
    answer = await nx1.upload(Part(b'name="file"; filename="q\\"x.ipynb"'))
    assert answer.json()["s3_key"] == 'home/ada/q"x.ipynb'


@pytest.mark.parametrize(
    "parameters",
    [
        b"filename=\"ok.ipynb\"; filename*=utf-8''..%2Fevil.ipynb",
        b"filename=\"ok.ipynb\"; filename*=utf-8''other.ipynb",
        b"filename*=utf-8''..%2Fevil.ipynb",
        b"filename*=utf-8''a%5Cb.ipynb",
        b"filename*=utf-8''a.txt",
        b"filename*=utf-8''%ff.ipynb",
        b"filename*=latin-1''a.ipynb",
        b'filename="a.ipynb"; filename="b.ipynb"',
        b'filename="a.ipynb',
        b'filename="a.ipynb" x',
    ],
)
@OWN_READING
async def test_ambiguous_filename_is_refused(nx1: Nx1, parameters: bytes) -> None:
    refused(await nx1.upload(Part(b'name="file"; ' + parameters)), 400)
    assert nx1.backend.files == {}


@pytest.mark.parametrize(
    "parameters", [b"filename*=utf-8''%C3%BC.ipynb", "filename=\"ü.ipynb\"; filename*=utf-8''%C3%BC.ipynb".encode()]
)
async def test_harmless_extended_filename_is_taken(nx1: Nx1, parameters: bytes) -> None:
    answer = await nx1.upload(Part(b'name="file"; ' + parameters))
    assert answer.json()["s3_key"] == "home/ada/ü.ipynb"


async def test_file_without_a_filename_fails_validation(nx1: Nx1) -> None:
    answer = await nx1.upload(Part(b'name="file"'))
    refused(answer, 422)
    assert answer.json()["detail"][0]["loc"] == ["body", "file"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MULTIPART, multipart()),
        (MULTIPART, multipart(Part(b'name="other"; filename="a.ipynb"'))),
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"file=x"),
        ("application/octet-stream", notebook()),
    ],
    ids=["no part", "wrong name", "json", "urlencoded", "bare bytes"],
)
async def test_missing_file_fails_validation(nx1: Nx1, content_type: str, body: bytes) -> None:
    answer = await nx1.send("POST", "/api/notebooks", body, content_type=content_type)
    refused(answer, 422)
    (fault,) = answer.json()["detail"]
    assert (fault["type"], fault["loc"]) == ("missing", ["body", "file"])
    assert fault["msg"]


async def test_other_parts_are_ignored(nx1: Nx1) -> None:
    answer = await nx1.upload(Part(b'name="note"', b"hello"), file_part("a.ipynb", notebook()), Part(b'name="z"', b""))
    assert answer.status == 201


async def test_two_files_are_refused(nx1: Nx1) -> None:
    refused(await nx1.upload(file_part("a.ipynb", notebook()), file_part("b.ipynb", notebook())), 400)
    assert nx1.backend.files == {}


async def test_missing_boundary_is_refused(nx1: Nx1) -> None:
    body = multipart(file_part("a.ipynb", notebook()))
    refused(await nx1.send("POST", "/api/notebooks", body, content_type="multipart/form-data"), 400)


@pytest.mark.parametrize("content_type", [MULTIPART, f"multipart/form-data; boundary={'x' * 80}"])
async def test_garbage_instead_of_multipart_is_refused(nx1: Nx1, content_type: str) -> None:
    refused(await nx1.send("POST", "/api/notebooks", b"garbage", content_type=content_type), 400)


@OWN_READING
@pytest.mark.parametrize("kept", [10, 60, 150, -8, -20])
async def test_multipart_that_ends_early_is_refused(nx1: Nx1, kept: int) -> None:
    body = multipart(file_part("a.ipynb", notebook()))[:kept]
    refused(await nx1.send("POST", "/api/notebooks", body, content_type=MULTIPART), 400)
    assert nx1.backend.files == {}


@OWN_READING
@pytest.mark.parametrize("kept", [0, 10, 60, 150, -8])
async def test_connection_that_ends_early_is_refused(nx1: Nx1, kept: int) -> None:
    body = multipart(file_part("a.ipynb", notebook()))
    head = f"POST /api/notebooks HTTP/1.1\r\nContent-Type: {MULTIPART}\r\nContent-Length: {len(body)}\r\n"
    try:
        answer = await nx1.raw(head.encode(), body[:kept], cut_off=True)
    except (ConnectionError, IndexError):
        answer = None
    assert answer is None or answer.status == 400
    assert nx1.backend.files == {}


async def test_empty_file_is_refused(nx1: Nx1) -> None:
    assert "empty" in refused(await nx1.upload_file("a.ipynb", b""), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b"hello",
        b" ",
        notebook("# ü").decode().encode("latin-1"),
        notebook().decode().encode("utf-16"),
        b"\xef\xbb\xbf" + notebook(),
        notebook(nbformat=9),
        notebook(nbformat=3),
        notebook(nbformat="4"),
        notebook(nbformat=True),
        notebook(cells=None),
        notebook(cells=[{"cell_type": "poem", "id": "a", "metadata": {}, "source": ""}]),
        notebook(metadata={"x": float("nan")}),
        b"[" * 90_000,
        b'{"nbformat": 4, "a": ' + b"9" * 5_000 + b"}",
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode(),
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
async def test_what_is_not_a_notebook_is_unprocessable(nx1: Nx1, body: bytes) -> None:
    answer = await nx1.upload_file("a.ipynb", body)
    refused(answer, 422)
    assert nx1.backend.files == {}


@pytest.mark.parametrize(
    "body",
    [
        notebook(nbformat_minor=4, cells=[{"cell_type": "markdown", "metadata": {}, "source": "no id"}]),
        notebook(cells=[{"cell_type": "raw", "id": "a", "metadata": {}, "source": ""}] * 2),
    ],
    ids=["no cell ids", "duplicate ids"],
)
async def test_lenient_notebooks_are_stored_as_they_are(nx1: Nx1, body: bytes) -> None:
    assert (await nx1.upload_file("a.ipynb", body)).status == 201
    assert nx1.stored("home/ada/a.ipynb") == body


def _of_size(size: int) -> bytes:
    body = notebook("")
    return body + b" " * (size - len(body))


async def test_file_of_exactly_the_limit_is_taken(nx1: Nx1) -> None:
    answer = await nx1.upload_file("a.ipynb", _of_size(MAX_UPLOAD_BYTES))
    assert (answer.status, answer.json()["size_bytes"]) == (201, MAX_UPLOAD_BYTES)


@pytest.mark.parametrize("extra", [1, 200_000])
async def test_file_over_the_limit_is_too_large(nx1: Nx1, extra: int) -> None:
    refused(await nx1.upload_file("a.ipynb", _of_size(MAX_UPLOAD_BYTES + extra)), 413)
    assert nx1.backend.files == {}


@pytest.mark.parametrize("name", ["file", "other"])
async def test_chunked_part_over_the_limit_is_too_large(nx1: Nx1, name: str) -> None:
    part = Part(f'name="{name}"; filename="a.ipynb"'.encode(), _of_size(MAX_UPLOAD_BYTES + 1))
    body = multipart(part)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    head = f"POST /api/notebooks HTTP/1.1\r\nContent-Type: {MULTIPART}\r\nTransfer-Encoding: chunked\r\n"
    refused(await nx1.raw(head.encode(), chunked), 413)
    assert nx1.backend.files == {}


async def test_platform_key_has_no_home_to_upload_to(nx1: Nx1) -> None:
    nx1.caller = PLATFORM
    refused(await nx1.upload_file("a.ipynb"), 403)


async def test_each_caller_uploads_to_their_own_home(nx1: Nx1) -> None:
    nx1.caller = BO
    assert (await nx1.upload_file("a.ipynb")).json()["owner"] == "bo"


async def test_trailing_slash_is_no_redirect(nx1: Nx1) -> None:
    body = multipart(file_part("a.ipynb", notebook()))
    answer = await nx1.send("POST", "/api/notebooks/", body, content_type=MULTIPART)
    assert answer.status == 201


async def test_boundary_may_be_quoted(nx1: Nx1) -> None:
    body = multipart(file_part("a.ipynb", notebook()))
    quoted = f'multipart/form-data; boundary="{BOUNDARY}"'
    assert (await nx1.send("POST", "/api/notebooks", body, content_type=quoted)).status == 201
