"""Golden vectors of checkpoints."""

from __future__ import annotations

import pytest

from tests.dialects.jupyter.driving import Ask, Server
from tests.dialects.jupyter.vectors import Vector, folder, hold, text

ALL = "/api/contents/a.txt/checkpoints"
A = (text("a.txt"),)
OLD = {"If-Match": '"old"'}
MODELS = (
    folder("checkpoints"),
    folder("m"),
    folder("m/f"),
    Ask("PATCH", "/api/contents/m/f", {"path": "m/checkpoints"}),
    text("m/checkpoints/last.pt"),
)
LAST = "/api/contents/m/checkpoints/last.pt"

VECTORS = [
    Vector("list_of_none", Ask("GET", ALL), 200, [], given=A),
    Vector("list_of_missing_file", Ask("GET", ALL), 200, []),
    Vector("list_of_directory", Ask("GET", "/api/contents/m/checkpoints"), 200, [], given=(folder("m"),)),
    Vector("create_of_missing_file", Ask("POST", ALL), 404),
    Vector("create_of_directory", Ask("POST", ALL), 400, given=(folder("a.txt"),)),
    Vector("restore_unknown", Ask("POST", f"{ALL}/none"), 404, given=A),
    Vector("delete_unknown", Ask("DELETE", f"{ALL}/none"), 404, given=A),
    Vector("put_collection_refused", Ask("PUT", ALL, {}), 405, headers={"Allow": "GET, POST, OPTIONS"}, given=A),
    Vector("head_of_collection_refused", Ask("HEAD", ALL), 405, headers={"Allow": "GET, POST, OPTIONS"}, given=A),
    Vector("create_if_match", Ask("POST", ALL, headers=OLD), 400, given=A),
    Vector("restore_if_match", Ask("POST", f"{ALL}/none", headers=OLD), 400, given=A),
    Vector("delete_if_match", Ask("DELETE", f"{ALL}/none", headers=OLD), 400, given=A),
    Vector("list_of_hidden", Ask("GET", "/api/contents/.a/checkpoints"), 404),
    Vector("create_of_hidden", Ask("POST", "/api/contents/.a/checkpoints"), 400),
    Vector("delete_collection_refused", Ask("DELETE", ALL), 405, given=A),
    Vector("folder_of_that_name_read", Ask("GET", LAST), 200, {"path": "m/checkpoints/last.pt"}, given=MODELS),
    Vector("folder_of_that_name_deleted_from", Ask("DELETE", LAST), 204, None, given=MODELS),
    Vector("folder_of_that_name_posted_to", Ask("POST", LAST), 400, {"reason": "bad type"}, given=MODELS),
    Vector("folder_of_that_name_in_root", Ask("GET", "/api/contents/checkpoints"), 200, {"content": []}, given=MODELS),
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_golden(vector: Vector, dialect: Server) -> None:
    await hold(vector, dialect)


async def test_a_checkpoint_is_made_listed_restored_and_forgotten(dialect: Server) -> None:
    modified = (await dialect.send(text("a.txt"))).json()["last_modified"]
    made = await dialect.send(Ask("POST", ALL))
    checkpoint = made.json()
    assert (made.status, checkpoint["last_modified"]) == (201, modified)
    assert made.headers["Location"] == f"{ALL}/{checkpoint['id']}"
    assert (await dialect.send(Ask("GET", ALL))).json() == [checkpoint]
    await dialect.send(text("a.txt", "changed"))
    assert (await dialect.send(Ask("POST", f"{ALL}/{checkpoint['id']}"))).status == 204
    assert (await dialect.send(Ask("GET", "/api/contents/a.txt"))).json()["content"] == "hello"
    assert (await dialect.send(Ask("DELETE", f"{ALL}/{checkpoint['id']}"))).status == 204
    assert (await dialect.send(Ask("GET", ALL))).json() == []
