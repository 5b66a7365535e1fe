"""Each habit of the emulated workspace makes the difference that its name promises."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.compat.workspace_calls import NOTEBOOK, Caller, Reply, at, calling
from tests.fakes.workspace import CLUSTER_ID, OLDER, PREFIX, WorkspaceEmulator, running_workspace

GONE = (404, "NotAuthorizedOrNotFound")
INVALID = (400, "InvalidParameter")
CONFLICT = (409, "Conflict")
SESSIONS = "/notebook/api/sessions"
SESSION = {"path": "/Workspace/a.ipynb", "cluster_id": CLUSTER_ID}


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    """With ``a.ipynb``, ``b.ipynb``, ``c.txt`` and ``f/d.txt``."""
    async with running_workspace() as emulator:
        for name in ("a.ipynb", "b.ipynb"):
            emulator.tree.put(("Workspace", name), json.dumps(NOTEBOOK).encode())
        emulator.tree.put(("Workspace", "c.txt"), b"c")
        emulator.tree.put(("Workspace", "f"), None)
        emulator.tree.put(("Workspace", "f", "d.txt"), b"d")
        yield emulator


@pytest.fixture
async def caller(workspace: WorkspaceEmulator) -> AsyncIterator[Caller]:
    async with calling(workspace) as opened:
        yield opened


def outcome(reply: Reply) -> int | tuple[int, str]:
    return reply.status if reply.status < 400 else reply.code


FILE = {"type": "file", "format": "text", "content": "x"}

CALLS: dict[str, tuple[dict[str, Any], tuple[Any, ...], dict[str, str], Any, Any]] = {
    "plain slashes": ({"lenient_paths": True}, ("GET", "/notebook/api/contents//Workspace/c.txt"), {}, GONE, 200),
    "a save creates": ({"put_creates": False}, ("PUT", at("new.txt"), FILE), {}, 200, GONE),
    "a full folder goes": ({"recursive_delete": False}, ("DELETE", at("f")), {}, 204, CONFLICT),
    "a full object goes": ({"recursive_delete": False}, ("DELETE", "/objects/f"), {}, 204, CONFLICT),
    "a folder is listed": ({"lists_directories": True}, ("GET", at("f", "?type=directory")), {}, INVALID, 200),
    "a rename replaces": (
        {"patch_replaces": True},
        ("PATCH", at("a.ipynb"), {"path": "/Workspace/b.ipynb"}),
        {},
        CONFLICT,
        200,
    ),
    "a rename moves": (
        {"renames_across_folders": False},
        ("PATCH", at("a.ipynb"), {"path": "/Workspace/f/a.ipynb"}),
        {},
        200,
        INVALID,
    ),
    "files are copied": ({"copies_files": False}, ("POST", at(""), {"copy_from": "Workspace/c.txt"}), {}, 201, INVALID),
    "unknown fields": ({"refuses_unknown_fields": False}, ("PUT", at("c.txt"), {**FILE, "new": 1}), {}, INVALID, 200),
    "another name": ({"body_path_must_fit": False}, ("PUT", at("c.txt"), {**FILE, "name": "d"}), {}, INVALID, 200),
    "an absent notebook": (
        {"missing_is_internal_error": True},
        ("GET", at("none.ipynb")),
        {},
        GONE,
        (500, "InternalError"),
    ),
    "an etag where nothing is": (
        {"if_match_on_absent": 404},
        ("PUT", at("new.txt"), FILE),
        {"if_match": "x"},
        (412, "NoEtagMatch"),
        GONE,
    ),
    "an unheeded etag": (
        {"conditional_methods": frozenset({"PUT"})},
        ("DELETE", at("c.txt")),
        {"if_match": "x"},
        (412, "NoEtagMatch"),
        204,
    ),
    "a header that is not ASCII": (
        {"ascii_headers": False},
        ("POST", "/objects"),
        {"path": "ü", "type": "FOLDER"},
        INVALID,
        200,
    ),
    "folders are copied": (
        {"copies_folders": False},
        ("POST", "/actions/copyObject", {"fromPath": "f", "toPath": "g"}),
        {},
        200,
        INVALID,
    ),
    "no cluster": ({"cluster_required": False}, ("POST", SESSIONS, {"path": "/Workspace/a.ipynb"}), {}, INVALID, 201),
    "a stopped cluster": (
        {"stopped_cluster_status": 404},
        ("POST", SESSIONS, {**SESSION, "cluster_id": "stopped"}),
        {},
        INVALID,
        GONE,
    ),
    "an unknown cluster": ({"clusters": {}}, ("POST", SESSIONS, SESSION), {}, 201, GONE),
    "a long request id": ({"longest_request_id": 4}, ("GET", ""), {"opc_request_id": "abcde"}, 200, INVALID),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_habit_decides_what_is_refused(workspace: WorkspaceEmulator, caller: Caller, name: str) -> None:
    habits, arguments, headers, before, after = CALLS[name]
    workspace.habits.clusters["stopped"] = "STOPPED"
    nodes = dict(workspace.tree.nodes)
    assert outcome(await caller.send(*arguments, **headers)) == before
    workspace.tree.nodes = nodes
    workspace.sessions.clear()
    for habit, value in habits.items():
        setattr(workspace.habits, habit, value)
    assert outcome(await caller.send(*arguments, **headers)) == after


MODELS: dict[str, tuple[dict[str, Any], str, str, Any, Any]] = {
    "no leading slash": ({"leading_slash": False}, at("c.txt"), "path", "/Workspace/c.txt", "Workspace/c.txt"),
    "no format": ({"null_format": None}, at("c.txt", "?content=0"), "format", "NULL", None),
    "no hash": ({"hashes": False}, at("c.txt", "?hash=1"), "hash_algorithm", "sha256", None),
}


@pytest.mark.parametrize("name", MODELS)
async def test_a_habit_decides_what_a_model_says(workspace: WorkspaceEmulator, caller: Caller, name: str) -> None:
    habits, tail, field, before, after = MODELS[name]
    assert (await caller.send("GET", tail)).json()[field] == before
    for habit, value in habits.items():
        setattr(workspace.habits, habit, value)
    assert (await caller.send("GET", tail)).json()[field] == after


async def test_dates_may_be_numbers(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.numeric_dates = True
    assert isinstance((await caller.send("GET", at("c.txt"))).json()["last_modified"], float)
    listed = (await caller.send("GET", "/objects?path=/")).json()["items"]
    assert all(isinstance(item["timeCreated"], float) for item in listed)


async def test_models_may_be_sparse_and_have_more_than_is_known(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.sparse_models = True
    model = (await caller.send("GET", at("a.ipynb", "?content=0"))).json()
    item = (await caller.send("GET", "/objects?path=/")).json()["items"][0]
    session = (await caller.send("POST", SESSIONS, SESSION)).json()
    for each, missing in ((model, "size"), (item, "compositeEtag"), (session, "agentFlowKey")):
        assert (missing in each, "emulatedExtra" in each) == (False, True)
    assert {"name", "path", "type", "writable", "created", "last_modified", "format"} <= model.keys()


async def test_reasons_may_come_alone(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.reason_alone = True
    refused = (await caller.send("GET", at("c.txt", "?type=notebook"))).json()
    assert (refused["reason"], "code" in refused) == ("bad type", False)


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"'])
async def test_etags_may_be_quoted_or_weak(workspace: WorkspaceEmulator, caller: Caller, form: str) -> None:
    workspace.habits.etag_form = form
    etag = (await caller.send("GET", at("a.ipynb"))).headers["etag"]
    assert etag.startswith(form[:2].replace("{", ""))
    bare = etag.removeprefix("W/").strip('"')
    assert (await caller.write("a.ipynb", if_match=bare)).status == 412
    assert (await caller.write("a.ipynb", if_match=etag)).status == 200


async def test_quotes_around_an_etag_may_be_refused(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.quoted_if_match = False
    etag = (await caller.send("GET", at("a.ipynb"))).headers["etag"]
    assert (await caller.write("a.ipynb", if_match=f'"{etag}"')).status == 412


async def test_a_rename_may_keep_the_etag(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.etags_after_patch_change = False
    etag = (await caller.send("GET", at("a.ipynb"))).headers["etag"]
    moved = await caller.send("PATCH", at("a.ipynb"), {"path": "/Workspace/n.ipynb"}, if_match=etag)
    assert moved.headers["etag"] == etag


async def test_an_etag_may_be_missing_without_content(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.etag_without_content = False
    assert "etag" not in (await caller.send("GET", at("a.ipynb", "?content=0"))).headers
    assert "etag" in (await caller.send("GET", at("a.ipynb"))).headers


async def test_etags_of_objects_may_be_a_space_of_their_own(workspace: WorkspaceEmulator, caller: Caller) -> None:
    contents = (await caller.send("GET", at("c.txt"))).headers["etag"]
    assert (await caller.send("GET", "/objects/c.txt")).headers["etag"] == contents
    workspace.habits.object_etags_apart = True
    apart = (await caller.send("GET", "/objects/c.txt")).headers["etag"]
    assert apart != contents
    assert (await caller.send("DELETE", "/objects/c.txt", if_match=contents)).status == 412
    assert (await caller.send("DELETE", at("c.txt"), if_match=apart)).status == 412
    assert (await caller.send("DELETE", "/objects/c.txt", if_match=apart)).status == 204


async def test_changes_may_name_a_work_request(workspace: WorkspaceEmulator, caller: Caller) -> None:
    assert "opc-work-request-id" not in (await caller.write("a.ipynb")).headers
    workspace.habits.work_requests = True
    changes = [
        await caller.write("a.ipynb"),
        await caller.send("POST", at(""), {}),
        await caller.send("PATCH", at("a.ipynb"), {"path": "/Workspace/n.ipynb"}),
        await caller.send("DELETE", at("n.ipynb")),
        await caller.send("POST", SESSIONS, SESSION),
        await caller.send("DELETE", "/objects/f"),
    ]
    assert all(change.headers["opc-work-request-id"] for change in changes)


async def test_the_older_generation_has_its_own_addresses_and_forms() -> None:
    async with running_workspace(generation=OLDER) as workspace, calling(workspace) as caller:
        assert workspace.prefix.startswith("/20240831/dataLakes/")
        assert (await caller.send("GET", "", prefix=PREFIX)).code == GONE
        await caller.send("POST", at(""), {"type": "notebook"})
        listing = (await caller.send("GET", at("", "?type=directory&content=1"))).json()
        assert ([item["name"] for item in listing["content"]], listing["format"]) == (["Untitled.ipynb"], "json")
        await caller.send("POST", SESSIONS, SESSION)
        sessions = await caller.send("GET", SESSIONS)
        assert ([each["path"] for each in sessions.json()], "etag" in sessions.headers) == ([SESSION["path"]], True)
        workspace.habits.async_objects = True
        begun = await caller.send("DELETE", "/objects/Untitled.ipynb")
        assert (begun.status, len(begun.headers["datalake-async-operation-key"])) == (202, 36)


async def test_sessions_may_be_a_bare_array(workspace: WorkspaceEmulator, caller: Caller) -> None:
    assert (await caller.send("GET", SESSIONS)).json() == {"items": []}
    workspace.habits.sessions_as_array = True
    assert (await caller.send("GET", SESSIONS)).json() == []


async def test_sessions_may_fail_and_linger(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.session_polls, workspace.habits.session_outcome = 1, "FAILED"
    workspace.habits.session_delete_polls = 2
    made = (await caller.send("POST", SESSIONS, SESSION)).json()
    seen = [(await caller.send("GET", f"{SESSIONS}/{made['id']}")).json() for _ in range(2)]
    assert [(each["lifecycleState"], each["kernel"]) for each in seen] == [("CREATING", None), ("FAILED", None)]
    assert (await caller.send("DELETE", f"{SESSIONS}/{made['id']}")).status == 204
    statuses = [(await caller.send("GET", f"{SESSIONS}/{made['id']}")).status for _ in range(3)]
    assert statuses == [200, 200, 404]


async def test_an_endpoint_with_api_in_front_is_served_where_it_is_enabled(
    workspace: WorkspaceEmulator, caller: Caller
) -> None:
    workspace.habits.api_prefix = True
    made = await caller.send("POST", at(""), {}, prefix=f"/api{PREFIX}")
    assert made.headers["Location"].startswith(f"{workspace.url}/api/20260430/")


async def test_pages_have_the_sizes_of_the_habits(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.default_page, workspace.habits.max_page = 2, 3
    sizes = [
        len((await caller.send("GET", f"/objects?path=%2F{limit}")).json()["items"])
        for limit in ("", "&limit=1", "&limit=1000")
    ]
    assert sizes == [2, 1, 3]
    assert [(await caller.send("GET", f"/objects?path=%2F&limit={limit}")).code for limit in ("0", "-1", "x")] == [
        INVALID
    ] * 3


async def test_types_may_be_those_that_were_given(workspace: WorkspaceEmulator, caller: Caller) -> None:
    await caller.send("POST", "/objects", b"{}", path="n.ipynb", type="FILE")
    types = []
    for workspace.habits.types_from_names in (True, False):
        listed = (await caller.send("GET", "/objects?path=/&displayName=n.ipynb")).json()
        types.append(listed["items"][0]["type"])
    assert types == ["NOTEBOOK", "FILE"]


async def test_an_upload_past_the_api_may_show_an_empty_file_first(
    workspace: WorkspaceEmulator, caller: Caller
) -> None:
    workspace.habits.par_creates_at_once = True
    begun = await caller.send("POST", "/actions/uploadFileMeta", {"action": "CREATE"}, path="n.bin", type="FILE")
    assert (await caller.send("GET", "/objects/n.bin")).body == b""
    async with aiohttp.ClientSession() as session, session.put(begun.json()["parUrl"], data=b"123") as answer:
        etag = answer.headers["etag"]
    close = {"action": "UPDATE", "eTag": etag, "size": 3}
    await caller.send("POST", "/actions/uploadFileMeta", close, path="n.bin", type="FILE")
    assert (await caller.send("GET", "/objects/n.bin")).body == b"123"


@pytest.mark.parametrize(
    ("result", "remains", "error"),
    [("SUCCEEDED", False, None), ("FAILED", True, "InternalError"), ("CANCELED", True, None)],
)
@pytest.mark.parametrize("polls", [0, 3])
async def test_an_operation_ends_as_the_habit_says(
    workspace: WorkspaceEmulator, caller: Caller, result: Any, remains: bool, error: str | None, polls: int
) -> None:
    habits = workspace.habits
    habits.async_objects, habits.async_outcome, habits.async_polls = True, result, polls
    begun = await caller.send("DELETE", "/objects/c.txt")
    key, platform = begun.headers["aidp-async-operation-key"], PREFIX.partition("/workspaces")[0]
    seen = [(await caller.send("GET", f"/asyncOperations/{key}", prefix=platform)).json() for _ in range(polls + 1)]
    assert [each["status"] for each in seen] == ["IN_PROGRESS"] * polls + [result]
    assert (seen[-1]["errorCode"], ("Workspace", "c.txt") in workspace.tree.nodes) == (error, remains)


async def test_what_an_operation_works_on_is_busy(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.async_objects = True
    await caller.send("POST", "/actions/renameObject", {"path": "f", "newName": "g"})
    busy = (409, "IncorrectState")
    assert (await caller.send("DELETE", at("f"))).code == busy
    assert (await caller.send("PUT", at("f/d.txt"), FILE)).code == busy
    assert (await caller.send("PUT", at("c.txt"), FILE)).status == 200


async def test_a_retry_token_may_survive_a_rename(workspace: WorkspaceEmulator, caller: Caller) -> None:
    made = (await caller.send("POST", at(""), {"type": "notebook"}, opc_retry_token="t")).json()
    await caller.send("PATCH", at(made["name"]), {"path": "/Workspace/n.ipynb"})
    again = ("POST", at(""), {"type": "notebook"})
    assert (await caller.send(*again, opc_retry_token="t")).code == (409, "InvalidatedRetryToken")
    workspace.habits.rename_invalidates_retry = False
    assert (await caller.send(*again, opc_retry_token="t")).json() == made


async def test_another_request_with_a_known_retry_token_may_get_the_first_answer(
    workspace: WorkspaceEmulator, caller: Caller
) -> None:
    made = (await caller.send("POST", at(""), {"type": "notebook"}, opc_retry_token="t")).json()
    workspace.habits.reused_token = "first answer"
    assert (await caller.send("POST", at(""), {"type": "file"}, opc_retry_token="t")).json() == made
