"""The emulated workspace refuses what Oracle would refuse, asked by plain signed requests (spec oci 13.1 to 13.17)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from tests.compat.workspace_calls import NOTEBOOK, Caller, at, calling
from tests.fakes.workspace import CLUSTER_ID, PLATFORM_ID, PREFIX, Identity, WorkspaceEmulator, running_workspace

CONTENTS = "/notebook/api/contents/"
GONE = (404, "NotAuthorizedOrNotFound")
INVALID = (400, "InvalidParameter")
UNPARSABLE = (400, "CannotParseRequest")


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture
async def caller(workspace: WorkspaceEmulator) -> AsyncIterator[Caller]:
    async with calling(workspace) as opened:
        yield opened


def stands(workspace: WorkspaceEmulator) -> set[str]:
    return {"/".join(path) for path in workspace.tree.nodes} - {"Workspace"}


@pytest.mark.parametrize(
    ("prefix", "tail"),
    [
        ("", "/"),
        ("/api" + PREFIX, ""),
        (PREFIX.replace("20260430", "20240831"), ""),
        (PREFIX.replace("aiDataPlatforms", "dataLakes"), ""),
        (PREFIX.replace(PLATFORM_ID, "ocid1.other"), ""),
        (PREFIX[:-1] + "2", ""),
        (PREFIX, "x"),
        (PREFIX, "/notebook/api/contents"),
        (PREFIX, CONTENTS),
        (PREFIX, CONTENTS + "%20"),
        (PREFIX, CONTENTS + "/Workspace"),
        (PREFIX, CONTENTS + "Workspace/a"),
        (PREFIX, CONTENTS + "%2FWorkspace/checkpoints"),
        (PREFIX, "/notebook/api/kernels"),
        (PREFIX, "/objects/"),
        (PREFIX, "/actions/other"),
        (PREFIX, "/asyncOperations"),
    ],
)
async def test_every_other_address_is_not_found(caller: Caller, prefix: str, tail: str) -> None:
    assert (await caller.send("GET", tail, prefix=prefix)).code == GONE


@pytest.mark.parametrize(
    ("segment", "refusal"),
    [
        ("%2FWorkspace%2F..%2Fa", INVALID),
        ("%2FWorkspace%2F.", INVALID),
        ("%2FWorkspace%2F%00", INVALID),
        ("%2FWorkspace%2F%2Fa", INVALID),
        ("%2FWorkspace%2Fa%2F", INVALID),
        ("%2FWorkspace%2Fa%FF", UNPARSABLE),
        ("%2FWorkspace%2Fa%zz", UNPARSABLE),
        ("%252FWorkspace", GONE),
        ("%2FShared", GONE),
    ],
)
async def test_paths_are_decoded_once_and_never_made_plain(
    caller: Caller, segment: str, refusal: tuple[int, str]
) -> None:
    assert (await caller.send("GET", f"{CONTENTS}{segment}?content=0")).code == refusal


@pytest.mark.parametrize("segment", ["%2F", "Workspace", "%2FWorkspace", "%2fWork%73pace"])
async def test_the_root_has_several_names(caller: Caller, segment: str) -> None:
    assert (await caller.send("GET", f"{CONTENTS}{segment}?content=0")).json()["path"] == "/Workspace"


@pytest.mark.parametrize(
    ("path", "query", "reason"),
    [
        ("", "?type=directory&content=1", "bad type"),
        ("", "", "bad type"),
        ("n.ipynb", "?type=file", "bad type"),
        ("n.ipynb", "?format=text", "bad format"),
        ("b.bin", "?format=text", "bad format"),
        ("b.bin", "?format=json", "bad format"),
        ("b.bin", "?type=nonsense", None),
        ("b.bin", "?type=FILE", None),
        ("b.bin", "?content=2", None),
        ("b.bin", "?hash=true", None),
        ("b.bin", "?content=1&content=1", None),
        ("b.bin", "?other=1", None),
    ],
)
async def test_queries_that_cannot_be_answered_are_refused(
    workspace: WorkspaceEmulator, caller: Caller, path: str, query: str, reason: str | None
) -> None:
    workspace.tree.put(("Workspace", "n.ipynb"), b"{}")
    workspace.tree.put(("Workspace", "b.bin"), b"\xff")
    reply = await caller.send("GET", at(path, query))
    assert (reply.code, reply.json().get("reason")) == (INVALID, reason)


@pytest.mark.parametrize("given", ["abc", "a-b_c/d", "x" * 128])
async def test_every_answer_has_the_callers_request_id_first(caller: Caller, given: str) -> None:
    found = await caller.send("GET", "", opc_request_id=given)
    missing = await caller.send("GET", at("none"), opc_request_id=given)
    for reply in (found, missing):
        assert re.fullmatch(re.escape(given.split("/")[0]) + "/[0-9A-F]{32}", reply.headers["opc-request-id"])


@pytest.mark.parametrize("given", ["a b", "a.b", "x" * 129])
async def test_request_ids_of_other_characters_are_refused(caller: Caller, given: str) -> None:
    reply = await caller.send("GET", "", opc_request_id=given)
    assert reply.code == INVALID
    assert given not in reply.headers["opc-request-id"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    ("body", "refusal"),
    [(b"", INVALID), (b"[]", INVALID), (b"{", UNPARSABLE), (b'{"a": NaN}', UNPARSABLE), (b'{"other": 1}', INVALID)],
)
async def test_a_body_is_an_object_of_known_fields(
    workspace: WorkspaceEmulator, caller: Caller, method: str, body: bytes, refusal: tuple[int, str]
) -> None:
    reply = await caller.send(method, at(""), body)
    assert reply.code == refusal
    if not body:
        assert reply.json()["message"] == "The request body must not be null"


@pytest.mark.parametrize(
    "change",
    [
        {"nbformat": 3},
        {"nbformat": True},
        {"nbformat_minor": "5"},
        {"nbformat_minor": None},
        {"metadata": []},
        {"cells": None},
        {"cells": [{"source": ""}]},
        {"cells": [{"cell_type": "code"}]},
        {"cells": [{"cell_type": "code", "source": 1}]},
    ],
)
async def test_what_is_no_notebook_is_not_stored(
    workspace: WorkspaceEmulator, caller: Caller, change: dict[str, Any]
) -> None:
    assert (await caller.write("a.ipynb", NOTEBOOK | change)).code == INVALID
    assert not stands(workspace)


@pytest.mark.parametrize(
    "save",
    [
        {"type": "file", "format": "text", "content": "x"},
        {"type": "notebook", "format": "text", "content": NOTEBOOK},
        {"type": "notebook", "content": NOTEBOOK, "path": "/Workspace/b.ipynb"},
        {"type": "notebook", "content": NOTEBOOK, "name": "b.ipynb"},
        {"type": "directory", "upload_id": "u", "upload_chunk_index": -1, "total_chunks": 1},
        {"type": "nonsense"},
        {"type": 1},
    ],
)
async def test_a_save_that_contradicts_its_address_is_refused(
    workspace: WorkspaceEmulator, caller: Caller, save: dict[str, Any]
) -> None:
    assert (await caller.send("PUT", at("a.ipynb"), save)).code == INVALID
    assert not stands(workspace)


async def test_statuses_and_headers_of_contents(workspace: WorkspaceEmulator, caller: Caller) -> None:
    made = await caller.send("POST", at(""), {"type": "notebook"})
    saved = await caller.write("Untitled.ipynb")
    read = await caller.send("GET", at("Untitled.ipynb", "?hash=1"))
    moved = await caller.send("PATCH", at("Untitled.ipynb"), {"path": "Workspace/a.ipynb"})
    gone = await caller.send("DELETE", at("a.ipynb"))
    assert [each.status for each in (made, saved, read, moved, gone)] == [201, 200, 200, 200, 204]
    located = [each.headers.get("Location") for each in (made, saved, read, moved, gone)]
    first, last = f"{workspace.url}{PREFIX}{at('Untitled.ipynb')}", f"{workspace.url}{PREFIX}{at('a.ipynb')}"
    assert located == [first, first, None, last, last]
    assert ["Last-Modified" in each.headers for each in (made, saved, read, moved, gone)] == [False] * 2 + [True] + [
        False
    ] * 2
    assert len({each.headers["etag"] for each in (made, saved, moved)}) == 3
    assert saved.headers["etag"] == read.headers["etag"]
    assert len(read.json()["hash"]) == 64
    assert (gone.body, "etag" in gone.headers) == (b"", False)
    assert (await caller.send("HEAD", at("a.ipynb"))).status == 405


@pytest.mark.parametrize("wanted", ["old", "*", 'W/"{}"', "{},{}"])
async def test_another_etag_changes_nothing(workspace: WorkspaceEmulator, caller: Caller, wanted: str) -> None:
    etag = (await caller.write("a.ipynb")).headers["etag"]
    wanted = wanted.replace("{}", etag)
    replies = [
        await caller.write("a.ipynb", if_match=wanted),
        await caller.send("PATCH", at("a.ipynb"), {"path": "/Workspace/b.ipynb"}, if_match=wanted),
        await caller.send("DELETE", at("a.ipynb"), if_match=wanted),
        await caller.write("none.ipynb", if_match=etag),
    ]
    assert [each.code for each in replies] == [(412, "NoEtagMatch")] * 4
    assert stands(workspace) == {"Workspace/a.ipynb"}
    assert (await caller.send("GET", at("a.ipynb", "?content=0"))).headers["etag"] == etag
    assert (await caller.write("a.ipynb", if_match=f'"{etag}"')).status == 200


async def test_names_that_are_taken_and_parents_that_are_missing_are_refused(
    workspace: WorkspaceEmulator, caller: Caller
) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        await caller.write(name)
    refusals = [
        (await caller.send("PATCH", at("a.ipynb"), {"path": "/Workspace/b.ipynb"})).code,
        (await caller.send("PATCH", at("a.ipynb"), {"path": "/Workspace/no/b.ipynb"})).code,
        (await caller.send("PATCH", at("a.ipynb"), {"path": "/Workspace/../b.ipynb"})).code,
        (await caller.send("PATCH", at("a.ipynb"), {"path": None})).code,
        (await caller.send("POST", at("no"), {})).code,
        (await caller.send("POST", at("a.ipynb"), {})).code,
        (await caller.send("POST", at(""), {"copy_from": "/Workspace/no"})).code,
        (await caller.send("DELETE", at("no"))).code,
        (await caller.send("DELETE", at(""))).code,
        (await caller.send("DELETE", "/objects/Workspace")).code,
        (await caller.send("PATCH", at(""), {"path": "/Other"})).code,
    ]
    conflict, unrelated = (409, "Conflict"), (400, "RelatedResourceNotAuthorizedOrNotFound")
    assert refusals == [conflict, GONE, INVALID, INVALID, GONE, conflict, unrelated, GONE, conflict, conflict, conflict]
    assert stands(workspace) == {"Workspace/a.ipynb", "Workspace/b.ipynb"}


async def test_a_body_beyond_the_limit_or_without_length_is_refused() -> None:
    async with running_workspace(max_body_bytes=1000) as workspace, calling(workspace) as caller:
        assert (await caller.write("a.ipynb", NOTEBOOK | {"metadata": {"x": "y" * 900}})).code[0] == 413
        assert (await caller.write("a.ipynb")).status == 200
        target = PREFIX + at("a.ipynb")
        unmeasured = {**caller.signed("PUT", target, b"{}")}
        del unmeasured["content-length"]

        async def pieces() -> AsyncIterator[bytes]:
            yield b"{}"

        url = URL(workspace.url + target, encoded=True)
        async with caller.session.put(url, data=pieces(), headers=unmeasured) as answer:
            assert answer.status == 411


async def test_callers_see_different_trees(workspace: WorkspaceEmulator, caller: Caller) -> None:
    other = Identity("ocid1.user.oc1..other", rsa.generate_private_key(public_exponent=65537, key_size=2048))
    workspace.admit(other)
    workspace.hidden[other.key_id] = {("Workspace", "f", "secret")}
    await caller.send("PUT", at("f"), {"type": "directory"})
    await caller.send("PUT", at("f/secret"), {"type": "directory"})
    await caller.write("f/secret/a.ipynb")
    session = await caller.send(
        "POST", "/notebook/api/sessions", {"path": "/Workspace/f/secret/a.ipynb", "cluster_id": CLUSTER_ID}
    )
    async with calling(workspace, other) as stranger:
        listed = await stranger.send("GET", "/objects?path=f")
        assert listed.json() == {"items": []}
        refusals = [
            await stranger.send("GET", at("f/secret/a.ipynb")),
            await stranger.write("f/secret/a.ipynb"),
            await stranger.send("DELETE", at("f")),
            await stranger.send("PATCH", at("f"), {"path": "/Workspace/g"}),
            await stranger.send("POST", at("f/secret"), {}),
            await stranger.send("GET", "/objects/f%2Fsecret%2Fa.ipynb"),
            await stranger.send("POST", "/objects", path="f/secret/b", type="FILE"),
            await stranger.send("POST", "/actions/copyObject", {"fromPath": "f", "toPath": "g"}),
            await stranger.send("GET", f"/notebook/api/sessions/{session.json()['id']}"),
        ]
        assert [each.code for each in refusals] == [GONE] * len(refusals)
        assert (await stranger.send("GET", "/notebook/api/sessions")).json() == {"items": []}
        assert (await stranger.send("POST", at("f"), {"type": "notebook"})).status == 201
    assert len((await caller.send("GET", "/objects?path=f")).json()["items"]) == 2
    workspace.strangers.add(caller.identity.key_id)
    assert (await caller.send("GET", "")).code == GONE


async def test_an_upload_of_objects_with_another_path_header_is_another_request(
    workspace: WorkspaceEmulator, caller: Caller
) -> None:
    first = await caller.send("POST", "/objects", b"x", path="a", type="FILE", opc_retry_token="t")
    again = await caller.send("POST", "/objects", b"x", path="a", type="FILE", opc_retry_token="t")
    assert (again.status, again.headers["etag"], again.headers["object-key"]) == (
        200,
        first.headers["etag"],
        first.headers["object-key"],
    )
    others = [
        await caller.send("POST", "/objects", b"x", path="b", type="FILE", opc_retry_token="t"),
        await caller.send("POST", "/objects", b"x", path="a", type="LIBRARY", opc_retry_token="t"),
        await caller.send("POST", "/objects", b"y", path="a", type="FILE", opc_retry_token="t"),
    ]
    assert [each.code for each in others] == [(409, "InvalidatedRetryToken")] * 3
    assert stands(workspace) == {"Workspace/a"}
    contents = await caller.send("POST", at(""), {"type": "file"}, opc_retry_token="t")
    assert contents.status == 201


@pytest.mark.parametrize(("token", "status"), [("t" * 64, 201), ("t" * 65, 400), ("ü", 400)])
async def test_retry_tokens_have_1_to_64_characters(caller: Caller, token: str, status: int) -> None:
    assert (await caller.send("POST", at(""), {}, opc_retry_token=token)).status == status


async def test_a_retry_token_is_forgotten_after_a_day(workspace: WorkspaceEmulator, caller: Caller) -> None:
    first, later = await caller.send("POST", at(""), {}, opc_retry_token="t"), datetime.now(UTC) + timedelta(hours=24)
    again = await caller.send("POST", at(""), {}, opc_retry_token="t")
    assert again.body == first.body
    workspace.habits.clock = lambda: later
    target, body = PREFIX + at(""), b"{}"
    signed = {**caller.signed("POST", target, body, later), "opc-retry-token": "t"}
    fresh = await caller.exchange("POST", target, body, signed)
    assert fresh.json()["path"] != first.json()["path"]


async def test_what_is_deleted_and_made_anew_is_not_what_the_retry_token_made(
    workspace: WorkspaceEmulator, caller: Caller
) -> None:
    made = (await caller.send("POST", at(""), {"type": "notebook"}, opc_retry_token="t")).json()["name"]
    await caller.send("DELETE", at(made))
    await caller.write(made)
    late = await caller.send("POST", at(""), {"type": "notebook"}, opc_retry_token="t")
    assert late.code == (409, "InvalidatedRetryToken")
