"""Answers of an OCI workspace that are lost: what was changed all the same is told as a success (spec oci 3.4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from adapters.oci.backend import OciBackend
from gateway.contents.model import Absent, ETag, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from tests.adapters.oci_steps import NOTEBOOK, OTHER, Stand, names_of, standing

parse = ContentPath.parse
FILES = [("a.ipynb", NOTEBOOK, OTHER), ("a.txt", b"one", b"two")]


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with standing(tmp_path) as stand:
        yield stand


@pytest.fixture
def backend(stand: Stand) -> OciBackend:
    return stand.backend()


@pytest.mark.parametrize(("name", "old", "new"), FILES)
async def test_a_save_whose_answer_is_lost_is_a_success_and_goes_once(
    stand: Stand, backend: OciBackend, name: str, old: bytes, new: bytes
) -> None:
    etag = ETag(stand.put(name, old))
    await backend.stat(parse(name))
    stand.workspace.habits.reset_after_calls, stand.workspace.habits.faults_on = 1, frozenset({"PUT"})
    written = await backend.write(parse(name), new, precondition=Matches(etag))
    assert written.entry.etag == stand.etag(name) != etag
    assert len(stand.sent("PUT")) == 1


@pytest.mark.parametrize(("name", "old", "new"), FILES)
async def test_a_save_that_was_not_done_is_told_as_such(
    stand: Stand, backend: OciBackend, name: str, old: bytes, new: bytes
) -> None:
    etag = ETag(stand.put(name, old))
    await backend.stat(parse(name))
    for fault in ("reset_before_calls", "unavailable_calls", "internal_error_calls"):
        setattr(stand.workspace.habits, fault, 1)
        stand.workspace.habits.faults_on = frozenset({"PUT"})
        with pytest.raises(Problem) as caught:
            await backend.write(parse(name), new, precondition=Matches(etag))
        assert caught.value.code in (Code.UNAVAILABLE, Code.UPSTREAM)
    assert len(stand.sent("PUT")) == 3
    assert stand.etag(name) == etag


@pytest.mark.parametrize(("name", "old", "new"), FILES)
async def test_a_stale_etag_of_what_is_as_wanted_is_a_success(
    stand: Stand, backend: OciBackend, name: str, old: bytes, new: bytes
) -> None:
    """As when somebody on the way has sent a save twice: the second one meets the result of the first."""
    etag = ETag(stand.put(name, old))
    stand.put(name, new)
    written = await backend.write(parse(name), new, precondition=Matches(etag))
    assert written.entry.etag == stand.etag(name)
    with pytest.raises(Problem) as caught:
        await backend.write(parse(name), old, precondition=Matches(etag))
    assert caught.value.code is Code.PRECONDITION


async def test_the_same_notebook_in_another_spelling_is_as_wanted(stand: Stand, backend: OciBackend) -> None:
    cell = b'{"cells": [{"cell_type": "raw", "id": "a", "metadata": {}, "source": %s}], "metadata": {}, %s}'
    rest = b'"nbformat": 4, "nbformat_minor": 5'
    etag = ETag(stand.put("a.ipynb", NOTEBOOK))
    stand.put("a.ipynb", cell % (b'"one\\ntwo"', rest))
    wanted = cell % (b'["one\\n", "two"]', rest)
    written = await backend.write(parse("a.ipynb"), wanted, precondition=Matches(etag))
    assert written.entry.etag == stand.etag("a.ipynb")


@pytest.mark.parametrize(("name", "old", "new"), FILES)
async def test_a_right_etag_that_is_refused_all_the_same_may_be_tried_again(
    stand: Stand, backend: OciBackend, name: str, old: bytes, new: bytes
) -> None:
    etag = ETag(stand.put(name, old))

    def refusing(request: web.Request) -> web.Response | None:
        if request.method != "PUT":
            return None
        return web.json_response({"code": "NoEtagMatch", "message": ""}, status=412)

    stand.workspace.habits.fault = refusing
    with pytest.raises(Problem) as caught:
        await backend.write(parse(name), new, precondition=Matches(etag))
    assert caught.value.reason is Reason.BUSY


async def test_a_creation_whose_answer_is_lost_is_proven_by_its_retry_token(stand: Stand, backend: OciBackend) -> None:
    tokens: list[str] = []

    def watch(request: web.Request) -> None:
        if "opc-retry-token" in request.headers:
            tokens.append(request.headers["opc-retry-token"])

    habits = stand.workspace.habits
    habits.fault, habits.faults_on = watch, frozenset({"POST"})
    for path in (parse("a.txt"), parse("ü.txt"), parse("a.ipynb")):
        habits.reset_after_calls = 1
        assert (await backend.write(path, NOTEBOOK, precondition=Absent())).created
    for path in (parse("b"), parse("ü")):
        habits.reset_after_calls = 1
        await backend.make_directory(path)
    assert await names_of(backend) == ["a.ipynb", "a.txt", "b", "ü", "ü.txt"]
    assert len(tokens) == 10
    assert len(set(tokens)) == 5


async def test_what_stands_where_a_creation_was_lost_is_not_taken_for_ours(stand: Stand, backend: OciBackend) -> None:
    """Not even when it has the wanted bytes: whoever asked for a file that was not there relies on being alone."""

    def forgetful(request: web.Request) -> None:
        if request.method == "POST":
            stand.put("a.txt", b"same")
            stand.workspace._retries._records.clear()

    stand.workspace.habits.fault = forgetful
    stand.workspace.habits.reset_before_calls = 1
    with pytest.raises(Problem) as caught:
        await backend.write(parse("a.txt"), b"same", precondition=Absent())
    assert caught.value.code is Code.UNAVAILABLE
    assert len(stand.sent("POST")) == 2


async def test_a_rename_whose_answer_is_lost_is_proven_by_both_ends(stand: Stand, backend: OciBackend) -> None:
    stand.put("a.txt", b"a")
    stand.put("folder", None)
    stand.put("folder/b.txt", b"b")
    habits = stand.workspace.habits
    habits.faults_on = frozenset({"PATCH"})
    for source, target in (("a.txt", "folder/c.txt"), ("folder", "moved")):
        habits.reset_after_calls = 1
        assert (await backend.move(parse(source), parse(target))).path == parse(target)
        habits.reset_before_calls = 1
        with pytest.raises(Problem) as caught:
            await backend.move(parse(target), parse("other"))
        assert caught.value.code is Code.UNAVAILABLE
    assert stand.stored() == {"moved": None, "moved/b.txt": b"b", "moved/c.txt": b"a"}
    assert len(stand.sent("PATCH")) == 4


async def test_a_deletion_whose_answer_is_lost_is_proven_by_what_is_gone(stand: Stand, backend: OciBackend) -> None:
    habits = stand.workspace.habits
    habits.faults_on = frozenset({"DELETE"})
    for path, body in ((parse("a.txt"), b"a"), (parse("a.ipynb"), NOTEBOOK)):
        written = await backend.write(path, body)
        habits.reset_before_calls = 1
        with pytest.raises(Problem) as caught:
            await backend.delete(path)
        assert caught.value.code is Code.UNAVAILABLE
        habits.reset_after_calls = 1
        assert written.entry.etag is not None
        await backend.delete(path, precondition=Matches(written.entry.etag))
    assert stand.stored() == {}
    assert len(stand.sent("DELETE")) == 4


async def test_an_answer_cut_short_after_a_save_is_not_needed(stand: Stand, backend: OciBackend) -> None:
    habits = stand.workspace.habits
    habits.faults_on = frozenset({"PUT", "POST", "PATCH"})
    for habits.truncation, calls in (("short body", 3), ("lost connection", 1)):
        habits.truncated_calls = calls
        assert (await backend.write(parse("a.ipynb"), NOTEBOOK, precondition=Absent())).created
        assert stand.stored() == {"a.ipynb": NOTEBOOK}
        habits.truncated_calls = 1
        moved = await backend.move(parse("a.ipynb"), parse("b.ipynb"))
        assert moved.etag == stand.etag("b.ipynb")
        habits.truncated_calls = 0
        await backend.delete(parse("b.ipynb"))


async def test_what_a_cancelled_creation_has_left_is_removed_whatever_it_has_become(
    stand: Stand, backend: OciBackend
) -> None:
    for name, method in (
        ("a.ipynb", "PUT"),
        ("a.ipynb", "POST"),
        ("a.ipynb", "PATCH"),
        ("ü.txt", "PUT"),
        ("ü", "PATCH"),
    ):
        path, making = parse(name), list[asyncio.Task[object]]()

        def cancel(request: web.Request, method: str = method, making: list[asyncio.Task[object]] = making) -> None:
            if request.method == method:
                making[0].cancel()

        stand.workspace.habits.fault = cancel
        work = backend.make_directory(path) if name == "ü" else backend.write(path, OTHER, precondition=Absent())
        making.append(asyncio.create_task(work))
        with pytest.raises(asyncio.CancelledError):
            await making[0]
        stand.workspace.habits.fault = lambda _: None
        assert stand.stored() in ({}, {name: OTHER}, {name: None}), (name, method)
        for left in stand.stored():
            await backend.delete(parse(left))


async def test_a_spare_file_that_somebody_has_taken_for_his_own_is_left_to_him(
    stand: Stand, backend: OciBackend
) -> None:
    def taking(request: web.Request) -> web.Response | None:
        if request.method != "PATCH":
            return None
        stand.put("Untitled.ipynb", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {"mine": 1}, "cells": []}')
        return web.json_response({"code": "InvalidParameter", "message": ""}, status=400)

    stand.workspace.habits.fault = taking
    with pytest.raises(Problem) as caught:
        await backend.write(parse("a.ipynb"), NOTEBOOK, precondition=Absent())
    assert caught.value.code is Code.INVALID
    assert list(stand.stored()) == ["Untitled.ipynb"]


async def test_a_spare_file_is_removed_though_the_service_is_busy_or_does_not_see_it(
    stand: Stand, backend: OciBackend
) -> None:
    for status, code in ((503, "ServiceUnavailable"), (409, "IncorrectState"), (404, "NotAuthorizedOrNotFound")):
        refusals = [2]

        def refusing(
            request: web.Request, status: int = status, code: str = code, refusals: list[int] = refusals
        ) -> web.Response | None:
            if request.method == "PUT":
                return web.json_response({"code": "UnprocessableEntity", "message": ""}, status=422)
            if request.method != "DELETE" or not refusals[0]:
                return None
            refusals[0] -= 1
            return web.json_response({"code": code, "message": ""}, status=status)

        stand.workspace.habits.fault = refusing
        with pytest.raises(Problem) as caught:
            await backend.write(parse("a.ipynb"), NOTEBOOK, precondition=Absent())
        assert caught.value.code is Code.UNPROCESSABLE
        assert stand.stored() == {}, status
