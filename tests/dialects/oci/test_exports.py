"""Exports, over the wire: a notebook as it opens, and as a page that runs nothing (spec oci 4.7)."""

from __future__ import annotations

import json
import re

import pytest

from gateway.contents.problem import Code, Problem
from tests.dialects.oci.app import CONTENTS, NOTEBOOK, Answer, Oci

EXPORTS = CONTENTS.replace("contents/", "actions/export/contents/")
PATH = "%2FWorkspace%2Fa.ipynb"


async def export(oci: Oci, value: object, tail: str = PATH) -> Answer:
    return await oci.send("POST", EXPORTS + tail, value)


@pytest.fixture
async def etag(oci: Oci) -> str:
    return (await oci.put_notebook("a.ipynb")).etag


@pytest.mark.parametrize("asked", [{}, {"format": None}, {"format": "ipynb"}])
async def test_a_notebook_is_exported_as_it_opens(oci: Oci, etag: str, asked: object) -> None:
    answer = await export(oci, asked)
    assert (answer.status, answer.etag) == (200, etag)
    named = {"name": "a.ipynb", "path": "/Workspace/a.ipynb", "format": "ipynb"}
    opened = (await oci("GET", "a.ipynb")).json()["content"]
    assert answer.json() == {**named, "content": opened}
    assert opened["cells"][0]["source"] in ("# one", ["# one"])


async def test_no_trust_mark_is_exported(oci: Oci) -> None:
    cell = {"cell_type": "markdown", "id": "a", "metadata": {"trusted": True}, "source": "# one"}
    (oci.root / "a.ipynb").write_text(json.dumps({**NOTEBOOK, "cells": [cell]}))
    assert (await export(oci, {})).json()["content"]["cells"][0]["metadata"] == {}


async def test_a_notebook_is_exported_as_a_page(oci: Oci, etag: str) -> None:
    answer = await export(oci, {"format": "html"})
    assert (answer.status, answer.etag, answer.json()["format"]) == (200, etag, "html")
    page = answer.json()["content"]
    assert page.startswith("<!DOCTYPE html>")
    assert ("<title>a</title>" in page, bool(re.search(r"<h1[^>]*>one\b", page)), "<script" in page) == (
        True,
        True,
        False,
    )


@pytest.mark.parametrize(
    ("tail", "value", "status", "code", "reason"),
    [
        (PATH, None, 400, "InvalidParameter", None),
        (PATH, {"format": "pdf"}, 400, "InvalidParameter", "bad format"),
        (PATH, {"format": 7}, 400, "InvalidParameter", None),
        ("no.ipynb", {}, 404, "NotAuthorizedOrNotFound", None),
        ("t.txt", {}, 400, "InvalidParameter", "bad type"),
        ("d", {}, 400, "InvalidParameter", "bad type"),
        ("broken.ipynb", {}, 400, "InvalidParameter", None),
        ("broken.ipynb", {"format": "html"}, 400, "InvalidParameter", None),
        ("..%2Fx.ipynb", {}, 400, "InvalidParameter", None),
        ("", {}, 404, "NotAuthorizedOrNotFound", None),
    ],
)
@pytest.mark.usefixtures("etag")
async def test_what_cannot_be_exported_is_refused(
    oci: Oci, tail: str, value: object, status: int, code: str, reason: str | None
) -> None:
    (oci.root / "t.txt").write_text("text")
    (oci.root / "d").mkdir()
    (oci.root / "broken.ipynb").write_text("{")
    answer = await export(oci, value, tail)
    assert (answer.status, answer.json()["code"], answer.json().get("reason")) == (status, code, reason)


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [
        (Problem(Code.UNPROCESSABLE, "It cannot be shown."), 400, "InvalidParameter"),
        (Problem(Code.UNAVAILABLE, "Too many.", retry_after_seconds=5), 503, "ServiceUnavailable"),
    ],
)
@pytest.mark.usefixtures("etag")
async def test_what_keeps_a_page_from_being_made_is_told(oci: Oci, problem: Problem, status: int, code: str) -> None:
    oci.exports.problem = problem
    answer = await export(oci, {"format": "html"})
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == ("5" if status == 503 else None)
