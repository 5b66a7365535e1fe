"""What the probe of an OCI workspace says when it fails: one sentence, with the setting to be mended (quirk 17)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.oci.backend import OciBackend
from gateway.contents.problem import Code, Problem
from gateway.server.listening import listening
from tests.adapters.oci_steps import Stand, failing, standing
from tests.fakes.workspace import OLDER, PREFIX


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with standing(tmp_path) as stand:
        yield stand


async def complaint(backend: OciBackend, code: Code = Code.UPSTREAM) -> str:
    with pytest.raises(Problem) as caught:
        await backend.probe()
    assert caught.value.code is code
    assert caught.value.detail.count(". ") == 0
    return caught.value.detail


async def test_a_probe_asks_for_the_workspace_and_the_folder(stand: Stand) -> None:
    await stand.backend().probe()
    contents = f"{PREFIX}/notebook/api/contents/%2FWorkspace?content=0"
    assert stand.workspace.requests == [("GET", PREFIX), ("GET", contents)]


async def test_a_host_that_cannot_be_reached(stand: Stand) -> None:
    said = await complaint(stand.backend(endpoint="http://127.0.0.1:9"), Code.UNAVAILABLE)
    assert said.startswith("http://127.0.0.1:9 cannot be reached; see endpoint")


async def test_a_key_that_the_service_refuses(stand: Stand) -> None:
    stand.workspace.keys.clear()
    assert (await complaint(stand.backend())).startswith("The service refuses the key; see profile and config_file")


async def test_a_session_token_that_has_expired(stand: Stand, tmp_path: Path) -> None:
    (tmp_path / "session").mkdir()
    backend = stand.backend(config_file=str(stand.workspace.write_session_profile(tmp_path / "session")))
    stand.workspace.habits.expired_tokens = True
    assert "renew it with oci session refresh" in await complaint(backend)


@pytest.mark.parametrize(("minutes", "words"), [(7, "7 minutes behind"), (-7, "7 minutes ahead of")])
async def test_a_clock_that_is_wrong(stand: Stand, minutes: int, words: str) -> None:
    theirs = datetime.now(UTC) + timedelta(minutes=minutes)
    stand.workspace.habits.clock = lambda: theirs

    def dated(_request: web.Request) -> web.Response:
        headers = {"Date": format_datetime(theirs, usegmt=True)}
        return web.json_response({"code": "NotAuthenticated", "message": ""}, status=401, headers=headers)

    stand.workspace.habits.fault = dated
    said = await complaint(stand.backend())
    assert f"The clock here is {words} that of the service" in said


async def test_another_generation(tmp_path: Path) -> None:
    async with standing(tmp_path, OLDER) as stand:
        said = await complaint(stand.backend(generation="20260430"))
        assert said == 'The workspace is at another address: set generation = "20240831".'


async def test_another_base_path(stand: Stand) -> None:
    stand.workspace.habits.api_prefix = True
    for wrong, right in (("/v1", ""), ("v1/api/", "")):
        said = await complaint(stand.backend(base_path=wrong))
        assert said == f'The workspace is at another address: set base_path = "{right}".'
    stand.workspace.habits.fault = lambda request: (
        None if request.raw_path.startswith("/api/") else web.json_response({"code": "NotFound"}, status=404)
    )
    assert (await complaint(stand.backend())).endswith('set base_path = "/api".')


async def test_both_at_once(tmp_path: Path) -> None:
    async with standing(tmp_path, OLDER) as stand:
        said = await complaint(stand.backend(generation="20260430", base_path="/api"))
        assert said.endswith('set generation = "20240831" and base_path = "".')


@pytest.mark.parametrize("setting", ["platform_id", "workspace_key"])
async def test_a_workspace_that_is_nowhere(stand: Stand, setting: str) -> None:
    wrong: dict[str, Any] = {setting: "other"}
    said = await complaint(stand.backend(**wrong))
    assert "not there, or the profile's user may not see it; see platform_id, workspace_key, profile" in said
    assert len(stand.workspace.requests) == 4


async def test_a_folder_that_is_missing_or_a_file(stand: Stand) -> None:
    said = await complaint(stand.backend(folder="Workspace/team"))
    assert said.startswith("The workspace has no folder /Workspace/team")
    assert said.endswith("see folder.")
    stand.put("team", b"")
    assert await complaint(stand.backend(folder="Workspace/team")) == "/Workspace/team is a file; see folder."


async def test_something_else_that_answers_there(stand: Stand) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(status=404, text="<html>no such page</html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", page)
    async with listening(app, "127.0.0.1", 0) as url:
        assert "see endpoint" in await complaint(stand.backend(endpoint=url))


async def test_a_service_that_is_down(stand: Stand) -> None:
    stand.workspace.habits.fault = failing(503, '{"code": "ServiceUnavailable", "message": ""}', times=9)
    with pytest.raises(Problem) as caught:
        await stand.backend().probe()
    assert caught.value.code is Code.UNAVAILABLE
