"""Notebook sessions, over the wire: the five operations, and who may use them (spec oci 5.1)."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from gateway.contents.compute import Lifecycle
from gateway.contents.paths import ContentPath
from tests.dialects.oci.app import CLOSED, PLATFORM, WORKSPACE, Answer, Oci

BASE = f"/20260430/aiDataPlatforms/{PLATFORM}/workspaces"
FIELDS = {"id", "name", "path", "type", "cluster_id", "kernel", "agentFlowKey", "lifecycleState"}
WANTED = {"path": "/Workspace/a.ipynb", "kernel": {"name": "notebook"}, "cluster_id": "c-1"}


class Sessions:
    """The sessions resource of one workspace."""

    def __init__(self, oci: Oci, workspace: str = WORKSPACE, version: str = "20260430/aiDataPlatforms") -> None:
        self.oci = oci
        self.base = f"/{version}/{PLATFORM}/workspaces/{workspace}/notebook/api/sessions"

    async def __call__(self, method: str, tail: str = "", value: object = None, **headers: str) -> Answer:
        return await self.oci.send(method, self.base + tail, value, **headers)

    async def started(self, path: str = "/Workspace/a.ipynb", **fields: Any) -> dict[str, Any]:
        answer = await self("POST", "", {**WANTED, "path": path, **fields})
        assert answer.status == 201, answer.body
        session: dict[str, Any] = answer.json()
        return session

    async def ids(self, query: str = "") -> list[str]:
        answer = await self("GET", query)
        assert answer.status == 200, answer.body
        return [session["id"] for session in answer.json()["items"]]


@pytest.fixture
def sessions(oci: Oci) -> Sessions:
    return Sessions(oci)


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["code"]


async def test_a_session_is_started_found_and_ended(sessions: Sessions) -> None:
    made = await sessions("POST", "", WANTED)
    session = made.json()
    assert (made.status, set(session)) == (201, FIELDS)
    assert (session["path"], session["name"], session["type"]) == ("/Workspace/a.ipynb", "a.ipynb", "notebook")
    assert (session["lifecycleState"], session["cluster_id"], session["agentFlowKey"]) == ("ACTIVE", "c-1", None)
    assert session["kernel"] | {"id": ""} == {
        "id": "",
        "name": "python3",
        "last_activity": "2026-11-24T00:00:00.000000Z",
        "connections": 1,
        "execution_state": "idle",
    }
    assert made.headers["Location"].endswith(f"/notebook/api/sessions/{session['id']}")
    found = await sessions.oci.send("GET", made.headers["Location"].removeprefix(sessions.oci.url))
    assert (found.status, found.json(), found.etag) == (200, session, made.etag)
    assert (await sessions("GET")).json() == {"items": [session]}
    ended = await sessions("DELETE", f"/{session['id']}")
    assert (ended.status, ended.body) == (204, b"")
    for method in ("GET", "DELETE"):
        assert refusal(await sessions(method, f"/{session['id']}")) == (404, "NotAuthorizedOrNotFound")


async def test_a_path_has_one_session(sessions: Sessions) -> None:
    assert (await sessions.started())["id"] == (await sessions.started("a.ipynb"))["id"]
    assert len(await sessions.ids()) == 1


async def test_a_path_has_one_session_whoever_asks_at_once(sessions: Sessions) -> None:
    started = await asyncio.gather(*(sessions.started() for _ in range(4)))
    assert len({session["id"] for session in started}) == len(await sessions.ids()) == 1


async def test_a_kernel_is_not_chosen_by_its_id(sessions: Sessions) -> None:
    foreign = await sessions.started("/Workspace/b.ipynb")
    session = await sessions.started(kernel={"id": foreign["kernel"]["id"]})
    assert session["kernel"]["id"] != foreign["kernel"]["id"]


async def test_an_endless_session_id_is_of_no_session(sessions: Sessions) -> None:
    assert refusal(await sessions("DELETE", f"/{'x' * 1300}")) == (404, "NotAuthorizedOrNotFound")


async def test_a_session_whose_kernel_is_still_coming(sessions: Sessions) -> None:
    sessions.oci.kernels.lifecycle = Lifecycle.CREATING
    session = await sessions.started()
    assert (session["lifecycleState"], session["kernel"]) == ("CREATING", None)


async def test_a_session_is_renamed_and_given_another_kernel(sessions: Sessions) -> None:
    session = await sessions.started()
    change = {"path": "/Workspace/d/b.ipynb", "name": "b", "kernel": {"name": "r"}, "must_refresh_context": True}
    changed = await sessions("PATCH", f"/{session['id']}", change)
    model = changed.json()
    assert (changed.status, model["path"], model["name"]) == (200, "/Workspace/d/b.ipynb", "b")
    assert model["kernel"]["name"] == "r"
    assert changed.etag == (await sessions("GET", f"/{session['id']}")).etag
    nothing = await sessions("PATCH", f"/{session['id']}", {})
    assert (nothing.status, nothing.json()["path"]) == (200, "/Workspace/d/b.ipynb")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_stale_etag_changes_nothing(sessions: Sessions, method: str) -> None:
    made = await sessions("POST", "", WANTED)
    tail, body = f"/{made.json()['id']}", {"name": "b"} if method == "PATCH" else None
    assert refusal(await sessions(method, tail, body, if_match="stale")) == (412, "NoEtagMatch")
    assert (await sessions("GET", tail)).json() == made.json()
    assert (await sessions(method, tail, body, if_match=made.etag)).status < 300


async def test_sessions_are_filtered_and_paged(sessions: Sessions) -> None:
    paths = [f"/Workspace/{number}.ipynb" for number in range(3)]
    started = {path: (await sessions.started(path))["id"] for path in paths}
    assert sorted(await sessions.ids()) == sorted(started.values())
    assert await sessions.ids(f"?path={quote('Workspace/1.ipynb', safe='')}") == [started["/Workspace/1.ipynb"]]
    assert await sessions.ids("?cluster_id=c-2") == []
    assert await sessions.ids("?agentFlowKey=f") == []
    assert len(await sessions.ids("?cluster_id=c-1&sortBy=timeCreated&sortOrder=ASC")) == 3
    found, tail = list[str](), ""
    while True:
        answer = await sessions("GET", f"?limit=2{tail}")
        found += [session["id"] for session in answer.json()["items"]]
        if (token := answer.headers.get("opc-next-page")) is None:
            break
        tail = f"&page={quote(token, safe='')}"
    assert sorted(found) == sorted(started.values())


async def test_the_older_generation_lists_a_bare_array(oci: Oci) -> None:
    session = await Sessions(oci).started()
    answer = await Sessions(oci, version="20240831/dataLakes")("GET")
    assert (answer.status, answer.json()) == (200, [session])


@pytest.mark.parametrize(
    ("value", "status", "code"),
    [
        (None, 400, "InvalidParameter"),
        ({}, 400, "MissingParameter"),
        ({"path": "../x.ipynb"}, 400, "InvalidParameter"),
        ({"path": "/Workspace/.hidden.ipynb"}, 400, "InvalidParameter"),
        ({"path": "/Workspace"}, 400, "InvalidParameter"),
        ({"path": "a.ipynb", "type": "cat"}, 400, "InvalidParameter"),
        ({"path": "a.ipynb", "kernel": {"name": "cobol"}}, 400, "InvalidParameter"),
        ({"path": "a.ipynb", "kernel": "python3"}, 400, "InvalidParameter"),
        ({"path": "a.ipynb", "type": "agentflow"}, 501, "MethodNotImplemented"),
        ({"path": "a.ipynb", "agentFlowKey": "f"}, 501, "MethodNotImplemented"),
    ],
)
async def test_what_cannot_be_started_is_refused(sessions: Sessions, value: object, status: int, code: str) -> None:
    assert refusal(await sessions("POST", "", value)) == (status, code)
    assert await sessions.ids() == []


@pytest.mark.parametrize("query", ["?sortBy=displayName", "?sortOrder=up", "?limit=0", "?page=x", "?path=..%2Fx"])
async def test_an_unclear_list_is_refused(sessions: Sessions, query: str) -> None:
    assert refusal(await sessions("GET", query)) == (400, "InvalidParameter")


async def test_sessions_outside_the_workspace_are_not_there(sessions: Sessions) -> None:
    inside = await sessions.started()
    kernels = sessions.oci.kernels
    session = kernels.sessions.pop(inside["id"])
    kernels.sessions["elsewhere"] = type(session)("elsewhere", ContentPath(("other", "a.ipynb")), "a", "notebook")
    assert await sessions.ids() == []
    for method, value in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert refusal(await sessions(method, "/elsewhere", value)) == (404, "NotAuthorizedOrNotFound")
    assert kernels.sessions["elsewhere"].name == "a"


async def test_a_mount_without_kernels_says_so_for_good(oci: Oci) -> None:
    """501, which Oracle's clients do not repeat."""
    plain = Sessions(oci, "ws-plain")
    calls: tuple[tuple[str, str, object], ...] = (
        ("GET", "", None),
        ("POST", "", WANTED),
        ("GET", "/x", None),
        ("PATCH", "/x", {}),
        ("DELETE", "/x", None),
    )
    for method, tail, value in calls:
        assert refusal(await plain(method, tail, value)) == (501, "MethodNotImplemented")


@pytest.mark.parametrize("workspace", [CLOSED, "ws-no-runners"])
async def test_who_may_not_run_kernels_is_told_that_nothing_is_there(oci: Oci, workspace: str) -> None:
    for method, value in (("GET", None), ("POST", WANTED)):
        answer = await Sessions(oci, workspace)(method, "", value)
        assert refusal(answer) == (404, "NotAuthorizedOrNotFound")


async def test_a_start_that_is_repeated_with_its_token_is_answered_again_until_the_session_ends(
    sessions: Sessions,
) -> None:
    first = await sessions("POST", "", WANTED, opc_retry_token="t")
    sessions.oci.kernels.lifecycle = Lifecycle.FAILED
    again = await sessions("POST", "", WANTED, opc_retry_token="t")
    assert (again.status, again.json(), again.etag) == (201, first.json(), first.etag)
    await sessions("DELETE", f"/{first.json()['id']}")
    assert refusal(await sessions("POST", "", WANTED, opc_retry_token="t")) == (409, "InvalidatedRetryToken")
