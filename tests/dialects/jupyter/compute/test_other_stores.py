"""Notebooks of stores that are no Jupyter server run on one, found by their path, and seen by nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from gateway.contents.backend import SupportsSessions
from gateway.contents.problem import Code
from tests.contract.steps import refused
from tests.dialects.jupyter.compute.steps import ADA, AL, Compute, computing
from tests.dialects.jupyter.compute.upstreams import UNKNOWN_ID, jupyter_mount
from tests.fakes.jupyter import JupyterServer, opened
from tests.gateways import NOTEBOOK

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "canary-of-ada"
SAVE = {"type": "notebook", "format": "json", "content": json.loads(NOTEBOOK)}


@dataclass(frozen=True, slots=True)
class Household:
    """Two users on one server's folder, with a shared store, homes, and a store that only al may read."""

    compute: Compute
    upstream: JupyterServer
    folder: Path

    async def told_upstream(self) -> list[str]:
        """The paths that the server itself has."""
        headers = {"Authorization": f"token {self.upstream.token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.upstream.url}/api/sessions", headers=headers) as answer,
        ):
            return sorted(each["path"] for each in await answer.json())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, upstream: JupyterServer) -> AsyncIterator[Household]:
    folder = tmp_path_factory.mktemp("household")
    work = upstream.root / "work"
    for each in (work / "deep", folder / "shared", folder / "homes", folder / "secret"):
        each.mkdir(parents=True)
    mounts = [
        jupyter_mount("lab", upstream, folder="work"),
        {"name": "shared", "kind": "local", "folder": str(folder / "shared")},
        {"name": "mine", "kind": "local", "folder": str(folder / "homes"), "homes": True},
        {"name": "secret", "kind": "local", "folder": str(folder / "secret"), "readers": ["al"], "writers": ["al"]},
    ]
    async with computing(folder, mounts) as compute:
        yield Household(compute, upstream, work)


@pytest_asyncio.fixture(loop_scope="module")
async def household(running: Household) -> AsyncIterator[Household]:
    yield running
    for token in (ADA, AL):
        await running.compute.end_all(token=token)


async def test_a_notebook_of_any_mount_runs_in_the_folder_of_the_servers(household: Household) -> None:
    compute = household.compute
    for path in ("shared/a/n.ipynb", "mine/n.ipynb", "lab/deep/n.ipynb"):
        session = await compute.started(path)
        assert (session["path"], session["notebook"]["path"], session["name"]) == (path, path, "n.ipynb")
        assert (await compute.started(path))["id"] == session["id"]
        assert (await compute.ask("GET", f"/sessions/{session['id']}")).json()["path"] == path
        where = household.folder / "deep" if path.startswith("lab") else household.folder
        assert await compute.cwd_of(session["kernel"]["id"]) == str(where)
    assert await compute.names("/sessions", "path") == ["lab/deep/n.ipynb", "mine/n.ipynb", "shared/a/n.ipynb"]
    assert await household.told_upstream() == [
        "work/.nbgateway/mine/home/ada/n.ipynb",
        "work/.nbgateway/shared/a/n.ipynb",
        "work/deep/n.ipynb",
    ]
    assert not (household.folder / ".nbgateway").exists()


async def test_a_console_runs_where_no_mount_is(household: Household) -> None:
    for path in ("console-1-abc", "shared/console-2", "mine/x/y.py"):
        session = await household.compute.started(path, kind="console")
        assert (session["path"], session["type"]) == (path, "console")
        assert "notebook" not in session
    assert await household.compute.names("/sessions", "path", token=AL) == ["shared/console-2"]


async def test_a_running_notebook_is_renamed_and_keeps_its_kernel(household: Household) -> None:
    compute = household.compute
    await compute.ask("PUT", "/contents/shared/dir", {"type": "directory"}, status=201)
    await compute.ask("PUT", "/contents/shared/dir/old.ipynb", SAVE, status=201)
    session = await compute.started("shared/dir/old.ipynb")
    url = f"/sessions/{session['id']}"
    places = [
        ("shared/dir/old.ipynb", "shared/dir/new.ipynb", "shared/dir/new.ipynb"),
        ("shared/dir", "shared/other", "shared/other/new.ipynb"),
        ("shared/other/new.ipynb", "lab/new.ipynb", "lab/new.ipynb"),
        ("lab/new.ipynb", "mine/new.ipynb", "mine/new.ipynb"),
    ]
    for source, target, path in places:
        await compute.ask("PATCH", f"/contents/{source}", {"path": target})
        changed = (await compute.ask("PATCH", url, {"path": path, "name": "new.ipynb"})).json()
        assert (changed["path"], changed["notebook"]["path"]) == (path, path)
        assert changed["kernel"]["id"] == session["kernel"]["id"]
        again = await compute.started(path)
        assert again["id"] == session["id"]
    assert await compute.names("/sessions", "path") == ["mine/new.ipynb"]


async def test_neither_user_sees_the_others_homes(household: Household) -> None:
    compute = household.compute
    hers = await compute.started(f"mine/{CANARY}.ipynb")
    own = await compute.started("mine/n.ipynb", token=AL)
    shared = await compute.started("shared/n.ipynb")
    assert await compute.names("/sessions", "path", token=AL) == ["mine/n.ipynb", "shared/n.ipynb"]
    kernels = sorted([own["kernel"]["id"], shared["kernel"]["id"]])
    assert await compute.names("/kernels", "id", token=AL) == kernels
    session_url, kernel_url = f"/sessions/{hers['id']}", f"/kernels/{hers['kernel']['id']}"
    attempts = [
        ("GET", session_url, None, 404),
        ("PATCH", session_url, {"path": "mine/stolen.ipynb"}, 404),
        ("PATCH", session_url, {"kernel": {"name": "python3"}}, 404),
        ("DELETE", session_url, None, 404),
        ("GET", kernel_url, None, 404),
        ("DELETE", kernel_url, None, 404),
        ("POST", f"{kernel_url}/interrupt", None, 404),
        ("POST", f"{kernel_url}/restart", None, 404),
        ("POST", "/kernels", {"kernel_id": hers["kernel"]["id"]}, 409),
        ("POST", "/sessions", {"path": "mine/x", "type": "file", "kernel": {"id": hers["kernel"]["id"]}}, 409),
        ("PATCH", f"/sessions/{own['id']}", {"kernel": {"id": hers["kernel"]["id"]}}, 409),
        ("POST", "/sessions", {"path": f".nbgateway/mine/home/ada/{CANARY}.ipynb", "type": "file"}, 400),
        ("POST", "/sessions", {"path": f"lab/.nbgateway/mine/home/ada/{CANARY}.ipynb", "type": "file"}, 400),
        ("PATCH", f"/sessions/{own['id']}", {"path": f"lab/.nbgateway/mine/home/ada/{CANARY}.ipynb"}, 400),
    ]
    for method, path, body, status in attempts:
        refusal = await compute.refused(method, path, body, status, token=AL)
        assert CANARY not in str(refusal)
    async with compute.session.ws_connect(
        f"{compute.url}/api/kernels/{shared['kernel']['id']}/channels?token={AL}"
    ) as socket:
        assert not socket.closed
    with pytest.raises(aiohttp.WSServerHandshakeError) as shut_out:
        await compute.session.ws_connect(f"{compute.url}/api{kernel_url}/channels?token={AL}")
    assert shut_out.value.status == 404
    assert (await compute.ask("GET", session_url)).json()["path"] == f"mine/{CANARY}.ipynb"


async def test_what_may_not_be_read_does_not_run(household: Household) -> None:
    compute = household.compute
    await compute.refused("POST", "/sessions", {"path": "secret/a.ipynb", "type": "notebook"}, 403)
    session = await compute.started("secret/a.ipynb", token=AL)
    await compute.refused("GET", f"/sessions/{session['id']}", None, 404)
    own = await compute.started("shared/a.ipynb")
    await compute.refused("PATCH", f"/sessions/{own['id']}", {"path": "secret/b.ipynb"}, 403)


async def test_what_runs_outside_the_mount_is_not_there(household: Household) -> None:
    compute, headers = household.compute, {"Authorization": f"token {household.upstream.token}"}
    body = {"path": "outside.ipynb", "type": "notebook", "name": "", "kernel": {"name": "python3"}}
    url = f"{household.upstream.url}/api/sessions"
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(url, json=body) as answer:
            outside = await answer.json()
        assert await compute.names("/sessions", "path") == []
        assert await compute.names("/kernels", "id") == []
        await compute.refused("GET", f"/sessions/{outside['id']}", None, 404)
        async with session.delete(f"{url}/{outside['id']}") as answer:
            assert answer.status == 204


async def test_kernels_and_terminals_start_in_the_folder_of_the_servers(household: Household) -> None:
    compute = household.compute
    (household.folder / "here").touch()
    (household.folder / "deep" / "below").touch()
    for path, where in (
        ("shared/x", household.folder),
        ("lab/deep", household.folder / "deep"),
        ("../x", household.folder),
    ):
        kernel = (await compute.ask("POST", "/kernels", {"path": path}, status=201)).json()
        assert await compute.cwd_of(kernel["id"]) == str(where)
    for body, file in (({}, "here"), ({"cwd": "shared"}, "here"), ({"cwd": "lab/deep"}, "below")):
        terminal = (await compute.ask("POST", "/terminals", body)).json()["name"]
        assert await compute.terminal_finds(terminal, file)
        await compute.ask("DELETE", f"/terminals/{terminal}", status=204)


async def test_the_sessions_of_the_mount_are_those_of_its_own_files(household: Household) -> None:
    """What the OCI dialect lists, which knows no files of other mounts there."""
    other = await household.compute.started("shared/other.ipynb")
    own = await household.compute.started("lab/own.ipynb")
    server = household.upstream
    async with opened({"url": server.url, "token": server.token, "folder": "work"}) as backend:
        assert isinstance(backend, SupportsSessions)
        assert [(each.id, str(each.path)) for each in await backend.list_sessions()] == [(own["id"], "own.ipynb")]
        await refused(backend.read_session(other["id"]), Code.NOT_FOUND)


@pytest.mark.parametrize("path", ["shared/n.ipynb", "mine/n.ipynb", "lab/n.ipynb"])
async def test_a_notebook_is_converted_whatever_store_it_is_on(household: Household, path: str) -> None:
    compute = household.compute
    await compute.ask("PUT", f"/contents/{path}", SAVE, status=201)
    page = await compute.fetch(f"/nbconvert/html/{path}")
    assert page.status == 200
    assert b"<h1" in page.body
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Content-Disposition" not in page.headers
    saved = await compute.fetch(f"/nbconvert/script/{path}?download=true")
    assert saved.status == 200
    assert saved.headers["Content-Disposition"].startswith("attachment")
    for wrong, status in (("moon/" + path, 404), ("html/shared/none.ipynb", 404), ("html/shared", 400)):
        refusal = await compute.fetch(f"/nbconvert/{wrong}")
        assert (refusal.status, refusal.headers["Content-Type"]) == (status, "application/json")
    await compute.ask("DELETE", f"/contents/{path}", status=204)


async def test_a_notebook_that_is_sent_is_converted(household: Household) -> None:
    body = {"name": "n.ipynb", "content": SAVE["content"]}
    page = await household.compute.fetch("/nbconvert/markdown", "POST", body)
    assert (page.status, page.body.strip()) == (200, b"# one")
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert (await household.compute.fetch("/nbconvert/markdown", "POST", {"content": []})).status == 400


async def test_files_of_other_stores_are_not_edited_together(household: Household) -> None:
    for path in ("shared/n.ipynb", "mine/n.ipynb", "none/n.ipynb", "lab/.hidden/n.ipynb"):
        await household.compute.refused(
            "PUT", f"/collaboration/session/{path}", {"format": "json", "type": "file"}, 404
        )
    answer = await household.compute.fetch("/api/collaboration/session/lab/n.ipynb", "PUT", {})
    assert answer.status == 404  # the server's own, which has no such extension
    assert UNKNOWN_ID not in answer.body.decode()
