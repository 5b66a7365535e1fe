"""The emulated workspace fails as it is told to: so many calls, before or after acting, late, and alike for a seed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.compat.workspace_calls import NOTEBOOK, Caller, at, calling
from tests.fakes.workspace import WorkspaceEmulator, running_workspace

OTHER = NOTEBOOK | {"metadata": {"of": "another test"}}


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        emulator.tree.put(("Workspace", "a.ipynb"), json.dumps(NOTEBOOK).encode())
        yield emulator


@pytest.fixture
async def caller(workspace: WorkspaceEmulator) -> AsyncIterator[Caller]:
    async with calling(workspace) as opened:
        yield opened


def stored(workspace: WorkspaceEmulator) -> Any:
    return json.loads(workspace.tree.nodes["Workspace", "a.ipynb"].body or b"")


@pytest.mark.parametrize(
    ("habit", "status", "code"),
    [
        ("unavailable_calls", 503, "ServiceUnavailable"),
        ("internal_error_calls", 500, "InternalError"),
        ("throttled_calls", 429, "TooManyRequests"),
        ("busy_calls", 409, "IncorrectState"),
    ],
)
async def test_so_many_calls_are_refused_without_acting(
    workspace: WorkspaceEmulator, caller: Caller, habit: str, status: int, code: str
) -> None:
    setattr(workspace.habits, habit, 2)
    for _ in range(2):
        refused = await caller.write("a.ipynb", OTHER)
        assert refused.code == (status, code)
        assert refused.headers["opc-request-id"]
        assert stored(workspace) == NOTEBOOK
    assert (await caller.write("a.ipynb", OTHER)).status == 200
    assert getattr(workspace.habits, habit) == 0


async def test_reads_are_never_busy_and_other_methods_are_spared(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.busy_calls = workspace.habits.unavailable_calls = 1
    workspace.habits.faults_on = frozenset({"DELETE"})
    assert (await caller.write("a.ipynb")).status == 200
    workspace.habits.unavailable_calls, workspace.habits.faults_on = 0, frozenset({"GET", "POST", "DELETE"})
    assert (await caller.send("GET", at("a.ipynb"))).status == 200
    assert (
        await caller.send("POST", f"/notebook/api/actions/export/contents/{at('a.ipynb').rpartition('/')[2]}", {})
    ).status == 200
    assert (await caller.send("DELETE", at("a.ipynb"))).code == (409, "IncorrectState")


async def test_a_throttled_call_may_say_when_to_come_again(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.throttled_calls = 2
    assert "Retry-After" not in (await caller.send("GET", "")).headers
    workspace.habits.throttle_retry_after = 7
    assert (await caller.send("GET", "")).headers["Retry-After"] == "7"


async def test_the_edge_answers_in_html(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.html_calls = 1
    reply = await caller.write("a.ipynb", OTHER)
    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (502, "text/html")
    assert reply.body.startswith(b"<html>")
    assert stored(workspace) == NOTEBOOK


@pytest.mark.parametrize(("habit", "acted"), [("reset_before_calls", False), ("reset_after_calls", True)])
async def test_a_connection_is_lost_before_or_after_acting(
    workspace: WorkspaceEmulator, caller: Caller, habit: str, acted: bool
) -> None:
    setattr(workspace.habits, habit, 1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await caller.write("a.ipynb", OTHER)
    assert stored(workspace) == (OTHER if acted else NOTEBOOK)
    assert len(workspace.requests) == 1
    assert (await caller.send("GET", at("a.ipynb"))).status == 200


async def test_an_answer_is_cut_after_acting(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.truncated_calls = 2
    cut = await caller.write("a.ipynb", OTHER)
    assert cut.status == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        cut.json()
    assert stored(workspace) == OTHER
    workspace.habits.truncation = "lost connection"
    with pytest.raises(aiohttp.ClientError):
        await caller.write("a.ipynb", OTHER)


async def test_an_answer_without_json_is_never_cut(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.truncated_calls = 1
    assert (await caller.send("GET", "/objects/a.ipynb")).body == json.dumps(NOTEBOOK).encode()
    assert (await caller.send("DELETE", at("a.ipynb"))).status == 204
    assert workspace.habits.truncated_calls == 1


async def test_a_slow_body_comes_whole(workspace: WorkspaceEmulator, caller: Caller) -> None:
    workspace.habits.slow_seconds = 0.3
    reading = asyncio.create_task(caller.send("GET", at("a.ipynb")))
    done, _ = await asyncio.wait([reading], timeout=0.2)
    assert not done
    reply = await reading
    assert (reply.status, reply.json()["content"]) == (200, NOTEBOOK)
    assert (await caller.send("HEAD", "/objects/a.ipynb")).status == 200


async def test_urls_with_their_own_permission_fail_too(workspace: WorkspaceEmulator, caller: Caller) -> None:
    down = await caller.send("POST", "/actions/downloadFileMeta", path="a.ipynb")
    workspace.habits.unavailable_calls, workspace.habits.busy_calls = 1, 1
    statuses = []
    for _ in range(2):
        async with caller.session.get(down.json()["parUrl"]) as answer:
            statuses.append(answer.status)
    assert statuses == [503, 200]
    assert len(workspace.par_requests) == 2


async def met(caller: Caller, calls: int) -> list[Any]:
    """What each of so many saves met: a status, or the end of its connection."""
    seen: list[Any] = []
    for _ in range(calls):
        try:
            seen.append((await caller.write("a.ipynb")).status)
        except aiohttp.ClientConnectionError:
            seen.append("lost")
    return seen


async def test_drawn_faults_are_the_same_for_a_seed(workspace: WorkspaceEmulator, caller: Caller) -> None:
    runs = []
    for seed in (1, 1, 2):
        workspace.habits.random_faults = None
        await caller.send("GET", "")
        workspace.habits.random_faults = (seed, 0.5)
        runs.append(await met(caller, 30))
    assert runs[0] == runs[1] != runs[2]
    assert {200, "lost"} < set(runs[0])
    workspace.habits.random_faults = (1, 0.0)
    assert await met(caller, 10) == [200] * 10


@pytest.mark.parametrize(("form", "expected"), [("missing", 404), ("internal error", 500), ("previous", 404)])
async def test_what_is_new_is_seen_late(workspace: WorkspaceEmulator, caller: Caller, form: Any, expected: int) -> None:
    workspace.habits.lag_reads, workspace.habits.lag_form = 2, form
    await caller.write("n.ipynb")
    statuses = [(await caller.send("GET", at("n.ipynb"))).status for _ in range(3)]
    assert statuses == [expected, expected, 200]
    assert (await caller.send("GET", at("a.ipynb"))).status == 200


@pytest.mark.parametrize(("form", "expected"), [("missing", 404), ("internal error", 500), ("previous", 200)])
async def test_what_is_changed_is_seen_late(
    workspace: WorkspaceEmulator, caller: Caller, form: Any, expected: int
) -> None:
    before = (await caller.send("GET", at("a.ipynb"))).headers["etag"]
    workspace.habits.lag_reads, workspace.habits.lag_form = 1, form
    after = (await caller.write("a.ipynb", OTHER)).headers["etag"]
    late, now = [await caller.send("GET", at("a.ipynb")) for _ in range(2)]
    assert late.status == expected
    if expected == 200:
        assert (late.json()["content"], late.headers["etag"]) == (NOTEBOOK, before)
    assert (now.json()["content"], now.headers["etag"]) == (OTHER, after)
    assert (await caller.write("a.ipynb", if_match=before)).status == 412


async def test_what_is_deleted_or_renamed_is_seen_late_in_lists_too(
    workspace: WorkspaceEmulator, caller: Caller
) -> None:
    async def listed() -> list[str]:
        return [item["displayName"] for item in (await caller.send("GET", "/objects?path=/")).json()["items"]]

    workspace.habits.lag_reads = 1
    await caller.send("PATCH", at("a.ipynb"), {"path": "/Workspace/b.ipynb"})
    assert [await listed(), await listed()] == [["a.ipynb"], ["b.ipynb"]]
    await caller.send("DELETE", at("b.ipynb"))
    late, now = [(await caller.send("GET", "/objects/b.ipynb")).status for _ in range(2)]
    assert (late, now) == (200, 404)
    assert await listed() == []
