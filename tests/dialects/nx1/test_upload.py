"""Uploads: what is stored under which name, and what is no notebook (spec nx1 section 11, vectors 1 to 4 and 7)."""

from __future__ import annotations

import json
import re

import pytest

from tests.dialects.nx1.driving import (
    BO,
    MAX_UPLOAD_BYTES,
    PLATFORM,
    Nx1,
    Part,
    notebook,
    of_size,
    refused,
)


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
        "a\x7fb.ipynb",
        "a\x85b.ipynb",
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


async def test_bad_filename_is_refused_before_the_content_is_looked_at(nx1: Nx1) -> None:
    for name in ("a.txt", "x/y.ipynb", ".hidden.ipynb"):
        refused(await nx1.upload_file(name, b"{}"), 400)
        refused(await nx1.upload_file(name, b""), 400)
        refused(await nx1.upload_file(name, of_size(MAX_UPLOAD_BYTES + 1)), 400)


async def test_filename_that_is_not_utf8_is_refused(nx1: Nx1) -> None:
    refused(await nx1.upload(Part(b'name="file"; filename="\xfc.ipynb"')), 400)


@pytest.mark.parametrize(
    "name",
    ["ü ñ.ipynb", "a%2Fb.ipynb", "q%22x.ipynb", "a%0Ab.ipynb", "n" * 249 + ".ipynb", "a..ipynb", "a;b;c=d.ipynb"],
)
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
async def test_ambiguous_filename_is_refused(nx1: Nx1, parameters: bytes) -> None:
    refused(await nx1.upload(Part(b'name="file"; ' + parameters)), 400)
    assert nx1.backend.files == {}


@pytest.mark.parametrize(
    "parameters", [b"filename*=utf-8''%C3%BC.ipynb", "filename=\"ü.ipynb\"; filename*=utf-8''%C3%BC.ipynb".encode()]
)
async def test_harmless_extended_filename_is_taken(nx1: Nx1, parameters: bytes) -> None:
    answer = await nx1.upload(Part(b'name="file"; ' + parameters))
    assert answer.json()["s3_key"] == "home/ada/ü.ipynb"


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
        notebook(nbformat_minor=99),
        notebook().replace(b'"nbformat": 4,', b'"nbformat": 3, "nbformat": 4,'),
    ],
    ids=["no cell ids", "duplicate ids", "newer minor", "duplicate keys"],
)
async def test_lenient_notebooks_are_stored_as_they_are(nx1: Nx1, body: bytes) -> None:
    assert (await nx1.upload_file("a.ipynb", body)).status == 201
    assert nx1.stored("home/ada/a.ipynb") == body


async def test_platform_key_has_no_home_to_upload_to(nx1: Nx1) -> None:
    nx1.caller = PLATFORM
    refused(await nx1.upload_file("a.ipynb"), 403)


async def test_each_caller_uploads_to_their_own_home(nx1: Nx1) -> None:
    nx1.caller = BO
    assert (await nx1.upload_file("a.ipynb")).json()["owner"] == "bo"
