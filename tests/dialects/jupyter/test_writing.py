"""Golden vectors of PUT, PATCH and DELETE."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.dialects.jupyter.driving import MAX_BODY_BYTES, Ask, Server
from tests.dialects.jupyter.vectors import (
    EMPTY_NOTEBOOK,
    NOTEBOOK,
    STORED_BYTES,
    Vector,
    etag,
    folder,
    hashed,
    hold,
    notebook,
    text,
    text_model,
)

HELLO = etag(b"hello")
STORED_TEXT = STORED_BYTES.decode()
OLD = {"If-Match": '"old"'}
CURRENT = {"If-Match": HELLO}
NEW = {"If-None-Match": "*"}
SURROGATE = b'{"type": "file", "format": "text", "content": "\\ud800"}'

A = (text("a.txt"),)
N = (notebook("n.ipynb"),)
AB = (*A, text("b.txt"))
F = (folder("f"), text("f/a.txt"))


def put(path: str, body: object, headers: dict[str, str] | None = None) -> Ask:
    return Ask("PUT", f"/api/contents/{path}", body, headers or {})


def patch(path: str, body: object, headers: dict[str, str] | None = None) -> Ask:
    return Ask("PATCH", f"/api/contents{path}", body, headers or {})


def delete(path: str, headers: dict[str, str] | None = None) -> Ask:
    return Ask("DELETE", f"/api/contents{path}", headers=headers or {})


def changed(content: str, headers: dict[str, str]) -> Ask:
    return replace(text("a.txt", content), headers=headers)


def at(path: str) -> dict[str, str | None]:
    return {"Location": f"/api/contents/{path}"}


PUTS = [
    Vector("put_new_text", text("a.txt"), 201, text_model("a.txt", **hashed(b"hello")), {**at("a.txt"), "ETag": HELLO}),
    Vector("put_existing_text", text("a.txt", "more"), 200, {"size": 4, **hashed(b"more")}, at("a.txt"), A),
    Vector("put_encoded_name", text("a%20b%23.txt"), 201, {"path": "a b#.txt"}, at("a%20b%23.txt")),
    Vector("put_base64", put("b", {"type": "file", "format": "base64", "content": "/w A=\n"}), 201, {"size": 2}),
    Vector("put_broken_base64", put("b", {"type": "file", "format": "base64", "content": "x"}), 400),
    Vector("put_unpaired_surrogate", Ask("PUT", "/api/contents/a.txt", SURROGATE), 400),
    Vector("put_new_notebook", notebook("n.ipynb"), 201, {"type": "notebook", "content": None, **hashed(STORED_BYTES)}),
    Vector("put_existing_notebook", notebook("n.ipynb"), 200, hashed(STORED_BYTES), given=(notebook("n.ipynb"),)),
    Vector("put_notebook_not_an_object", notebook("n.ipynb", [1]), 400, {"reason": None}),
    Vector(
        "put_notebook_of_other_name", notebook("n.txt"), 201, text_model("n.txt", STORED_TEXT, **hashed(STORED_BYTES))
    ),
    Vector("put_directory_of_notebook_name", folder("f.ipynb"), 201, {"type": "directory"}),
    Vector("put_directory", folder("f"), 201, {"type": "directory", "size": None}, at("f")),
    Vector("put_existing_directory", folder("f"), 201, {"type": "directory"}, given=F),
    Vector("put_directory_over_file", folder("a.txt"), 400, given=A),
    Vector("put_new_directory_if_absent", replace(folder("f"), headers=NEW), 201),
    Vector("put_existing_directory_if_absent", replace(folder("f"), headers=NEW), 412, given=F),
    Vector("put_new_directory_in_missing", replace(folder("x/f"), headers=NEW), 404),
    Vector("put_directory_if_match", replace(folder("f"), headers=OLD), 400, given=F),
    Vector("put_file_over_directory", text("f"), 409, given=F),
    Vector("put_in_missing_directory", text("none/a.txt"), 404),
    Vector("put_on_root", text(""), 400),
    Vector("put_nothing_new", put("a.txt", {}), 201, {"size": 0, "type": "file"}),
    Vector("put_typed_nothing_new", put("n.ipynb", {"type": "notebook"}), 201, {"type": "notebook"}),
    Vector("put_null_content_new", put("n.ipynb", {"content": None}), 201, {"type": "notebook"}),
    Vector("put_untyped_notebook_new", put("n.ipynb", {"content": NOTEBOOK}), 201, hashed(STORED_BYTES)),
    Vector("put_untyped_text_new", put("a.txt", {"format": "text", "content": "hello"}), 201, hashed(b"hello")),
    Vector("put_without_type_existing", put("a.txt", {"format": "text", "content": "x"}), 400, given=A),
    Vector("put_without_content_existing", put("a.txt", {"type": "file"}), 400, given=A),
    Vector("put_null_content_existing", put("a.txt", {"type": "file", "content": None}), 400, given=A),
    Vector("put_without_content_if_absent", put("a.txt", {"type": "file"}, NEW), 412, given=A),
    Vector("put_without_content_if_match", put("a.txt", {"type": "file"}, CURRENT), 400, given=A),
    Vector("put_without_format", put("a.txt", {"type": "file", "content": "x"}), 400, {"reason": "bad format"}),
    Vector("put_content_not_text", put("a.txt", {"type": "file", "format": "text", "content": {}}), 400),
    Vector("put_unknown_type", put("a.txt", {"type": "moon", "format": "text", "content": "x"}), 201, {"type": "file"}),
    Vector("put_copy", put("b.txt", {"copy_from": "a.txt"}), 400, given=A),
    Vector("put_hidden", text(".a.txt"), 400),
    Vector("put_hidden_in_body", text("a.txt", path="x/.a.txt"), 400),
    Vector("put_other_path_in_body", text("a.txt", path="b.txt"), 201, {"path": "a.txt"}),
    Vector("put_bad_json", Ask("PUT", "/api/contents/a.txt", b"{"), 400, {"reason": None}),
    Vector("put_not_an_object", Ask("PUT", "/api/contents/a.txt", b"[]"), 400),
    Vector("put_without_body", Ask("PUT", "/api/contents/a.txt"), 400),
    Vector("put_if_match", changed("x", CURRENT), 200, given=A),
    Vector("put_if_match_bare", changed("x", {"If-Match": HELLO.strip('"')}), 200, given=A),
    Vector("put_if_match_stale", changed("x", OLD), 412, {"reason": None}, given=A),
    Vector("put_if_match_missing", changed("x", OLD), 412),
    Vector("put_if_match_any", changed("x", {"If-Match": "*"}), 200, given=A),
    Vector("put_if_match_any_missing", changed("x", {"If-Match": "*"}), 412),
    Vector("put_if_match_list", changed("x", {"If-Match": f'"old", {HELLO}'}), 200, given=A),
    Vector("put_if_match_list_stale", changed("x", {"If-Match": '"old", "older"'}), 412, given=A),
    Vector("put_if_match_weak", changed("x", {"If-Match": f"W/{HELLO}"}), 200, given=A),
    Vector("put_if_match_weak_stale", changed("x", {"If-Match": 'W/"old"'}), 412, given=A),
    Vector("put_if_match_empty", changed("x", {"If-Match": ""}), 400, given=A),
    Vector("put_if_match_comma", changed("x", {"If-Match": ","}), 400, given=A),
    Vector("put_if_match_bare_list", changed("x", {"If-Match": "old, older"}), 400, given=A),
    Vector("put_if_none_match_etag", changed("x", {"If-None-Match": HELLO}), 400, given=A),
    Vector("put_both_conditions", changed("x", {**CURRENT, **NEW}), 400, given=A),
    Vector("put_if_match_malformed", changed("x", {"If-Match": '"old'}), 400, given=A),
    Vector("put_if_absent", changed("x", NEW), 201),
    Vector("put_if_absent_taken", changed("x", NEW), 412, given=A),
]

PATCHES = [
    Vector(
        "patch_file",
        patch("/a.txt", {"path": "c d.txt"}),
        200,
        {"path": "c d.txt", "content": None},
        at("c%20d.txt"),
        A,
    ),
    Vector("patch_directory", patch("/f", {"path": "/g/"}), 200, {"path": "g", "type": "directory"}, at("g"), F),
    Vector("patch_to_taken", patch("/a.txt", {"path": "b.txt"}), 409, {"reason": None}, given=AB),
    Vector("patch_missing", patch("/none", {"path": "b"}), 404),
    Vector("patch_to_missing_directory", patch("/a.txt", {"path": "none/a.txt"}), 404, given=A),
    Vector("patch_to_hidden", patch("/a.txt", {"path": ".a"}), 400, given=A),
    Vector("patch_hidden", patch("/.a", {"path": "a"}), 400),
    Vector("patch_into_itself", patch("/f", {"path": "f/g"}), 400, given=F),
    Vector("patch_nothing", patch("/a.txt", {}), 200, {"path": "a.txt"}, {**at("a.txt"), "ETag": HELLO}, A),
    Vector("patch_same_path", patch("/a.txt", {"path": "/a.txt"}), 200, {"path": "a.txt"}, given=A),
    Vector("patch_root_to_itself", patch("", {"path": ""}), 200, {"path": ""}),
    Vector("patch_root", patch("", {"path": "x"}), 400),
    Vector("patch_without_body", patch("/a.txt", None), 400, given=A),
    Vector("patch_null", patch("/a.txt", b"null"), 400, given=A),
    Vector("patch_if_match", patch("/a.txt", {"path": "b.txt"}, CURRENT), 200, given=A),
    Vector("patch_if_match_stale", patch("/a.txt", {"path": "b.txt"}, OLD), 412, given=A),
    Vector("patch_if_match_garbage", patch("/a.txt", {"path": "b.txt"}, {"If-Match": '"'}), 400, given=A),
    Vector("patch_same_path_if_match", patch("/a.txt", {"path": "a.txt"}, CURRENT), 200, {"path": "a.txt"}, given=A),
    Vector("patch_same_path_if_match_stale", patch("/a.txt", {"path": "a.txt"}, OLD), 412, given=A),
    Vector("patch_nothing_if_match_stale", patch("/a.txt", {}, OLD), 412, given=A),
    Vector("patch_null_path", patch("/a.txt", {"path": None}), 200, {"path": "a.txt"}, given=A),
    Vector("patch_path_not_text", patch("/a.txt", {"path": 5}), 400, given=A),
    Vector("patch_not_an_object", patch("/a.txt", b"[]"), 400, given=A),
    Vector("patch_to_root", patch("/a.txt", {"path": "/"}), 400, given=A),
    Vector("patch_below_itself", patch("/a.txt", {"path": "a.txt/b"}), 400, given=A),
    Vector("patch_notebook_to_text", patch("/n.ipynb", {"path": "n.txt"}), 200, {"type": "file"}, given=N),
    Vector("patch_text_to_notebook", patch("/a.txt", {"path": "a.ipynb"}), 200, {"type": "notebook"}, given=A),
]

DELETES = [
    Vector("delete_file", delete("/a.txt"), 204, None, given=A),
    Vector("delete_directory_with_all_in_it", delete("/f"), 204, None, given=F),
    Vector("delete_missing", delete("/none"), 404),
    Vector("delete_root", delete("/"), 400),
    Vector("delete_root_without_slash", delete(""), 400),
    Vector("delete_hidden", delete("/.a"), 400),
    Vector("delete_if_match", delete("/a.txt", CURRENT), 204, given=A),
    Vector("delete_if_match_stale", delete("/a.txt", OLD), 412, given=A),
    Vector("delete_if_match_weak", delete("/a.txt", {"If-Match": f"W/{HELLO}"}), 204, given=A),
    Vector("delete_if_match_list_stale", delete("/a.txt", {"If-Match": '"old", "older"'}), 412, given=A),
    Vector("delete_if_match_garbage", delete("/a.txt", {"If-Match": '"'}), 400, given=A),
    Vector("delete_if_none_match", delete("/a.txt", NEW), 412, given=A),
    Vector("delete_if_match_any", delete("/a.txt", {"If-Match": "*"}), 204, given=A),
]


@pytest.mark.parametrize("vector", PUTS + PATCHES + DELETES, ids=lambda vector: vector.name)
async def test_golden(vector: Vector, dialect: Server) -> None:
    await hold(vector, dialect)


async def read(dialect: Server, path: str) -> Any:
    return (await dialect.send(Ask("GET", f"/api/contents/{path}"))).json().get("content")


@pytest.mark.parametrize("body", [{}, {"type": "file"}, {"content": "x", "format": "text"}])
async def test_an_incomplete_body_replaces_nothing(dialect: Server, body: object) -> None:
    await dialect.send(text("a.txt"))
    assert (await dialect.send(put("a.txt", body))).status == 400
    assert await read(dialect, "a.txt") == "hello"


async def test_a_stale_save_writes_nothing(dialect: Server) -> None:
    await dialect.send(text("a.txt"))
    await dialect.send(changed("lost", OLD))
    assert await read(dialect, "a.txt") == "hello"


async def test_a_new_notebook_without_content_is_an_empty_one(dialect: Server) -> None:
    await dialect.send(put("n.ipynb", {"type": "notebook"}))
    assert await read(dialect, "n.ipynb") == EMPTY_NOTEBOOK


async def test_a_notebook_that_breaks_its_schema_is_stored_and_told(dialect: Server) -> None:
    cells = [{"cell_type": "raw", "id": "a", "metadata": {}, "source": "", "extra": 1}]
    saved = await dialect.send(notebook("n.ipynb", {**NOTEBOOK, "cells": cells}))
    assert saved.status == 201
    assert "extra" in saved.json()["message"]
    assert saved.json()["hash"]


async def test_a_body_above_the_servers_limit_is_told_the_limit(dialect: Server) -> None:
    refused = await dialect.send(text("a.txt", "x" * MAX_BODY_BYTES))
    assert (refused.status, refused.json()["reason"]) == (413, None)
    assert str(MAX_BODY_BYTES) in refused.json()["message"]
    assert (await dialect.send(Ask("GET", "/api/contents/a.txt"))).status == 404
