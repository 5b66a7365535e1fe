"""Golden vectors of files that arrive in chunks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.dialects.jupyter.driving import MAX_UPLOAD_BYTES, Ask, Server
from tests.dialects.jupyter.vectors import Vector, etag, folder, hashed, hold, text, text_model

OLD = {"If-Match": '"old"'}
NEW = {"If-None-Match": "*"}


def put(path: str, body: object) -> Ask:
    return Ask("PUT", f"/api/contents/{path}", body)


def chunk(number: int, content: str = "abc", **more: object) -> Ask:
    return text("u.txt", content, chunk=number, **more)


def chunk_null() -> Ask:
    return text("u.txt", "abc", chunk=None)


VECTORS = [
    Vector("upload_first_of_new", chunk(1), 201, text_model("u.txt", "abc")),
    Vector("upload_first_of_existing", chunk(1), 200, given=(text("u.txt"),)),
    Vector("upload_second", chunk(2), 200, {"size": 6, "content": None}, given=(chunk(1),)),
    Vector("upload_last", chunk(-1, "d"), 200, {"size": 4, **hashed(b"abcd")}, {"ETag": etag(b"abcd")}, (chunk(1),)),
    Vector("upload_out_of_order", chunk(3), 400, given=(chunk(1),)),
    Vector("upload_without_first", chunk(2), 400),
    Vector("upload_last_alone", chunk(-1), 400),
    Vector("upload_chunk_zero", chunk(0), 400),
    Vector("upload_chunk_not_a_number", put("u.txt", {"type": "file", "chunk": "1", "content": "x"}), 400),
    Vector("upload_chunk_null", chunk_null(), 201, {"size": 3}),
    Vector("upload_broken_base64", chunk(1, "x", format="base64"), 400),
    Vector("upload_without_format", put("u.txt", {"type": "file", "chunk": 1, "content": "x"}), 400),
    Vector("upload_hidden", text(".u.txt", "abc", chunk=1), 400),
    Vector("upload_if_absent_taken", replace(chunk(-1), headers=NEW), 412, given=(text("u.txt"), chunk(1))),
    Vector("upload_of_other_type", chunk(1, type="notebook"), 400, {"reason": "bad type"}),
    Vector("upload_without_type", put("u.txt", {"chunk": 1, "format": "text", "content": ""}), 400),
    Vector("upload_without_content", put("u.txt", {"type": "file", "chunk": 1}), 400),
    Vector("upload_over_directory", chunk(1), 400, {"reason": "bad type"}, given=(folder("u.txt"),)),
    Vector("upload_above_limit", chunk(1, "x" * (MAX_UPLOAD_BYTES + 1)), 413),
    Vector("upload_if_match_stale", replace(chunk(-1), headers=OLD), 412, given=(chunk(1),)),
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_golden(vector: Vector, dialect: Server) -> None:
    await hold(vector, dialect)


async def test_an_upload_is_not_visible_before_its_last_piece(dialect: Server) -> None:
    await dialect.send(chunk(1))
    assert (await dialect.send(Ask("GET", "/api/contents/u.txt"))).status == 404
    await dialect.send(chunk(-1, "d"))
    assert (await dialect.send(Ask("GET", "/api/contents/u.txt"))).json()["content"] == "abcd"
