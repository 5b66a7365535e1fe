"""Workspace objects, over the wire: golden vectors, pages, and what calls leave behind (spec oci 6)."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from gateway.contents.notebook import EMPTY_NOTEBOOK
from tests.dialects.oci.app import NOTEBOOK, PLATFORM, WORKSPACE, Answer, Oci

BASE = f"/20260430/aiDataPlatforms/{PLATFORM}/workspaces/{WORKSPACE}"
CELL = {"cell_type": "code", "id": "a", "metadata": {}, "source": "# one", "outputs": [], "execution_count": 7}
RAN = {**NOTEBOOK, "cells": [CELL]}
BYTES = json.dumps(NOTEBOOK).encode()


class Objects:
    """The objects calls; ``tail`` follows the workspace's address."""

    def __init__(self, oci: Oci) -> None:
        self.oci = oci
        self.root = oci.root

    async def __call__(self, method: str, tail: str, value: object = None, **headers: str) -> Answer:
        return await self.oci.send(method, BASE + tail, value, **headers)

    async def create(self, path: str, body: bytes = b"", **headers: str) -> Answer:
        return await self("POST", "/objects", body, path=path, **headers)

    async def names(self, query: str) -> list[str]:
        answer = await self("GET", f"/objects?{query}")
        assert answer.status == 200, answer.body
        return [item["displayName"] for item in answer.json()["items"]]

    def tree(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if ".nbgw" not in path.parts}


@pytest.fixture
def objects(oci: Oci) -> Objects:
    (oci.root / "d" / "e").mkdir(parents=True)
    (oci.root / "a.ipynb").write_bytes(BYTES)
    (oci.root / "t.txt").write_bytes(b"\xff\x00text")
    (oci.root / "d" / "b.ipynb").write_text(json.dumps(RAN))
    (oci.root / ".hidden").write_text("x")
    return Objects(oci)


@dataclass(frozen=True)
class Vector:
    """One request against the standard tree; ``code`` is the error's, ``reason`` what stands beside it."""

    name: str
    method: str
    tail: str
    status: int
    code: str | None = None
    value: object = None
    headers: dict[str, str] = field(default_factory=dict)


def _copy(**fields: object) -> dict[str, object]:
    return {"fromPath": "/Workspace/a.ipynb", "toPath": "/Workspace/n.ipynb", **fields}


INVALID, MISSING, NOT_FOUND = "InvalidParameter", "MissingParameter", "NotAuthorizedOrNotFound"
COPY, MOVE, RENAME = (f"/actions/{name}Object" for name in ("copy", "move", "rename"))
NEW = {"path": "/Workspace/n.txt", "type": "FILE"}

VECTORS = [
    Vector("workspace", "GET", "", 200),
    Vector("list", "GET", "/objects?path=%2FWorkspace", 200),
    Vector("list_without_path", "GET", "/objects", 400, MISSING),
    Vector("list_missing", "GET", "/objects?path=no", 404, NOT_FOUND),
    Vector("list_file", "GET", "/objects?path=t.txt", 400, INVALID),
    Vector("list_hostile", "GET", "/objects?path=..%2F..", 400, INVALID),
    Vector("list_bad_escape", "GET", "/objects?path=%zz", 400, "CannotParseRequest"),
    Vector("list_not_utf8", "GET", "/objects?path=%ff", 400, "CannotParseRequest"),
    Vector("create_long_type", "POST", "/objects", 400, INVALID, b"new", NEW | {"type": "F" * 256}),
    Vector("create_under_condition", "POST", "/objects", 400, INVALID, b"new", NEW | {"if-match": "x"}),
    Vector(
        "create_over_stale",
        "POST",
        "/objects",
        412,
        "NoEtagMatch",
        b"new",
        NEW | {"path": "t.txt", "is-overwrite": "true", "if-match": "stale"},
    ),
    Vector("list_unknown_type", "GET", "/objects?path=d&type=CAT", 400, INVALID),
    Vector("list_limit_zero", "GET", "/objects?path=d&limit=0", 400, INVALID),
    Vector("list_limit_word", "GET", "/objects?path=d&limit=many", 400, INVALID),
    Vector("list_limit_huge", "GET", "/objects?path=d&limit=" + "9" * 5000, 400, INVALID),
    Vector("list_unknown_order", "GET", "/objects?path=d&sortOrder=UP", 400, INVALID),
    Vector("list_unknown_key", "GET", "/objects?path=d&sortBy=size", 400, INVALID),
    Vector("list_invented_page", "GET", "/objects?path=d&page=2", 400, INVALID),
    Vector("list_forged_page", "GET", "/objects?path=d&page=WyJ4IixbImEiXV0=", 400, INVALID),
    Vector("get", "GET", "/objects/t.txt", 200),
    Vector("get_missing", "GET", "/objects/no.txt", 404, NOT_FOUND),
    Vector("get_hidden", "GET", "/objects/.hidden", 404, NOT_FOUND),
    Vector("get_folder", "GET", "/objects/d", 400, INVALID),
    Vector("get_blank", "GET", "/objects/", 404, NOT_FOUND),
    Vector("get_hostile", "GET", "/objects/..%2Fx", 400, INVALID),
    Vector("head_missing", "HEAD", "/objects/no.txt", 404),
    Vector("create_file", "POST", "/objects", 200, None, b"new", NEW),
    Vector("create_library", "POST", "/objects", 400, INVALID, b"new", NEW | {"type": "LIBRARY"}),
    Vector("create_without_path", "POST", "/objects", 400, MISSING, b"new", {"type": "FILE"}),
    Vector("create_long_path", "POST", "/objects", 400, INVALID, b"new", NEW | {"path": "/" + "x" * 255}),
    Vector("create_root", "POST", "/objects", 400, INVALID, b"", {"path": "/Workspace", "type": "FOLDER"}),
    Vector("create_hostile", "POST", "/objects", 400, INVALID, b"new", NEW | {"path": "/Workspace/../x"}),
    Vector("create_over_file", "POST", "/objects", 409, "Conflict", b"new", NEW | {"path": "t.txt"}),
    Vector(
        "create_over_file_allowed",
        "POST",
        "/objects",
        200,
        None,
        b"new",
        NEW | {"path": "t.txt", "is-overwrite": "True"},
    ),
    Vector("create_over_folder", "POST", "/objects", 409, "Conflict", b"new", NEW | {"path": "d"}),
    Vector("create_unclear", "POST", "/objects", 400, INVALID, b"new", NEW | {"is-overwrite": "perhaps"}),
    Vector("create_below_missing", "POST", "/objects", 404, NOT_FOUND, b"new", NEW | {"path": "no/n.txt"}),
    Vector("create_folder", "POST", "/objects", 200, None, b"", {"path": "/Workspace/f", "type": "FOLDER"}),
    Vector("create_folder_again", "POST", "/objects", 409, "Conflict", b"", {"path": "d", "type": "FOLDER"}),
    Vector(
        "create_folder_again_allowed",
        "POST",
        "/objects",
        200,
        None,
        b"",
        {"path": "d", "type": "FOLDER", "is-overwrite": "true"},
    ),
    Vector("create_notebook", "POST", "/objects", 200, None, BYTES, {"path": "n.ipynb", "type": "NOTEBOOK"}),
    Vector("create_bad_notebook", "POST", "/objects", 400, INVALID, b"{}", {"path": "n.ipynb", "type": "FILE"}),
    Vector("create_misnamed_notebook", "POST", "/objects", 400, INVALID, BYTES, {"path": "n", "type": "NOTEBOOK"}),
    Vector(
        "create_broken_base64",
        "POST",
        "/objects",
        400,
        INVALID,
        b"/wA",
        NEW | {"is-upload-file-base64-encoded": "True"},
    ),
    Vector("update", "PUT", "/objects/t.txt", 200, None, b"other"),
    Vector("update_missing", "PUT", "/objects/no.txt", 404, NOT_FOUND, b"other"),
    Vector("update_missing_conditionally", "PUT", "/objects/no.txt", 412, "NoEtagMatch", b"x", {"if-match": "x"}),
    Vector("update_folder", "PUT", "/objects/d", 409, "Conflict", b"other"),
    Vector("update_stale", "PUT", "/objects/t.txt", 412, "NoEtagMatch", b"other", {"if-match": "stale"}),
    Vector("update_bad_notebook", "PUT", "/objects/a.ipynb", 400, INVALID, b"[]"),
    Vector("delete", "DELETE", "/objects/t.txt", 204),
    Vector("delete_missing", "DELETE", "/objects/no.txt", 404, NOT_FOUND),
    Vector("delete_stale", "DELETE", "/objects/t.txt", 412, "NoEtagMatch", None, {"if-match": "stale"}),
    Vector("delete_full_folder", "DELETE", "/objects/d", 409, "Conflict"),
    Vector("delete_empty_folder", "DELETE", "/objects/d%2Fe", 204),
    Vector("delete_root", "DELETE", "/objects/%2FWorkspace", 400, INVALID),
    Vector("copy", "POST", COPY, 200, None, _copy()),
    Vector("copy_missing", "POST", COPY, 404, NOT_FOUND, _copy(fromPath="no")),
    Vector("copy_onto_something", "POST", COPY, 409, "Conflict", _copy(toPath="t.txt")),
    Vector("copy_onto_itself", "POST", COPY, 409, "Conflict", _copy(toPath="a.ipynb", isOverWrite=True)),
    Vector("copy_without_target", "POST", COPY, 400, MISSING, {"fromPath": "a.ipynb"}),
    Vector("copy_stale", "POST", COPY, 412, "NoEtagMatch", _copy(), {"if-match": "stale"}),
    Vector("copy_over_stale", "POST", COPY, 412, "NoEtagMatch", _copy(isOverWrite=True), {"if-match": "stale"}),
    Vector("copy_folder", "POST", COPY, 200, None, _copy(fromPath="d", toPath="f")),
    Vector(
        "copy_folder_over_file", "POST", COPY, 409, "Conflict", _copy(fromPath="d", toPath="t.txt", isOverWrite=True)
    ),
    Vector("copy_into_itself", "POST", COPY, 400, INVALID, _copy(fromPath="d", toPath="d/x")),
    Vector("copy_root", "POST", COPY, 400, INVALID, _copy(fromPath="/Workspace")),
    Vector("copy_without_body", "POST", COPY, 400, INVALID),
    Vector("move_into_folder", "POST", MOVE, 200, None, {"fromPath": "a.ipynb", "toPath": "d/"}),
    Vector("move_into_missing", "POST", MOVE, 404, NOT_FOUND, {"fromPath": "a.ipynb", "toPath": "no/"}),
    Vector("move_onto_something", "POST", MOVE, 409, "Conflict", {"fromPath": "a.ipynb", "toPath": "t.txt"}),
    Vector("move_stale", "POST", MOVE, 412, "NoEtagMatch", {"fromPath": "a.ipynb", "toPath": "d"}, {"if-match": "x"}),
    Vector("rename", "POST", RENAME, 200, None, {"path": "/Workspace/a.ipynb", "newName": "z.ipynb"}),
    Vector("rename_onto_something", "POST", RENAME, 409, "Conflict", {"path": "a.ipynb", "newName": "t.txt"}),
    Vector("rename_to_path", "POST", RENAME, 400, INVALID, {"path": "a.ipynb", "newName": "d/z.ipynb"}),
    Vector("rename_to_dots", "POST", RENAME, 400, INVALID, {"path": "a.ipynb", "newName": ".."}),
    Vector("rename_without_name", "POST", RENAME, 400, MISSING, {"path": "a.ipynb"}),
    Vector("rename_missing", "POST", RENAME, 404, NOT_FOUND, {"path": "no", "newName": "z"}),
    *(
        Vector(f"unsupported_{action}", "POST", f"/actions/{action}", 501, "MethodNotImplemented", {})
        for action in ("uploadFileMeta", "downloadFileMeta", "uploadAndExtractZip", "zipAndDownloadFolder")
    ),
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_golden_object_vector(objects: Objects, vector: Vector) -> None:
    before = objects.tree()
    answer = await objects(vector.method, vector.tail, vector.value, **vector.headers)
    assert answer.status == vector.status, answer.body
    assert answer.headers["opc-request-id"]
    if vector.code is not None:
        assert (answer.json()["code"], bool(answer.json()["message"])) == (vector.code, True)
    if vector.status >= 400:
        assert objects.tree() == before


async def test_a_listing_says_what_stands_there(objects: Objects) -> None:
    answer = await objects("GET", "/objects?path=%2FWorkspace")
    items = {item["displayName"]: item for item in answer.json()["items"]}
    assert {name: (item["type"], item["path"]) for name, item in items.items()} == {
        "a.ipynb": ("NOTEBOOK", "/Workspace/a.ipynb"),
        "d": ("FOLDER", "/Workspace/d"),
        "t.txt": ("FILE", "/Workspace/t.txt"),
    }
    assert all(item["timeCreated"].endswith("Z") and item["timeUpdated"].endswith("Z") for item in items.values())
    assert "opc-next-page" not in answer.headers


@pytest.mark.parametrize("path", ["", "%2F", "Workspace", "%2FWorkspace%2F"])
async def test_every_spelling_of_the_root_lists_it(objects: Objects, path: str) -> None:
    assert await objects.names(f"path={path}") == ["a.ipynb", "d", "t.txt"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["1.txt", "2.txt", "3.txt", "d"]),
        ("&sortOrder=DESC", ["d", "3.txt", "2.txt", "1.txt"]),
        ("&sortBy=displayName&sortOrder=ASC", ["1.txt", "2.txt", "3.txt", "d"]),
        ("&type=FOLDER", ["d"]),
        ("&type=LIBRARY", []),
        ("&displayName=2.txt", ["2.txt"]),
        ("&metadataKeys=x", ["1.txt", "2.txt", "3.txt", "d"]),
    ],
)
async def test_a_listing_is_sorted_and_filtered_and_whole_over_its_pages(
    objects: Objects, query: str, expected: list[str]
) -> None:
    (objects.root / "p" / "d").mkdir(parents=True)
    for number in (2, 3, 1):
        (objects.root / "p" / f"{number}.txt").write_text("x")
    assert await objects.names(f"path=p{query}") == expected
    found, tail = list[str](), ""
    while True:
        answer = await objects("GET", f"/objects?path=p&limit=1{query}{tail}")
        found += [item["displayName"] for item in answer.json()["items"]]
        token = answer.headers.get("opc-next-page")
        if token is None:
            break
        assert not token.isdecimal()
        tail = f"&page={quote(token, safe='')}"
    assert found == expected


async def test_the_newest_comes_first_by_date(objects: Objects) -> None:
    (objects.root / "p").mkdir()
    for name in ("b.txt", "c.txt", "a.txt"):
        await objects.create(f"/Workspace/p/{name}", b"x")
    newest_first = await objects.names("path=p&sortBy=timeCreated")
    assert newest_first == ["a.txt", "c.txt", "b.txt"]
    assert await objects.names("path=p&sortBy=timeCreated&sortOrder=ASC") == newest_first[::-1]


async def test_a_page_token_belongs_to_its_listing(objects: Objects) -> None:
    token = (await objects("GET", "/objects?path=&limit=1")).headers["opc-next-page"]
    for query in ("path=d", "path=&type=FILE", "path=&sortOrder=DESC"):
        other = await objects("GET", f"/objects?{query}&page={quote(token, safe='')}")
        assert (other.status, other.json()["code"]) == (400, INVALID)


async def test_what_is_made_between_two_pages_shifts_nothing(objects: Objects) -> None:
    first = await objects("GET", "/objects?path=&limit=2")
    (objects.root / "0.txt").write_text("x")
    (objects.root / "a.ipynb").unlink()
    second = await objects("GET", f"/objects?path=&limit=2&page={quote(first.headers['opc-next-page'], safe='')}")
    assert [item["displayName"] for item in second.json()["items"]] == ["t.txt"]


async def test_bytes_come_back_as_they_were_sent(objects: Objects) -> None:
    made = await objects.create("/Workspace/d/ñ b.bin", b"\x00\xff", type="FILE")
    assert made.status == 200
    read = await objects("GET", "/objects/%2FWorkspace%2Fd%2F%C3%B1%20b.bin")
    assert (read.body, read.headers["type"], read.etag) == (b"\x00\xff", "FILE", made.etag)
    assert (read.headers["Content-Type"], read.headers["X-Content-Type-Options"]) == (
        "application/octet-stream",
        "nosniff",
    )
    assert read.headers["object-key"] == made.headers["object-key"]
    encoded = await objects.create("e.bin", base64.encodebytes(b"\x00\xff"), is_upload_file_base64_encoded="True")
    assert (encoded.status, (objects.root / "e.bin").read_bytes()) == (200, b"\x00\xff")


async def test_a_notebook_is_kept_as_sent_and_is_empty_without_bytes(objects: Objects) -> None:
    spelled = BYTES.replace(b": ", b" :  ")
    await objects.create("n.ipynb", spelled, type="NOTEBOOK")
    await objects.create("m.ipynb", type="NOTEBOOK")
    assert (objects.root / "n.ipynb").read_bytes() == spelled
    assert (objects.root / "m.ipynb").read_bytes() == EMPTY_NOTEBOOK


async def test_a_path_header_may_be_latin_1(objects: Objects) -> None:
    """As Python's HTTP client sends it."""

    def create() -> int:
        with closing(http.client.HTTPConnection(objects.oci.url.removeprefix("http://"))) as connection:
            connection.request("POST", f"{BASE}/objects", b"x", {"path": "/Workspace/ñ.txt"})
            return connection.getresponse().status

    assert (await asyncio.to_thread(create), (objects.root / "ñ.txt").read_bytes()) == (200, b"x")


async def test_location_leads_to_what_was_made(objects: Objects) -> None:
    made = await objects.create("/Workspace/d/n.txt", b"x", type="FILE")
    assert made.headers["Location"].endswith(f"{BASE}/objects/%2FWorkspace%2Fd%2Fn.txt")
    assert made.headers["Content-Location"] == made.headers["Location"]
    read = await objects.oci.send("GET", made.headers["Location"].removeprefix(objects.oci.url))
    assert read.body == b"x"


async def test_the_etag_is_that_of_contents_and_the_composite_one_is_apart(objects: Objects) -> None:
    read, facts = await objects("GET", "/objects/a.ipynb"), await objects("HEAD", "/objects/a.ipynb")
    contents = await objects.oci("GET", "a.ipynb?content=0")
    assert read.etag == contents.etag
    composite = facts.headers["composite-etag"]
    assert (composite != contents.etag, "etag" in facts.headers) == (True, False)
    listed = (await objects("GET", "/objects?path=&displayName=a.ipynb")).json()["items"][0]
    assert listed["compositeEtag"] == composite
    assert (await objects("PUT", "/objects/a.ipynb", BYTES, if_match=composite)).status == 412
    assert (await objects.oci.put_notebook("a.ipynb", if_match=composite)).status == 412
    changed = await objects("PUT", "/objects/a.ipynb", BYTES + b"\n", if_match=contents.etag)
    assert changed.etag == (await objects.oci("GET", "a.ipynb?content=0")).etag != contents.etag
    assert (await objects("HEAD", "/objects/a.ipynb")).headers["composite-etag"] != composite


async def test_head_tells_of_folders_too(objects: Objects) -> None:
    facts = await objects("HEAD", "/objects/%2FWorkspace%2Fd?shouldIncludeMetadata=true")
    assert (facts.status, facts.headers["type"], facts.headers["path"]) == (200, "FOLDER", "/Workspace/d")
    assert (json.loads(facts.headers["file-metadata"]), facts.body) == ({}, b"")
    assert facts.headers["time-updated"].endswith("Z")


COPIES: list[tuple[str, dict[str, Any], str, set[str]]] = [
    ("copyObject", {"fromPath": "a.ipynb", "toPath": "d"}, "/Workspace/d/a.ipynb", set()),
    ("copyObject", {"fromPath": "t.txt", "toPath": "/Workspace/d/"}, "/Workspace/d/t.txt", set()),
    ("copyObject", {"fromPath": "t.txt", "toPath": "n.txt", "isDeleteSource": True}, "n.txt", {"t.txt"}),
    ("copyObject", {"fromPath": "t.txt", "toPath": "a.bin", "isOverWrite": True}, "a.bin", set()),
    (
        "copyObject",
        {"fromPath": "d/b.ipynb", "toPath": "a.ipynb", "isOverWrite": True, "isDeleteSource": True},
        "a.ipynb",
        {"d/b.ipynb"},
    ),
    ("copyObject", {"fromPath": "d", "toPath": "g", "isOverWrite": True}, "g", set()),
    ("moveObject", {"fromPath": "t.txt", "toPath": "d/e/"}, "d/e/t.txt", {"t.txt"}),
    ("moveObject", {"fromPath": "/Workspace/d", "toPath": "/Workspace/g"}, "/Workspace/g", {"d", "d/e", "d/b.ipynb"}),
    ("renameObject", {"path": "/Workspace/d/b.ipynb", "newName": "c.ipynb"}, "/Workspace/d/c.ipynb", {"d/b.ipynb"}),
]


@pytest.mark.parametrize(("action", "asked", "path", "gone"), COPIES)
async def test_copies_and_moves_say_where_things_are_now(
    objects: Objects, action: str, asked: dict[str, Any], path: str, gone: set[str]
) -> None:
    before = objects.tree()
    source = objects.root / (asked.get("fromPath") or asked["path"]).removeprefix("/Workspace/")
    body = source.read_bytes() if source.is_file() else None
    answer = await objects("POST", f"/actions/{action}", asked)
    assert answer.status == 200, answer.body
    details = answer.json()
    inner = path.removeprefix("/Workspace/")
    assert details["path"].removeprefix("/Workspace/") == inner
    assert details["displayName"] == inner.rpartition("/")[2]
    assert before - objects.tree() == gone
    standing = objects.root / inner
    assert standing.exists()
    assert body is None or standing.read_bytes() == body
    facts = await objects("HEAD", f"/objects/{quote(inner, safe='')}")
    assert (facts.headers["type"], facts.headers["object-key"]) == (details["type"], details["key"])


async def test_a_copy_may_leave_outputs_behind(objects: Objects) -> None:
    asked = {"fromPath": "d/b.ipynb", "toPath": "n.ipynb", "isIncludeOutputs": False}
    assert (await objects("POST", "/actions/copyObject", asked)).status == 200
    (cell,) = json.loads((objects.root / "n.ipynb").read_bytes())["cells"]
    assert (cell["outputs"], cell["execution_count"], cell["source"]) == ([], None, ["# one"])
    assert json.loads((objects.root / "d" / "b.ipynb").read_bytes()) == RAN


async def test_a_create_that_is_repeated_with_its_token_makes_one_object(objects: Objects) -> None:
    first = await objects.create("n.txt", b"x", type="FILE", opc_retry_token="t")
    again = await objects.create("n.txt", b"x", type="FILE", opc_retry_token="t")
    names = ("etag", "Location", "object-key", "path", "type", "time-updated")
    assert [again.headers[name] for name in names] == [first.headers[name] for name in names]
    other = await objects.create("m.txt", b"x", type="FILE", opc_retry_token="t")
    assert (other.status, other.json()["code"]) == (409, "InvalidatedRetryToken")
    await objects("DELETE", "/objects/n.txt")
    late = await objects.create("n.txt", b"x", type="FILE", opc_retry_token="t")
    assert (late.status, late.json()["code"]) == (409, "InvalidatedRetryToken")


async def test_a_file_that_would_replace_itself_is_not_lost(objects: Objects) -> None:
    """The target is another name of the source, which only the store can know."""
    (objects.root / "link.txt").symlink_to("t.txt")
    asked = {"fromPath": "t.txt", "toPath": "link.txt", "isOverWrite": True, "isDeleteSource": True}
    answer = await objects("POST", "/actions/copyObject", asked)
    assert (answer.status, answer.json()["code"]) == (409, "IncorrectState")
    assert (objects.root / "t.txt").read_bytes() == b"\xff\x00text"


async def test_the_condition_of_a_copy_is_of_the_bytes_that_are_copied(objects: Objects) -> None:
    etag = (await objects("GET", "/objects/t.txt")).etag
    asked = {"fromPath": "t.txt", "toPath": "n.txt"}
    assert (await objects("POST", "/actions/copyObject", asked, if_match=etag)).status == 200
    assert (await objects("GET", "/objects/n.txt")).etag == etag


async def test_a_folder_has_one_composite_etag(objects: Objects) -> None:
    listed = (await objects("GET", "/objects?path=&displayName=d")).json()["items"][0]
    assert (await objects("HEAD", "/objects/d")).headers["composite-etag"] == listed["compositeEtag"]


async def test_large_base64_in_many_pieces_is_decoded(objects: Objects) -> None:
    made = await objects.create("n.bin", b"AA AA\n" * 20_000, is_upload_file_base64_encoded="true")
    assert (made.status, (objects.root / "n.bin").stat().st_size) == (200, 60_000)
