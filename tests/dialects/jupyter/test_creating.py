"""Golden vectors of POST to a directory: new things and copies, under names that the server picks."""

from __future__ import annotations

import asyncio

import pytest

from tests.dialects.jupyter.driving import Ask, Server
from tests.dialects.jupyter.vectors import Vector, etag, folder, hashed, hold, notebook, text, text_model

A = (text("a.txt"),)
N = (notebook("n.ipynb"),)
F = (folder("f"), text("f/a.txt"))
F_COPY, F_COPIED = "f-Copy1-Copy1", (folder("f-Copy1"),)
UNTITLED, UNTITLED_X = "Untitled.ipynb", "Untitled Folder.x"
CURRENT = {"If-Match": etag(b"hello")}
NEW = {"If-None-Match": "*"}


def post(path: str, body: object = None) -> Ask:
    return Ask("POST", f"/api/contents{path}", body)


def at(path: str) -> dict[str, str | None]:
    return {"Location": f"/api/contents/{path}"}


VECTORS = [
    Vector("post_nothing", post(""), 201, {"path": "untitled", "type": "file"}, at("untitled")),
    Vector("post_null", post("/f", b"null"), 201, {"path": "f/untitled"}, given=F),
    Vector("post_empty_object", post("/f", {}), 201, {"path": "f/untitled"}, given=F),
    Vector("post_extension", post("", {"ext": ".py"}), 201, {"name": "untitled.py"}),
    Vector("post_notebook_extension", post("", {"ext": ".ipynb"}), 201, {"name": "Untitled.ipynb", "type": "notebook"}),
    Vector("post_notebook", post("/f/", {"type": "notebook"}), 201, {"path": "f/Untitled.ipynb"}, given=F),
    Vector(
        "post_second_notebook",
        post("", {"type": "notebook"}),
        201,
        {"name": "Untitled1.ipynb"},
        given=(post("", {"type": "notebook"}),),
    ),
    Vector(
        "post_directory", post("", {"type": "directory"}), 201, {"name": "Untitled Folder"}, at("Untitled%20Folder")
    ),
    Vector(
        "post_second_directory",
        post("", {"type": "directory"}),
        201,
        {"name": "Untitled Folder 1"},
        given=(post("", {"type": "directory"}),),
    ),
    Vector(
        "post_second_long_extension",
        post("", {"ext": ".tar.gz"}),
        201,
        {"name": "untitled1.tar.gz"},
        given=(post("", {"ext": ".tar.gz"}),),
    ),
    Vector("post_directory_with_extension", post("", {"type": "directory", "ext": ".x"}), 201, {"name": UNTITLED_X}),
    Vector("post_notebook_with_extension", post("", {"type": "notebook", "ext": ".py"}), 201, {"name": UNTITLED}),
    Vector("post_null_fields", post("", {"type": None, "ext": None, "copy_from": None}), 201, {"name": "untitled"}),
    Vector("post_empty_fields", post("", {"type": "", "ext": "", "copy_from": ""}), 201, {"name": "untitled"}),
    Vector("post_other_fields", post("", {"path": "x", "name": "y"}), 201, {"name": "untitled"}),
    Vector("post_extension_without_dot", post("", {"ext": "py"}), 400),
    Vector("post_extension_not_text", post("", {"ext": 5}), 400),
    Vector("post_not_an_object", post("", b"[1]"), 400),
    Vector("post_if_match", Ask("POST", "/api/contents", {}, CURRENT), 400),
    Vector("post_if_none_match", Ask("POST", "/api/contents", {}, NEW), 400),
    Vector("post_with_slash", post("/f/", {}), 201, {"path": "f/untitled"}, given=F),
    Vector("post_unknown_type", post("", {"type": "moon"}), 201, {"name": "untitled"}),
    Vector("post_hostile_extension", post("", {"ext": "/../x"}), 400),
    Vector("post_to_file", post("/a.txt"), 400, {"reason": "bad type"}, given=A),
    Vector("post_to_missing", post("/none"), 404),
    Vector("post_to_hidden", post("/.f"), 400),
    Vector("post_bad_json", post("", b"{"), 400),
    Vector(
        "post_copy", post("/f", {"copy_from": "b.txt"}), 201, {"path": "f/b.txt"}, at("f/b.txt"), (*F, text("b.txt"))
    ),
    Vector(
        "post_copy_beside",
        post("", {"copy_from": "/a.txt"}),
        201,
        text_model("a-Copy1.txt", **hashed(b"hello")),
        given=A,
    ),
    Vector(
        "post_copy_of_copy",
        post("", {"copy_from": "a-Copy1.txt"}),
        201,
        {"name": "a-Copy2.txt"},
        given=(*A, text("a-Copy1.txt")),
    ),
    Vector(
        "post_copy_of_directory", post("", {"copy_from": "f"}), 201, {"name": "f-Copy1", "type": "directory"}, given=F
    ),
    Vector(
        "post_copy_of_copy_elsewhere",
        post("/f", {"copy_from": "b-Copy3.txt"}),
        201,
        {"path": "f/b.txt"},
        given=(*F, text("b-Copy3.txt")),
    ),
    Vector("post_copy_of_notebook", post("", {"copy_from": "n.ipynb"}), 201, {"name": "n-Copy1.ipynb"}, given=N),
    Vector(
        "post_copy_of_long_extension",
        post("", {"copy_from": "x.tar.gz"}),
        201,
        {"name": "x-Copy1.tar.gz"},
        given=(text("x.tar.gz"),),
    ),
    Vector("post_copy_of_copied_directory", post("", {"copy_from": "f-Copy1"}), 201, {"name": F_COPY}, given=F_COPIED),
    Vector("post_copy_into_itself", post("/f", {"copy_from": "f"}), 400, given=F),
    Vector("post_copy_of_root", post("/f", {"copy_from": "/"}), 400, given=F),
    Vector("post_copy_to_missing", post("/b.txt", {"copy_from": "a.txt"}), 404, given=A),
    Vector("post_trust", post("/n.ipynb/trust"), 404, given=N),
    Vector("post_copy_not_text", post("", {"copy_from": 5}), 400),
    Vector("post_copy_of_missing", post("", {"copy_from": "none"}), 404),
    Vector("post_copy_of_hidden", post("", {"copy_from": ".f"}), 400),
    Vector("post_copy_outside", post("", {"copy_from": "../a"}), 400),
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_golden(vector: Vector, dialect: Server) -> None:
    await hold(vector, dialect)


async def test_many_at_once_get_a_name_each(dialect: Server) -> None:
    made = await asyncio.gather(*(dialect.send(post("", {"type": "notebook"})) for _ in range(20)))
    assert {answer.status for answer in made} == {201}
    assert len({answer.json()["name"] for answer in made}) == 20
