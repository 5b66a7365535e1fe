"""Uploads as multipart: framing, fields and sizes, byte for byte (spec nx1 section 11, vectors 5, 6 and 8)."""

from __future__ import annotations

import pytest

from gateway.dialects.nx1.multipart import FRAMING_BYTES
from tests.dialects.nx1.driving import (
    BOUNDARY,
    MAX_UPLOAD_BYTES,
    MULTIPART,
    Nx1,
    Part,
    file_part,
    multipart,
    notebook,
    of_size,
    refused,
)


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
        (f"multipart/mixed; boundary={BOUNDARY}", multipart(Part(b'name="file"; filename="a.ipynb"'))),
        ("", multipart(Part(b'name="file"; filename="a.ipynb"'))),
    ],
    ids=["no part", "wrong name", "json", "urlencoded", "bare bytes", "mixed", "no type"],
)
async def test_missing_file_fails_validation(nx1: Nx1, content_type: str, body: bytes) -> None:
    answer = await nx1.send("POST", "/api/notebooks", body, content_type=content_type)
    refused(answer, 422)
    (fault,) = answer.json()["detail"]
    assert (fault["type"], fault["loc"]) == ("missing", ["body", "file"])
    assert fault["msg"]


@pytest.mark.parametrize("name", [b"note", b"_charset_", b"File", b"FILE", b"files", b""])
async def test_other_parts_are_ignored(nx1: Nx1, name: bytes) -> None:
    other = Part(b'name="' + name + b'"', b"h" * 100)
    answer = await nx1.upload(other, file_part("a.ipynb", notebook()), other, Part(b"", b""))
    assert answer.status == 201
    assert nx1.stored("home/ada/a.ipynb") == notebook()


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: multipart/mixed; boundary=x",
        b"Content-Length: 5",
        b"Content-Length: -5",
        b"Content-Transfer-Encoding: base64",
        b"Content-Encoding: gzip",
        b"X-Other: \xff",
    ],
)
async def test_other_headers_of_the_file_are_ignored(nx1: Nx1, header: bytes) -> None:
    answer = await nx1.upload(Part(b'name="file"; filename="a.ipynb"\r\n' + header))
    assert answer.status == 201
    assert nx1.stored("home/ada/a.ipynb") == notebook()


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="file"; filename="b.ipynb"',
        b"no colon",
        b": no name",
        b"X-Folded: a\r\n b",
        b"X-Long: " + b"x" * 9_000,
        b"\r\n".join(b"X-%d: 1" % number for number in range(40)),
    ],
    ids=["two dispositions", "no colon", "no name", "folded", "too long", "too many"],
)
async def test_ambiguous_or_endless_part_headers_are_refused(nx1: Nx1, head: bytes) -> None:
    refused(await nx1.upload(Part(b'name="file"; filename="a.ipynb"\r\n' + head)), 400)
    assert nx1.backend.files == {}


@pytest.mark.parametrize("disposition", [b"attachment; ", b"form-data, ", b"form-datax; ", b'"form-data"; ', b""])
async def test_part_that_is_no_form_data_is_refused(nx1: Nx1, disposition: bytes) -> None:
    part = file_part("a.ipynb", notebook())
    body = multipart(part).replace(b"form-data; ", disposition)
    refused(await nx1.send("POST", "/api/notebooks", body, content_type=MULTIPART), 400)


async def test_two_files_are_refused(nx1: Nx1) -> None:
    refused(await nx1.upload(file_part("a.ipynb", notebook()), file_part("b.ipynb", notebook())), 400)
    assert nx1.backend.files == {}


@pytest.mark.parametrize(
    "parameter", ["", ";", "; boundary=", '; boundary=""', "; boundary=é", f"; boundary={BOUNDARY}; boundary=x"]
)
async def test_missing_or_unusable_boundary_is_refused(nx1: Nx1, parameter: str) -> None:
    body = multipart(file_part("a.ipynb", notebook()))
    refused(await nx1.send("POST", "/api/notebooks", body, content_type=f"multipart/form-data{parameter}"), 400)
    assert nx1.backend.files == {}


@pytest.mark.parametrize("content_type", [MULTIPART, f"multipart/form-data; boundary={'x' * 80}"])
async def test_garbage_instead_of_multipart_is_refused(nx1: Nx1, content_type: str) -> None:
    refused(await nx1.send("POST", "/api/notebooks", b"garbage", content_type=content_type), 400)


@pytest.mark.parametrize("kept", [10, 60, 150, -8, -20])
async def test_multipart_that_ends_early_is_refused(nx1: Nx1, kept: int) -> None:
    body = multipart(file_part("a.ipynb", notebook()))[:kept]
    refused(await nx1.send("POST", "/api/notebooks", body, content_type=MULTIPART), 400)
    assert nx1.backend.files == {}


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


async def test_file_of_exactly_the_limit_is_taken(nx1: Nx1) -> None:
    answer = await nx1.upload_file("a.ipynb", of_size(MAX_UPLOAD_BYTES))
    assert (answer.status, answer.json()["size_bytes"]) == (201, MAX_UPLOAD_BYTES)


@pytest.mark.parametrize("extra", [1, 200_000])
async def test_file_over_the_limit_is_too_large(nx1: Nx1, extra: int) -> None:
    refused(await nx1.upload_file("a.ipynb", of_size(MAX_UPLOAD_BYTES + extra)), 413)
    assert nx1.backend.files == {}


@pytest.mark.parametrize(("name", "extra"), [("file", 1), ("other", FRAMING_BYTES)])
async def test_chunked_part_over_the_limit_is_too_large(nx1: Nx1, name: str, extra: int) -> None:
    part = Part(f'name="{name}"; filename="a.ipynb"'.encode(), of_size(MAX_UPLOAD_BYTES + extra))
    body = multipart(part)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    head = f"POST /api/notebooks HTTP/1.1\r\nContent-Type: {MULTIPART}\r\nTransfer-Encoding: chunked\r\n"
    refused(await nx1.raw(head.encode(), chunked), 413)
    assert nx1.backend.files == {}


async def test_trailing_slash_is_no_redirect(nx1: Nx1) -> None:
    body = multipart(file_part("a.ipynb", notebook()))
    answer = await nx1.send("POST", "/api/notebooks/", body, content_type=MULTIPART)
    assert answer.status == 201


@pytest.mark.parametrize(
    "content_type",
    [f'multipart/form-data; boundary="{BOUNDARY}"', f"Multipart/Form-Data;charset=utf-8; Boundary={BOUNDARY}"],
)
async def test_content_type_is_taken_in_any_proper_spelling(nx1: Nx1, content_type: str) -> None:
    body = multipart(file_part("a.ipynb", notebook()))
    assert (await nx1.send("POST", "/api/notebooks", body, content_type=content_type)).status == 201


async def test_text_after_the_form_is_ignored_and_before_it_refused(nx1: Nx1) -> None:
    """As the parser of the real service does."""
    form = multipart(file_part("a.ipynb", notebook()))
    refused(await nx1.send("POST", "/api/notebooks", b"preamble\r\n" + form, content_type=MULTIPART), 400)
    assert nx1.backend.files == {}
    assert (await nx1.send("POST", "/api/notebooks", form + b"epilogue", content_type=MULTIPART)).status == 201
    assert nx1.stored("home/ada/a.ipynb") == notebook()
