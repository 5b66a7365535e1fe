"""The five contents calls, over the wire: golden vectors and what they leave behind (spec oci 4)."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.contents.notebook import EMPTY_NOTEBOOK
from tests.dialects.oci.app import CONTENTS, MAX_BODY_BYTES, NOTEBOOK, Oci

FIELDS = {
    *("name", "path", "type", "created", "last_modified", "mimetype", "content", "format", "size", "writable"),
    *("hash", "hash_algorithm"),
}


@dataclass(frozen=True)
class Vector:
    """One request against the standard tree, and what of its answer is fixed."""

    name: str
    method: str
    tail: str
    status: int
    expected: dict[str, Any] = field(default_factory=dict)
    value: object = None
    headers: dict[str, str] = field(default_factory=dict)


def _refused(code: str, reason: str | None = None) -> dict[str, Any]:
    return {"code": code} | ({"reason": reason} if reason else {})


INVALID = _refused("InvalidParameter")
BAD_TYPE = _refused("InvalidParameter", "bad type")
BAD_FORMAT = _refused("InvalidParameter", "bad format")
MISSING = _refused("MissingParameter")
NOT_FOUND = _refused("NotAuthorizedOrNotFound")
STALE = _refused("NoEtagMatch")

NB = {"type": "notebook", "content": NOTEBOOK, "format": "json"}

VECTORS = [
    Vector("get_notebook", "GET", "a.ipynb", 200, {"type": "notebook", "format": "json", "content": NOTEBOOK}),
    Vector("get_notebook_metadata", "GET", "a.ipynb?content=0", 200, {"content": None, "format": None, "hash": None}),
    Vector("get_notebook_as_json", "GET", "a.ipynb?type=notebook&format=json", 200, {"content": NOTEBOOK}),
    Vector("get_notebook_as_file", "GET", "a.ipynb?type=file", 200, {"type": "file", "format": "text"}),
    Vector("get_notebook_as_base64", "GET", "a.ipynb?type=file&format=base64", 200, {"format": "base64"}),
    Vector("get_notebook_file_as_json", "GET", "a.ipynb?type=file&format=json", 400, BAD_FORMAT),
    Vector("get_notebook_as_text", "GET", "a.ipynb?format=text", 400, BAD_FORMAT),
    Vector("get_text", "GET", "t.txt", 200, {"content": "héllo", "format": "text", "mimetype": "text/plain"}),
    Vector("get_text_metadata", "GET", "t.txt?content=0", 200, {"mimetype": None, "size": 6, "type": "file"}),
    Vector("get_text_as_base64", "GET", "t.txt?format=base64", 200, {"content": "aMOpbGxv\n", "format": "base64"}),
    Vector("get_text_as_json", "GET", "t.txt?format=json", 400, BAD_FORMAT),
    Vector("get_binary", "GET", "b.bin", 200, {"content": "/wAB\n", "format": "base64"}),
    Vector("get_binary_as_text", "GET", "b.bin?format=text", 400, BAD_FORMAT),
    Vector("get_text_as_notebook", "GET", "t.txt?type=notebook", 400, BAD_TYPE),
    Vector("get_text_metadata_as_notebook", "GET", "t.txt?type=notebook&content=0", 400, BAD_TYPE),
    Vector("get_directory", "GET", "d", 400, BAD_TYPE),
    Vector("get_root", "GET", "%2FWorkspace", 400, BAD_TYPE),
    Vector("get_directory_listing", "GET", "d?type=directory&content=1", 400, INVALID),
    Vector("get_directory_metadata", "GET", "d?type=directory&content=0", 200, {"type": "directory", "content": None}),
    Vector("get_file_as_directory", "GET", "t.txt?type=directory&content=0", 400, BAD_TYPE),
    Vector("get_missing", "GET", "no.ipynb", 404, NOT_FOUND),
    Vector("get_hidden", "GET", ".hidden", 404, NOT_FOUND),
    Vector("get_unknown_type", "GET", "a.ipynb?type=cat", 400, BAD_TYPE),
    Vector("get_unknown_format", "GET", "a.ipynb?format=xml", 400, BAD_FORMAT),
    Vector("get_undecodable_type", "GET", "a.ipynb?type=%FF", 400, BAD_TYPE),
    Vector("get_nul_format", "GET", "a.ipynb?format=%00", 400, BAD_FORMAT),
    Vector("get_blank_type", "GET", "a.ipynb?type=&format=", 200, {"type": "notebook"}),
    Vector("get_unknown_parameter", "GET", "a.ipynb?colour=red", 200, {"type": "notebook"}),
    Vector("get_unknown_content", "GET", "a.ipynb?content=2", 400, INVALID),
    Vector("get_unknown_hash", "GET", "a.ipynb?hash=yes", 400, INVALID),
    Vector("get_recent", "GET", "a.ipynb", 200, headers={"should-update-recent": "True"}),
    Vector("get_recent_unclear", "GET", "a.ipynb", 400, INVALID, headers={"should-update-recent": "maybe"}),
    Vector("get_bad_request_id", "GET", "a.ipynb", 400, INVALID, headers={"opc-request-id": "a b"}),
    *(
        Vector(f"post_to_host_{number}", "POST", "d", 400, INVALID, {"type": "notebook"}, {"Host": host})
        for number, host in enumerate(
            ("", "a b", "evil.example/x?", "user@evil.example", "[::1", '"', "a:", "a:123456")
        )
    ),
    Vector("get_at_ipv6_host", "GET", "a.ipynb", 200, headers={"Host": "[::1]:8443"}),
    Vector("get_long_request_id", "GET", "a.ipynb", 400, INVALID, headers={"opc-request-id": "a" * 129}),
    Vector(
        "post_notebook",
        "POST",
        "d",
        201,
        {"path": "d/Untitled.ipynb", "size": len(EMPTY_NOTEBOOK)},
        {"type": "notebook"},
    ),
    Vector("post_by_extension", "POST", "d", 201, {"path": "d/Untitled.ipynb"}, {"ext": ".ipynb", "copy_from": None}),
    Vector("post_file", "POST", "d", 201, {"path": "d/untitled.py", "type": "file"}, {"ext": ".py", "type": "file"}),
    Vector("post_nothing_said", "POST", "d", 201, {"path": "d/untitled", "type": "file"}, {}),
    Vector("post_directory", "POST", "d", 201, {"path": "d/Untitled Folder"}, {"type": "directory"}),
    Vector("post_copy", "POST", "d", 201, {"path": "d/a.ipynb"}, {"copy_from": "/Workspace/a.ipynb"}),
    Vector("post_copy_beside", "POST", "%2F", 201, {"path": "/a-Copy1.ipynb"}, {"copy_from": "a.ipynb"}),
    Vector(
        "post_copy_of_missing", "POST", "d", 400, _refused("RelatedResourceNotAuthorizedOrNotFound"), {"copy_from": "x"}
    ),
    Vector("post_copy_into_missing", "POST", "no", 404, NOT_FOUND, {"copy_from": "a.ipynb"}),
    Vector("post_copy_of_hostile_path", "POST", "d", 400, INVALID, {"copy_from": "../../x"}),
    Vector("post_copy_of_directory", "POST", "d", 201, {"path": "d/full", "type": "directory"}, {"copy_from": "full"}),
    Vector("post_unknown_field", "POST", "d", 201, {"path": "d/Untitled.ipynb"}, {"type": "notebook", "colour": 1}),
    Vector("post_wrong_field", "POST", "d", 400, INVALID, {"type": 7}),
    Vector("post_huge_number", "POST", "d", 400, INVALID, b'{"upload_chunk_index": 1e999}'),
    Vector("post_tenant", "POST", "d", 201, {}, {"type": "file"}, {"datalake-tenant-id": "anything"}),
    Vector("post_into_missing", "POST", "no", 404, NOT_FOUND, {"type": "notebook"}),
    Vector("post_into_file", "POST", "t.txt", 400, _refused("InvalidParameter"), {"type": "notebook"}),
    Vector("post_without_body", "POST", "d", 400, {**INVALID, "message": "The request body must not be null"}),
    Vector("post_unknown_type", "POST", "d", 400, BAD_TYPE, {"type": "cat"}),
    Vector("post_bad_extension", "POST", "d", 400, INVALID, {"ext": "/../x"}),
    Vector("post_not_an_object", "POST", "d", 400, INVALID, []),
    Vector("post_content", "POST", "d", 201, {"path": "d/Untitled.ipynb"}, NB),
    Vector("post_content_of_file", "POST", "d", 400, BAD_TYPE, {"type": "file", "content": "x", "format": "text"}),
    Vector("post_content_as_text", "POST", "d", 400, BAD_FORMAT, {**NB, "format": "text"}),
    Vector("post_content_invalid", "POST", "d", 400, INVALID, {"type": "notebook", "content": "QQ=="}),
    Vector("post_long_token", "POST", "d", 400, INVALID, {}, {"opc-retry-token": "t" * 65}),
    Vector("put_notebook_new", "PUT", "n.ipynb", 200, {"path": "n.ipynb", "content": None, "format": None}, NB),
    Vector("put_notebook_existing", "PUT", "%2FWorkspace%2Fa.ipynb", 200, {"path": "/Workspace/a.ipynb"}, NB),
    Vector("put_notebook_by_name", "PUT", "n.ipynb", 200, {"type": "notebook"}, {"content": NOTEBOOK, "name": None}),
    Vector("put_notebook_null_format", "PUT", "n.ipynb", 200, {}, {"content": NOTEBOOK, "format": "NULL"}),
    Vector("put_notebook_as_text", "PUT", "n.ipynb", 400, BAD_FORMAT, {**NB, "format": "text"}),
    Vector("put_notebook_invalid", "PUT", "n.ipynb", 400, INVALID, {**NB, "content": {"nbformat": 4, "cells": [{}]}}),
    Vector("put_notebook_wrong_name", "PUT", "n.txt", 400, BAD_TYPE, NB),
    Vector("put_notebook_empty_wrong_name", "PUT", "n.txt", 400, BAD_TYPE, {"type": "notebook"}),
    Vector("put_notebook_empty", "PUT", "n.ipynb", 200, {"type": "notebook", "size": len(EMPTY_NOTEBOOK)}, {}),
    Vector("put_nothing_over_something", "PUT", "a.ipynb", 400, MISSING, {"type": "notebook"}),
    Vector("put_null_over_something", "PUT", "a.ipynb", 400, MISSING, {"content": None}),
    Vector("put_nothing_conditionally", "PUT", "a.ipynb", 400, MISSING, {}, {"if-match": "x"}),
    Vector("put_into_missing", "PUT", "no%2Fn.ipynb", 404, NOT_FOUND, NB),
    Vector("put_empty_into_missing", "PUT", "no%2Fn.ipynb", 404, NOT_FOUND, {}),
    Vector("put_text", "PUT", "n.txt", 200, {"size": 6}, {"type": "file", "format": "text", "content": "héllo"}),
    Vector("put_base64", "PUT", "n.bin", 200, {"size": 3}, {"format": "base64", "content": "/wAB"}),
    Vector("put_broken_base64", "PUT", "n.bin", 400, INVALID, {"format": "base64", "content": "/wA"}),
    Vector("put_file_without_format", "PUT", "n.txt", 400, BAD_FORMAT, {"content": "x"}),
    Vector("put_file_unknown_format", "PUT", "n.txt", 400, BAD_FORMAT, {"content": "x", "format": "xml"}),
    Vector("put_directory", "PUT", "e", 200, {"type": "directory", "path": "e"}, {"type": "directory"}),
    Vector("put_directory_again", "PUT", "d", 200, {"type": "directory"}, {"type": "directory"}),
    Vector("put_directory_over_file", "PUT", "t.txt", 400, BAD_TYPE, {"type": "directory"}),
    Vector("put_directory_conditionally", "PUT", "d", 400, INVALID, {"type": "directory"}, {"if-match": "x"}),
    Vector("put_unknown_field", "PUT", "n.ipynb", 200, {"path": "n.ipynb"}, {**NB, "colour": 1, "description": "x"}),
    Vector("put_other_path_in_body", "PUT", "n.ipynb", 200, {"path": "n.ipynb"}, {**NB, "path": "../z", "name": "z"}),
    Vector("put_too_large", "PUT", "n.txt", 413, _refused("PayloadTooLarge"), b" " * (MAX_BODY_BYTES + 1)),
    Vector("put_deep", "PUT", "n.ipynb", 400, {}, b'{"content": ' + b"[" * 100_000),
    Vector("put_not_utf8", "PUT", "n.ipynb", 400, _refused("CannotParseRequest"), b'{"name": "\xff"}'),
    Vector("put_hidden", "PUT", ".n.ipynb", 400, INVALID, NB),
    Vector("put_root", "PUT", "%2FWorkspace", 400, INVALID, {"type": "directory"}),
    Vector("put_without_body", "PUT", "a.ipynb", 400, {"message": "The request body must not be null"}),
    Vector("put_chunk_without_content", "PUT", "a.ipynb", 400, MISSING, {"upload_id": "u", "upload_chunk_index": -1}),
    Vector("put_stale", "PUT", "a.ipynb", 412, STALE, NB, {"if-match": "stale"}),
    Vector("put_stale_quoted", "PUT", "a.ipynb", 412, STALE, NB, {"if-match": '"stale"'}),
    Vector("put_conditionally_missing", "PUT", "n.ipynb", 412, STALE, NB, {"if-match": "x"}),
    Vector("put_unclear_condition", "PUT", "a.ipynb", 400, INVALID, NB, {"if-match": '"open'}),
    Vector("put_any", "PUT", "a.ipynb", 200, {}, NB, {"if-match": "*"}),
    Vector("patch_rename", "PATCH", "a.ipynb", 200, {"name": "z.ipynb", "path": "d/z.ipynb"}, {"path": "d/z.ipynb"}),
    Vector("patch_other_spelling", "PATCH", "a.ipynb", 200, {"path": "/Workspace/z"}, {"path": "/Workspace/z"}),
    Vector("patch_directory", "PATCH", "d", 200, {"type": "directory", "path": "g"}, {"path": "g"}),
    Vector("patch_onto_something", "PATCH", "a.ipynb", 409, _refused("Conflict"), {"path": "t.txt"}),
    Vector("patch_onto_root", "PATCH", "a.ipynb", 409, _refused("Conflict"), {"path": "/Workspace"}),
    Vector("patch_missing", "PATCH", "no.ipynb", 404, NOT_FOUND, {"path": "z.ipynb"}),
    Vector("patch_into_missing", "PATCH", "a.ipynb", 404, NOT_FOUND, {"path": "no/z.ipynb"}),
    Vector("patch_root", "PATCH", "%2FWorkspace", 400, INVALID, {"path": "z"}),
    Vector("patch_without_path", "PATCH", "a.ipynb", 400, MISSING, {"path": None}),
    Vector("patch_without_body", "PATCH", "a.ipynb", 400, {"message": "The request body must not be null"}),
    Vector("patch_to_hostile_path", "PATCH", "a.ipynb", 400, INVALID, {"path": "/Workspace/../../z"}),
    Vector("patch_to_nul", "PATCH", "a.ipynb", 400, INVALID, {"path": "z\0"}),
    Vector("patch_to_surrogate", "PATCH", "a.ipynb", 400, _refused("CannotParseRequest"), {"path": "z\ud800"}),
    Vector("patch_onto_itself", "PATCH", "a.ipynb", 200, {"path": "a.ipynb"}, {"path": "a.ipynb"}),
    Vector("patch_onto_itself_stale", "PATCH", "a.ipynb", 412, STALE, {"path": "a.ipynb"}, {"if-match": "stale"}),
    Vector("patch_stale", "PATCH", "a.ipynb", 412, STALE, {"path": "z.ipynb"}, {"if-match": "stale"}),
    Vector("patch_conditionally_missing", "PATCH", "no.ipynb", 412, STALE, {"path": "z"}, {"if-match": "x"}),
    Vector("delete_missing", "DELETE", "no.ipynb", 404, NOT_FOUND),
    Vector("delete_full_directory", "DELETE", "full", 409, _refused("Conflict")),
    Vector("delete_root", "DELETE", "%2FWorkspace", 400, INVALID),
    Vector("delete_stale", "DELETE", "a.ipynb", 412, STALE, headers={"if-match": "stale"}),
    Vector("options_is_no_method", "OPTIONS", "a.ipynb", 405, _refused("MethodNotAllowed")),
]


@pytest.fixture
async def tree(oci: Oci) -> Oci:
    """``a.ipynb``, ``t.txt``, ``b.bin``, ``.hidden``, the empty ``d/`` and ``full/x``."""
    (oci.root / "a.ipynb").write_bytes(json.dumps(NOTEBOOK).encode())
    (oci.root / "t.txt").write_bytes("héllo".encode())
    (oci.root / "b.bin").write_bytes(b"\xff\x00\x01")
    (oci.root / ".hidden").write_bytes(b"")
    (oci.root / "d").mkdir()
    (oci.root / "full").mkdir()
    (oci.root / "full" / "x").write_bytes(b"")
    return oci


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_golden_vector(tree: Oci, vector: Vector) -> None:
    answer = await tree(vector.method, vector.tail, vector.value, **vector.headers)
    body = answer.json()
    assert answer.status == vector.status, body
    assert {key: body.get(key) for key in vector.expected} == vector.expected
    assert answer.headers["opc-request-id"]
    assert answer.headers["Content-Type"] == "application/json"
    if answer.status < 300:
        assert set(body) == FIELDS
        assert all(isinstance(body[name], str) for name in ("created", "last_modified"))
        assert answer.etag
        assert '"' not in answer.etag
        assert ("Last-Modified" in answer.headers) is (vector.method == "GET")
        assert ("Location" in answer.headers) is (vector.method != "GET")
    else:
        assert set(body) <= {"code", "message", "reason"}
        assert "etag" not in answer.headers


async def test_the_sha256_is_given_when_asked_for(tree: Oci) -> None:
    for content in "01":
        body = (await tree("GET", f"t.txt?hash=1&content={content}")).json()
        assert body["hash_algorithm"] == "sha256"
        assert len(body["hash"]) == 64


async def test_the_callers_request_id_comes_back(tree: Oci) -> None:
    assert (await tree("GET", "a.ipynb", opc_request_id="csid-1/abc_2")).headers["opc-request-id"] == "csid-1/abc_2"


@pytest.mark.parametrize("spelling", ["{}", '"{}"'])
async def test_the_right_etag_opens_every_change(tree: Oci, spelling: str) -> None:
    first = (await tree("GET", "a.ipynb")).etag
    changed = {**NOTEBOOK, "metadata": {"x": 1}}
    saved = await tree("PUT", "a.ipynb", {"content": changed}, if_match=spelling.format(first))
    assert (saved.status, saved.etag != first) == (200, True)
    assert (await tree("PUT", "a.ipynb", {"content": NOTEBOOK}, if_match=spelling.format(first))).status == 412
    assert (await tree("GET", "a.ipynb")).etag == saved.etag
    moved = await tree("PATCH", "a.ipynb", {"path": "m.ipynb"}, if_match=spelling.format(saved.etag))
    assert (moved.status, moved.etag) == (200, saved.etag)
    assert (await tree("DELETE", "m.ipynb", if_match=spelling.format(moved.etag))).status == 204


async def test_a_refused_change_has_no_effect(tree: Oci) -> None:
    before = (await tree("GET", "a.ipynb")).body
    await tree("PUT", "a.ipynb", {"content": {**NOTEBOOK, "metadata": {"x": 1}}}, if_match="stale")
    await tree("PATCH", "a.ipynb", {"path": "m.ipynb"}, if_match="stale")
    await tree("DELETE", "a.ipynb", if_match="stale")
    assert (await tree("GET", "a.ipynb")).body == before


async def test_delete_answers_with_nothing(tree: Oci) -> None:
    for tail in ("a.ipynb", "d", "t.txt"):
        deleted = await tree("DELETE", tail)
        assert (deleted.status, deleted.body) == (204, b"")
        assert deleted.headers["opc-request-id"]
        assert deleted.headers["Location"] == f"{tree.url}{CONTENTS}{tail}"
        assert "etag" not in deleted.headers
        assert (await tree("GET", f"{tail}?content=0")).status == 404


async def test_location_leads_to_what_was_made(tree: Oci) -> None:
    created = await tree("POST", "%2FWorkspace%2Fd", {"type": "directory"})
    assert created.headers["Location"] == f"{tree.url}{CONTENTS}%2FWorkspace%2Fd%2FUntitled%20Folder"
    found = await tree.send("GET", created.headers["Location"].removeprefix(tree.url) + "?content=0")
    assert found.json()["path"] == created.json()["path"] == "/Workspace/d/Untitled Folder"
    assert found.etag == created.etag


async def test_bytes_saved_as_base64_are_kept(tree: Oci) -> None:
    body = bytes(range(256))
    await tree("PUT", "n.bin", {"format": "base64", "content": base64.b64encode(body).decode()})
    assert (tree.root / "n.bin").read_bytes() == body


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "CannotParseRequest"),
        (b"null", "InvalidParameter"),
        (b" ", "InvalidParameter"),
        (b"7", "InvalidParameter"),
    ],
)
async def test_a_body_that_is_no_object_is_refused(tree: Oci, raw: bytes, code: str) -> None:
    for method in ("POST", "PUT", "PATCH"):
        refused = await tree(method, "a.ipynb", raw)
        assert (refused.status, refused.json()["code"]) == (400, code)


async def test_a_method_that_is_none_says_which_are(tree: Oci) -> None:
    refused = await tree("OPTIONS", "a.ipynb")
    assert refused.headers["Allow"] == "DELETE, GET, PATCH, POST, PUT"
