"""Golden vectors of GET, and of what the server says of itself."""

from __future__ import annotations

import base64

import pytest

from gateway.contents.model import EPOCH
from gateway.contents.paths import ContentPath
from tests.dialects.jupyter.driving import Ask, Server
from tests.dialects.jupyter.vectors import (
    DATE,
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
from tests.fakes.memory import File, MemoryBackend

BINARY = b"\xff\x00" * 60
CSP = "frame-ancestors 'self'; report-uri /api/security/csp-report; default-src 'none'"
HELLO = etag(b"hello")


def get(path: str, **headers: str) -> Ask:
    return Ask("GET", f"/api/contents{path}", headers={name.replace("_", "-"): each for name, each in headers.items()})


def binary(path: str) -> Ask:
    content = base64.b64encode(BINARY).decode()
    return Ask("PUT", f"/api/contents/{path}", {"type": "file", "format": "base64", "content": content})


A = (text("a.txt"),)
N = (notebook("n.ipynb"),)
F = (folder("f"), text("f/a.txt"))
B = (binary("b.bin"),)
D = (folder("d.ipynb"),)
BAD_TYPE = {"reason": "bad type"}
BIN_TYPE = "application/octet-stream"
ALL_METHODS = "DELETE, GET, OPTIONS, PATCH, POST, PUT"
PREFLIGHT: dict[str, str | None] = {
    "Access-Control-Allow-Methods": "GET, PUT, POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": (
        "accept, content-type, authorization, x-xsrftoken, if-match, if-none-match, if-range, range"
    ),
}

VECTORS = [
    Vector("get_text", get("/a.txt"), 200, text_model("a.txt", content="hello", format="text"), {"ETag": HELLO}, A),
    Vector("get_text_with_hash", get("/a.txt?hash=1"), 200, hashed(b"hello"), given=A),
    Vector("get_text_without_content", get("/a.txt?content=0"), 200, text_model("a.txt"), {"ETag": HELLO}, A),
    Vector("get_hash_alone", get("/a.txt?content=0&hash=1"), 200, text_model("a.txt", **hashed(b"hello")), given=A),
    Vector(
        "get_text_as_base64", get("/a.txt?format=base64"), 200, {"format": "base64", "content": "aGVsbG8=\n"}, given=A
    ),
    Vector("get_binary", get("/b.bin"), 200, {"format": "base64", "mimetype": "application/octet-stream"}, given=B),
    Vector("get_binary_as_text", get("/b.bin?format=text"), 400, {"reason": "bad format"}, given=B),
    Vector(
        "get_notebook",
        get("/n.ipynb?hash=1"),
        200,
        {"type": "notebook", "format": "json", "mimetype": None, "content": NOTEBOOK, **hashed(STORED_BYTES)},
        {"ETag": etag(STORED_BYTES)},
        N,
    ),
    Vector(
        "get_notebook_as_file",
        get("/n.ipynb?type=file"),
        200,
        {"type": "file", "format": "text", "content": STORED_BYTES.decode()},
        given=N,
    ),
    Vector(
        "get_notebook_without_content", get("/n.ipynb?content=0"), 200, {"type": "notebook", "content": None}, given=N
    ),
    Vector("get_notebook_as_directory", get("/n.ipynb?type=directory"), 400, BAD_TYPE, given=N),
    Vector("get_unreadable_notebook", get("/n.ipynb"), 400, given=(text("n.ipynb", "{"),)),
    Vector("get_text_as_notebook", get("/a.txt?type=notebook"), 400, given=A),
    Vector("get_unknown_type", get("/a.txt?type=moon"), 200, {"type": "file"}, given=A),
    Vector("get_unknown_parameters", get("/a.txt?contentProviderId=undefined&1763692945"), 200, given=A),
    Vector("get_bad_format", get("/a.txt?format=xml"), 400, {"reason": None}, given=A),
    Vector("get_format_json", get("/n.ipynb?format=json"), 400, given=N),
    Vector("get_bad_content", get("/a.txt?content=yes"), 400, given=A),
    Vector("get_bad_hash", get("/a.txt?hash=2"), 400, given=A),
    Vector(
        "get_directory",
        get("/f"),
        200,
        {"type": "directory", "format": "json", "size": None, "mimetype": None, "content": [text_model("f/a.txt")]},
        given=F,
    ),
    Vector("get_directory_with_slash", get("/f/"), 200, {"path": "f"}, given=F),
    Vector("get_directory_with_hash", get("/f?hash=1"), 200, {"hash": None, "hash_algorithm": None}, given=F),
    Vector("get_directory_without_content", get("/f?content=0"), 200, {"content": None, "format": None}, given=F),
    Vector("get_directory_as_file", get("/f?type=file"), 400, BAD_TYPE, given=F),
    Vector("get_directory_as_file_without_content", get("/f?type=file&content=0"), 400, BAD_TYPE, given=F),
    Vector("get_file_as_directory", get("/a.txt?type=directory"), 400, BAD_TYPE, given=A),
    Vector("get_file_as_directory_without_content", get("/a.txt?type=directory&content=0"), 400, BAD_TYPE, given=A),
    Vector("get_root", get(""), 200, {"name": "", "path": "", "content": [text_model("a.txt")]}, given=A),
    Vector("get_root_with_slash", get("/"), 200, {"path": "", "type": "directory"}),
    Vector("get_missing", get("/none.txt"), 404, {"message": "No such file or directory.", "reason": None}),
    Vector("get_hidden", get("/.secret"), 404),
    Vector("get_traversal", get("/..%2f..%2fetc/passwd"), 400),
    Vector(
        "get_odd_name",
        get("/a%25%20%23%3F+%3B.txt"),
        200,
        {"path": "a% #?+;.txt"},
        given=(text("a%25%20%23%3F+%3B.txt"),),
    ),
    Vector("get_not_modified", get("/a.txt", If_None_Match=HELLO), 304, None, {"ETag": HELLO}, A),
    Vector("get_not_modified_unread", get("/a.txt?content=0", If_None_Match=HELLO), 304, None, {"ETag": HELLO}, A),
    Vector("get_modified", get("/a.txt", If_None_Match='"old"'), 200, {"content": "hello"}, given=A),
    Vector("get_malformed_etag", get("/a.txt", If_None_Match='"old'), 400, given=A),
    Vector("get_not_modified_bare", get("/a.txt", If_None_Match=HELLO.strip('"')), 304, None, {"ETag": HELLO}, A),
    Vector("get_not_modified_weak", get("/a.txt", If_None_Match=f"W/{HELLO}"), 304, None, {"ETag": HELLO}, A),
    Vector("get_not_modified_list", get("/a.txt", If_None_Match=f'"old", {HELLO}'), 304, None, {"ETag": HELLO}, A),
    Vector("get_not_modified_any", get("/a.txt", If_None_Match="*"), 304, None, {"ETag": HELLO}, A),
    Vector("get_missing_any", get("/a.txt", If_None_Match="*"), 404),
    Vector("get_modified_list", get("/a.txt", If_None_Match='"old", W/"older"'), 200, {"content": "hello"}, given=A),
    Vector("get_empty_etag", get("/a.txt", If_None_Match=""), 400, given=A),
    Vector("get_comma_for_etag", get("/a.txt", If_None_Match=","), 400, given=A),
    Vector("get_wrong_type_not_modified", get("/a.txt?type=directory", If_None_Match=HELLO), 400, BAD_TYPE, given=A),
    Vector("get_if_modified_since", get("/a.txt", If_Modified_Since="Sat, 21 Nov 2099 02:42:25 GMT"), 200, given=A),
    Vector("get_last_content_counts", get("/a.txt?content=1&content=0"), 200, {"content": None}, given=A),
    Vector("get_last_type_counts", get("/a.txt?type=file&type=directory"), 400, BAD_TYPE, given=A),
    Vector("get_last_hash_counts", get("/a.txt?hash=1&hash=0"), 200, {"hash": None}, given=A),
    Vector("get_empty_type", get("/a.txt?type="), 200, {"type": "file"}, given=A),
    Vector("get_empty_format", get("/a.txt?format="), 400, given=A),
    Vector("get_empty_content", get("/a.txt?content="), 400, given=A),
    Vector("get_empty_hash", get("/a.txt?hash="), 400, given=A),
    Vector("get_format_without_content", get("/a.txt?content=0&format=base64"), 200, text_model("a.txt"), given=A),
    Vector("get_bad_format_without_content", get("/a.txt?content=0&format=xml"), 400, given=A),
    Vector("get_notebook_format_ignored", get("/n.ipynb?format=base64"), 200, {"format": "json"}, given=N),
    Vector("get_notebook_file_as_base64", get("/n.ipynb?type=file&format=base64"), 200, {"format": "base64"}, given=N),
    Vector("get_binary_without_content", get("/b.bin?content=0&format=text"), 200, {"mimetype": BIN_TYPE}, given=B),
    Vector("get_unknown_suffix", get("/a.zzz"), 200, {"mimetype": "text/plain"}, given=(text("a.zzz"),)),
    Vector("get_unknown_suffix_unread", get("/a.zzz?content=0"), 200, {"mimetype": None}, given=(text("a.zzz"),)),
    Vector("get_directory_format_ignored", get("/f?format=text"), 200, {"format": "json"}, given=F),
    Vector("get_directory_as_notebook", get("/f?type=notebook"), 400, BAD_TYPE, given=F),
    Vector("get_missing_as_directory", get("/none?type=directory"), 404),
    Vector("get_directory_of_notebook_name", get("/d.ipynb"), 200, {"type": "directory", "content": []}, given=D),
    Vector("get_directory_of_notebook_name_as_notebook", get("/d.ipynb?type=notebook"), 400, BAD_TYPE, given=D),
    Vector("get_root_as_file", get("?type=file"), 400, BAD_TYPE),
    Vector("get_root_without_content", get("?content=0&hash=1"), 200, {"path": "", "content": None, "hash": None}),
    Vector("get_file_with_slash", get("/a.txt/"), 200, {"path": "a.txt"}, given=A),
    Vector("get_encoded_slash", get("/f%2Fa.txt"), 200, {"path": "f/a.txt"}, given=F),
    Vector("get_empty_segment", get("/f//a.txt"), 400, given=F),
    Vector("get_below_file", get("/a.txt/b"), 404, given=A),
    Vector("get_at_sign", get("/a@b%40c.txt"), 200, {"path": "a@b@c.txt"}, given=(text("a%40b@c.txt"),)),
    Vector("get_unicode_name", get("/%F0%9F%98%80.txt"), 200, {"path": "😀.txt"}, given=(text("%F0%9F%98%80.txt"),)),
    Vector("get_no_unicode_form_folded", get("/%C3%A9.txt"), 404, given=(text("e%CC%81.txt"),)),
    Vector("get_percent_kept", get("/a%252Fb.txt"), 200, {"path": "a%2Fb.txt"}, given=(text("a%252Fb.txt"),)),
    Vector("get_broken_escape", get("/a%zz"), 400),
    Vector("get_not_utf8", get("/%ff"), 400),
    Vector("get_nul", get("/a%00b"), 400),
    Vector("get_newline", get("/a%0Ab"), 400),
    Vector("get_backslash", get("/a%5Cb"), 400),
    Vector("head_refused", Ask("HEAD", "/api/contents/a.txt"), 405, headers={"Allow": ALL_METHODS}, given=A),
    Vector("head_of_root_refused", Ask("HEAD", "/api/contents"), 405, headers={"Allow": ALL_METHODS}),
    Vector("status_changed_refused", Ask("DELETE", "/api/status"), 405, headers={"Allow": "GET, OPTIONS"}),
    Vector("me_changed_refused", Ask("PATCH", "/api/me", {}), 405, headers={"Allow": "GET, OPTIONS"}),
    Vector(
        "options_contents",
        Ask("OPTIONS", "/api/contents/a"),
        200,
        headers={"Allow": "GET, PUT, POST, PATCH, DELETE, OPTIONS", **PREFLIGHT},
    ),
    Vector(
        "options_checkpoints",
        Ask("OPTIONS", "/api/contents/a/checkpoints"),
        200,
        headers={"Allow": "GET, POST, OPTIONS"},
    ),
    Vector("version_told", Ask("GET", "/api"), 200, {"version": "2.21.1"}, {"X-Content-Type-Options": "nosniff"}),
    Vector("version_protected", Ask("GET", "/api/"), 200, headers={"Content-Security-Policy": CSP}),
    Vector("status_with_slash", Ask("GET", "/api/status/"), 200, {"kernels": 0}),
    Vector("me_with_slash", Ask("GET", "/api/me/"), 200, {"permissions": {"updatable_fields": []}}),
    Vector(
        "status_told",
        Ask("GET", "/api/status"),
        200,
        {"connections": 0, "kernels": 0, "last_activity": DATE, "started": DATE},
    ),
    Vector(
        "me_with_permissions",
        Ask("GET", "/api/me?permissions=%7B%22contents%22%3A%5B%22read%22%5D%7D"),
        200,
        {
            "identity": {
                "username": "ada lovelace",
                "name": "ada lovelace",
                "display_name": "ada lovelace",
                "initials": "AL",
                "avatar_url": None,
                "color": None,
            },
            "permissions": {"contents": ["read"], "updatable_fields": []},
        },
    ),
    Vector("me_alone", Ask("GET", "/api/me"), 200, {"permissions": {"updatable_fields": []}}),
    Vector("me_malformed_permissions", Ask("GET", "/api/me?permissions=%7B"), 400, {"reason": None}),
    Vector("me_misshapen_permissions", Ask("GET", "/api/me?permissions=%7B%22a%22%3A1%7D"), 400),
    Vector("old_address", Ask("GET", "/api/notebooks/a.txt"), 404, given=A),
    Vector("get_if_match", get("/a.txt", If_Match='"old"'), 200, given=A),
    Vector("unknown_url", Ask("GET", "/api/nothing"), 404, {"reason": None}),
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
async def test_golden(vector: Vector, dialect: Server) -> None:
    await hold(vector, dialect)


async def test_dates_of_a_file_are_the_stores_own(dialect: Server, backend: MemoryBackend) -> None:
    backend.files[ContentPath(("a.txt",))] = File(b"", EPOCH, EPOCH)
    answer = await dialect.send(get("/a.txt"))
    assert answer.json()["last_modified"] == "1970-01-01T00:00:00.000000Z"
    assert answer.headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"


async def test_a_stored_trust_mark_never_comes_out(dialect: Server, backend: MemoryBackend) -> None:
    body = STORED_BYTES.replace(b'"metadata": {}', b'"metadata": {"trusted": true}')
    backend.files[ContentPath(("n.ipynb",))] = File(body, EPOCH, EPOCH)
    answer = await dialect.send(get("/n.ipynb"))
    assert answer.json()["content"]["cells"][0]["metadata"] == {}


async def test_a_notebook_under_another_name_is_shown_as_one_when_asked(dialect: Server) -> None:
    await dialect.send(text("n.txt", STORED_BYTES.decode()))
    model = (await dialect.send(get("/n.txt?type=notebook"))).json()
    assert (model["type"], model["format"], model["mimetype"]) == ("notebook", "json", None)
    assert model["content"]["nbformat"] == NOTEBOOK["nbformat"]
