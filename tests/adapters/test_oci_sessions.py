"""Sessions of a workspace as its users have seen them: two shapes of lists, kernels that come late (quirks 6 and 7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
from aiohttp import web

from gateway.contents.backend import SupportsSessions
from gateway.contents.compute import Lifecycle, SessionChange
from gateway.contents.model import Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.wire.client import open_session
from tests.adapters.oci_steps import NOTEBOOK, OTHER, PATH, backend_of
from tests.contract.steps import refused
from tests.fakes.workspace import CLUSTER_ID, WorkspaceEmulator, running_workspace

WANTED = SessionChange(path=PATH, kind="notebook", cluster=CLUSTER_ID)


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


@pytest.fixture
def compute(workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path) -> SupportsSessions:
    backend = backend_of(workspace, session, tmp_path)
    assert isinstance(backend, SupportsSessions)
    return backend


async def test_a_kernel_comes_after_its_session(workspace: WorkspaceEmulator, compute: SupportsSessions) -> None:
    workspace.habits.session_polls = 1
    started = await compute.start_session(WANTED)
    assert (started.lifecycle, started.kernel) == (Lifecycle.CREATING, None)
    await compute.read_session(started.id)
    running = await compute.read_session(started.id)
    assert running.lifecycle is Lifecycle.ACTIVE
    assert running.kernel is not None
    assert running.kernel.name == "notebook"


@pytest.mark.parametrize("spelling", ["array", "items", "Items"])
async def test_every_shape_of_list_is_read(
    workspace: WorkspaceEmulator, compute: SupportsSessions, spelling: str
) -> None:
    model = {"id": "s-1", "path": "Workspace/a.ipynb", "kernel": None}

    def listed(request: web.Request) -> web.Response | None:
        return web.json_response([model] if spelling == "array" else {spelling: [model]})

    workspace.habits.fault = listed
    (found,) = await compute.list_sessions()
    assert (found.id, found.path, found.name, found.kind) == ("s-1", PATH, "a.ipynb", "notebook")


async def test_a_list_has_all_pages(workspace: WorkspaceEmulator, compute: SupportsSessions) -> None:
    workspace.habits.max_page = 2
    for number in range(5):
        await compute.start_session(SessionChange(path=ContentPath((f"{number}.ipynb",)), cluster=CLUSTER_ID))
    assert len(await compute.list_sessions()) == 5


@pytest.mark.parametrize("status", [400, 404])
async def test_a_cluster_that_runs_nothing_is_the_callers_matter(
    workspace: WorkspaceEmulator, compute: SupportsSessions, status: Literal[400, 404]
) -> None:
    workspace.habits.clusters[CLUSTER_ID] = "STOPPED"
    workspace.habits.stopped_cluster_status = status
    await refused(compute.start_session(WANTED), Code.INVALID)
    await refused(compute.start_session(SessionChange(path=PATH, cluster="no-such-cluster")), Code.INVALID)
    assert workspace.sessions == {}


async def test_a_session_that_names_no_cluster_runs_on_the_configured_one(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    backend = backend_of(workspace, session, tmp_path, cluster_id=CLUSTER_ID)
    assert isinstance(backend, SupportsSessions)
    started = await backend.start_session(SessionChange(path=PATH))
    assert started.cluster == CLUSTER_ID


async def test_a_session_has_ended_when_the_service_says_so(
    workspace: WorkspaceEmulator, compute: SupportsSessions
) -> None:
    workspace.habits.session_delete_polls = 3
    session = await compute.start_session(WANTED)
    await compute.end_session(session.id)
    assert await compute.list_sessions() == ()


async def test_the_end_of_a_session_may_be_told_by_its_absence(
    workspace: WorkspaceEmulator, compute: SupportsSessions
) -> None:
    habits = workspace.habits
    habits.faults_on = frozenset({"DELETE"})
    session = await compute.start_session(WANTED)
    habits.reset_before_calls = 1
    await refused(compute.end_session(session.id), Code.UNAVAILABLE)
    habits.reset_after_calls = 1
    await compute.end_session(session.id)
    assert workspace.sessions == {}


async def test_the_etag_of_a_session_says_nothing_of_how_those_of_files_are_written(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    workspace.habits.etag_form, workspace.habits.quoted_if_match = 'W/"{}"', False
    backend = backend_of(workspace, session, tmp_path)
    assert isinstance(backend, SupportsSessions)
    etag = (await backend.write(PATH, NOTEBOOK)).entry.etag
    assert etag is not None
    await backend.start_session(WANTED)
    assert (await backend.write(PATH, OTHER, precondition=Matches(etag))).entry.etag != etag


async def test_sessions_outside_the_folder_are_not_there(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path, compute: SupportsSessions
) -> None:
    outside = await compute.start_session(WANTED)
    workspace.tree.put(("Workspace", "team"), None)
    inner = backend_of(workspace, session, tmp_path, folder="/Workspace/team")
    assert isinstance(inner, SupportsSessions)
    assert await inner.list_sessions() == ()
    with pytest.raises(Problem) as caught:
        await inner.read_session(outside.id)
    assert caught.value.code is Code.NOT_FOUND
