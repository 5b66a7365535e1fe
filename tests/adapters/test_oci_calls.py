"""What the OCI adapter puts on the wire: how often, under which names, and how it waits for what takes its time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import structlog
from aiohttp import web

from adapters.oci import errors, operations
from adapters.oci.backend import OciBackend
from gateway.contents.model import Absent, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from tests.adapters.oci_steps import NOTEBOOK, OTHER, PATH, Stand, standing
from tests.fakes.workspace import CURRENT, OLDER, Generation
from tests.fakes.workspace.refusals import conflict

parse = ContentPath.parse


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with standing(tmp_path) as stand:
        yield stand


@pytest.fixture
def backend(stand: Stand) -> OciBackend:
    return stand.backend()


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "unavailable", "internal_error", "html", "throttled"])
async def test_a_read_is_sent_at_most_twice(stand: Stand, backend: OciBackend, fault: str) -> None:
    stand.put("a.ipynb", NOTEBOOK)
    setattr(stand.workspace.habits, f"{fault}_calls", 1)
    assert (await backend.read(PATH)).body
    assert stand.sent() == ["GET %2FWorkspace%2Fa.ipynb"] * 2
    stand.workspace.requests.clear()
    setattr(stand.workspace.habits, f"{fault}_calls", 9)
    with pytest.raises(Problem) as caught:
        await backend.read(PATH)
    assert caught.value.retryable
    assert len(stand.sent()) == 2


@pytest.mark.parametrize("fault", ["busy", "throttled"])
async def test_a_change_that_the_service_did_not_make_is_sent_once_more(
    stand: Stand, backend: OciBackend, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(errors, "PAUSE_SECONDS", 0.01)
    etag = (await backend.write(PATH, NOTEBOOK)).entry.etag
    assert etag is not None
    changes: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: backend.write(PATH, OTHER, precondition=Matches(etag)),
        lambda: backend.move(PATH, parse("b.ipynb")),
        lambda: backend.write(parse("a.txt"), b"a", precondition=Absent()),
        lambda: backend.delete(parse("b.ipynb")),
    )
    for change in changes:
        for times, succeeds in ((9, False), (1, True)):
            stand.workspace.habits.faults_on = frozenset({"PUT", "PATCH", "POST", "DELETE"})
            setattr(stand.workspace.habits, f"{fault}_calls", times)
            stand.workspace.requests.clear()
            if succeeds:
                await change()
            else:
                with pytest.raises(Problem) as caught:
                    await change()
                assert caught.value.retryable
            assert len(stand.sent("PUT", "PATCH", "POST", "DELETE")) == 2
            setattr(stand.workspace.habits, f"{fault}_calls", 0)


@pytest.mark.parametrize(("seconds", "calls"), [(0, 2), (1, 2), (2, 1), (60, 1)])
async def test_a_service_that_asks_for_more_time_is_left_alone(
    stand: Stand, backend: OciBackend, seconds: int, calls: int
) -> None:
    stand.workspace.habits.throttled_calls, stand.workspace.habits.throttle_retry_after = 9, seconds
    started = time.monotonic()
    with pytest.raises(Problem) as caught:
        await backend.stat(PATH)
    assert (caught.value.code, caught.value.retry_after_seconds) == (Code.THROTTLED, seconds or 10)
    assert len(stand.sent()) == calls
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("code", ["ResourceLocked", "ExternalServerIncorrectState"])
async def test_what_will_not_pass_soon_is_not_tried_again(stand: Stand, backend: OciBackend, code: str) -> None:
    stand.put("a.ipynb", NOTEBOOK)
    stand.workspace.habits.fault = lambda request: (
        web.json_response({"code": code, "message": ""}, status=409) if request.method == "DELETE" else None
    )
    with pytest.raises(Problem) as caught:
        await backend.delete(PATH)
    assert caught.value.reason is Reason.BUSY
    assert len(stand.sent("DELETE")) == 1


async def test_a_call_has_the_name_of_the_request_it_serves_and_keeps_it_when_it_is_repeated(
    stand: Stand, backend: OciBackend
) -> None:
    names: list[str] = []

    def watch(request: web.Request) -> None:
        names.append(request.headers["opc-request-id"])

    stand.put("a.ipynb", NOTEBOOK)
    stand.workspace.habits.fault = watch
    with structlog.contextvars.bound_contextvars(request_id="client/" + "x" * 120):
        stand.workspace.habits.unavailable_calls = 1
        await backend.read(PATH)
        await backend.read(PATH)
    await backend.read(PATH)
    assert names[0] == names[1] != names[2]
    assert all(name.startswith("client-xxx") for name in names[:3])
    assert names[3].startswith("nbgw-")
    assert max(map(len, names)) < 128


async def test_nothing_is_put_on_the_users_list_of_recent_files(stand: Stand, backend: OciBackend) -> None:
    asked: list[str] = []

    def watch(request: web.Request) -> None:
        asked.append(request.headers.get("should-update-recent", "false"))

    stand.workspace.habits.fault = watch
    await backend.write(PATH, NOTEBOOK)
    await backend.read(PATH)
    assert set(asked) == {"false"}


@pytest.mark.parametrize("generation", [CURRENT, OLDER], ids=lambda each: each.version)
async def test_a_move_that_takes_its_time_is_waited_for(tmp_path: Path, generation: Generation) -> None:
    async with standing(tmp_path, generation) as stand:
        habits, backend = stand.workspace.habits, stand.backend()
        habits.renames_across_folders, habits.async_objects = False, True
        stand.put("folder", None)
        stand.put("a.txt", b"a")
        entry = await backend.move(parse("a.txt"), parse("folder/b.txt"))
        assert entry == await backend.stat(parse("folder/b.txt"))
        assert stand.stored() == {"folder": None, "folder/b.txt": b"a"}
        polls = [each for _, each in stand.workspace.requests if "/asyncOperations/" in each]
        assert len(polls) == habits.async_polls + 1


@pytest.mark.parametrize(("outcome", "code"), [("FAILED", Code.UPSTREAM), ("CANCELED", Code.CONFLICT)])
async def test_a_move_that_fails_later_is_told_as_such(
    stand: Stand, backend: OciBackend, outcome: str, code: Code
) -> None:
    habits = stand.workspace.habits
    habits.renames_across_folders, habits.async_objects = False, True
    habits.async_outcome = outcome  # type: ignore[assignment]  # a case of the table is a plain text
    stand.put("folder", None)
    stand.put("a.txt", b"a")
    with pytest.raises(Problem) as caught:
        await backend.move(parse("a.txt"), parse("folder/a.txt"))
    assert (caught.value.code, caught.value.retryable) == (code, True)
    assert stand.stored() == {"folder": None, "a.txt": b"a"}


async def test_a_move_that_meets_something_later_is_refused_as_at_once(stand: Stand, backend: OciBackend) -> None:
    habits = stand.workspace.habits
    habits.renames_across_folders, habits.async_objects = False, True
    stand.put("folder", None)
    stand.put("a.txt", b"a")

    def taken(request: web.Request) -> None:
        if "asyncOperations" in request.raw_path:
            for operation in stand.workspace.operations._known.values():
                operation.act = _conflicting

    habits.fault = taken
    with pytest.raises(Problem) as caught:
        await backend.move(parse("a.txt"), parse("folder/a.txt"))
    assert caught.value.reason is Reason.EXISTS


def _conflicting() -> None:
    raise conflict("The target path exists already.")


async def test_what_takes_too_long_is_a_timeout(
    stand: Stand, backend: OciBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "PATIENCE_SECONDS", 0.5)
    habits = stand.workspace.habits
    habits.renames_across_folders, habits.async_objects, habits.async_polls = False, True, 1_000
    stand.put("folder", None)
    stand.put("a.txt", b"a")
    with pytest.raises(Problem) as caught:
        await backend.move(parse("a.txt"), parse("folder/a.txt"))
    assert caught.value.code is Code.TIMEOUT
    assert len(stand.workspace.requests) < 12


async def test_a_202_without_a_name_is_done(stand: Stand, backend: OciBackend) -> None:
    def accepted(request: web.Request) -> web.Response | None:
        if request.method != "DELETE":
            return None
        stand.workspace.tree.remove(("Workspace", "a.ipynb"), recursive=True)
        return web.Response(status=202)

    stand.put("a.ipynb", NOTEBOOK)
    stand.workspace.habits.fault = accepted
    await backend.delete(PATH)
    assert stand.stored() == {}
