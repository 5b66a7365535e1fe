"""Two Jupyter servers as one: each kernel, session and terminal is found where it is, whatever becomes of the other."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.dialects.jupyter.compute.steps import Compute, computing
from tests.dialects.jupyter.compute.upstreams import LOGO, UNKNOWN_ID, jupyter_mount
from tests.fakes.jupyter import JupyterServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Pair:
    """A gateway whose root is the one server; the other is beside it, as ``big``."""

    compute: Compute
    home: JupyterServer
    big: JupyterServer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, upstream: JupyterServer, other_upstream: JupyterServer
) -> AsyncIterator[Pair]:
    mounts = [jupyter_mount("big", other_upstream), jupyter_mount("lab", upstream, root=True)]
    async with computing(tmp_path_factory.mktemp("gateway"), mounts) as compute:
        yield Pair(compute, upstream, other_upstream)


@pytest_asyncio.fixture(loop_scope="module")
async def pair(running: Pair) -> AsyncIterator[Pair]:
    yield running
    await running.compute.end_all()


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def ids_at(server: JupyterServer, resource: str) -> list[str]:
    headers = {"Authorization": f"token {server.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{server.url}/api/{resource}") as found:
        return sorted(each["id"] for each in await found.json())


async def test_kernelspecs_of_both_are_listed_by_names_of_their_own(pair: Pair) -> None:
    specs = (await pair.compute.ask("GET", "/kernelspecs")).json()
    assert specs["default"] == "python3"
    assert sorted(specs["kernelspecs"]) == ["big.python3", "big.special", "broken", "python3"]
    special = specs["kernelspecs"]["big.special"]
    assert (special["name"], special["spec"]["display_name"]) == ("big.special", "Special (big)")
    assert special["resources"] == {"logo-64x64": "/kernelspecs/big.special/logo-64x64.png"}
    assert (await pair.compute.ask("GET", "/kernelspecs/big.special")).json() == special
    assert (await pair.compute.fetch("/kernelspecs/big.special/logo-64x64.png")).body == LOGO
    await pair.compute.refused("GET", "/kernelspecs/special", None, 404)
    await pair.compute.refused("GET", "/kernelspecs/big.broken", None, 404)


async def test_a_kernel_is_found_wherever_it_runs(pair: Pair) -> None:
    compute = pair.compute
    near = (await compute.ask("POST", "/kernels", {"name": "python3"}, status=201)).json()
    far = (await compute.ask("POST", "/kernels", {"name": "big.special"}, status=201)).json()
    assert (near["name"], far["name"]) == ("python3", "big.special")
    assert await ids_at(pair.home, "kernels") == [near["id"]]
    assert await ids_at(pair.big, "kernels") == [far["id"]]
    listed = {each["id"]: each["name"] for each in (await compute.ask("GET", "/kernels")).json()}
    assert listed == {near["id"]: "python3", far["id"]: "big.special"}
    assert (await compute.ask("GET", "/status")).json()["kernels"] == 2
    assert await compute.cwd_of(far["id"]) == str(pair.big.root)
    assert (await compute.ask("POST", f"/kernels/{far['id']}/restart")).json()["name"] == "big.special"
    await compute.ask("POST", f"/kernels/{far['id']}/interrupt", status=204)
    await compute.ask("DELETE", f"/kernels/{far['id']}", status=204)
    await compute.refused("GET", f"/kernels/{far['id']}", None, 404)
    await compute.refused("GET", f"/kernels/{UNKNOWN_ID}", None, 404)
    await compute.refused("POST", "/kernels", {"name": "big.broken"}, 400)


@pytest.mark.parametrize(
    ("path", "kernel", "at_big", "name"),
    [
        ("a.ipynb", "python3", False, "python3"),
        ("a.ipynb", None, False, "python3"),
        ("big/a.ipynb", "python3", True, "big.python3"),
        ("big/a.ipynb", None, True, "big.python3"),
        ("big/a.ipynb", "special", True, "big.special"),
        ("a.ipynb", "big.special", True, "big.special"),
        ("big/a.ipynb", "lab.python3", False, "python3"),
    ],
)
async def test_a_session_runs_with_its_kernel_or_its_file(
    pair: Pair, path: str, kernel: str | None, at_big: bool, name: str
) -> None:
    body = {"path": path, "type": "notebook", "name": "a.ipynb", "kernel": {"name": kernel} if kernel else {}}
    session = (await pair.compute.ask("POST", "/sessions", body, status=201)).json()
    assert (session["path"], session["kernel"]["name"]) == (path, name)
    assert await ids_at(pair.big, "sessions") == [session["id"]] * at_big
    assert await pair.compute.names("/sessions", "path") == [path]
    again = {**body, "kernel": {"name": "python3"}}
    assert (await pair.compute.ask("POST", "/sessions", again, status=201)).json()["id"] == session["id"]
    moved = await pair.compute.ask("PATCH", f"/sessions/{session['id']}", {"path": "big/b.ipynb"})
    assert (moved.json()["path"], moved.json()["kernel"]["name"]) == ("big/b.ipynb", name)


async def test_a_kernel_of_the_other_server_does_not_suit_a_session(pair: Pair) -> None:
    compute = pair.compute
    session = await compute.started("a.ipynb")
    url = f"/sessions/{session['id']}"
    refusal = await compute.refused("PATCH", url, {"kernel": {"name": "big.special"}}, 501)
    assert "another server" in refusal["message"]
    far = (await compute.ask("POST", "/kernels", {"name": "big.special"}, status=201)).json()
    await compute.refused("PATCH", url, {"kernel": {"id": far["id"]}}, 400)
    joined = await compute.started("b.ipynb", kernel={"id": far["id"]})
    assert joined["kernel"] == far | {"last_activity": joined["kernel"]["last_activity"]}
    assert (await compute.ask("GET", url)).json()["kernel"]["id"] == session["kernel"]["id"]
    anew = await compute.started("c.ipynb", kernel={"id": "11111111-2222-4333-8444-555555555555"})
    assert anew["kernel"]["id"] in await ids_at(pair.home, "kernels")
    await compute.ask("DELETE", url, status=204)
    await compute.refused("DELETE", url, None, 404)


async def test_terminals_are_told_apart_by_their_mount(pair: Pair) -> None:
    compute = pair.compute
    (pair.big.root / "place").mkdir()
    (pair.big.root / "place" / "marker").touch()
    near = (await compute.ask("POST", "/terminals", {})).json()["name"]
    far = (await compute.ask("POST", "/terminals", {"cwd": "big/place"})).json()["name"]
    named = (await compute.ask("POST", "/terminals", {"name": "big.mine"})).json()["name"]
    assert (far.partition(".")[0], named) == ("big", "big.mine")
    assert await compute.names("/terminals", "name") == sorted([near, far, named])
    assert await compute.terminal_finds(far, "marker")
    assert not await compute.terminal_finds(near, "marker")
    for name in (near, far, named):
        assert (await compute.ask("GET", f"/terminals/{name}")).json()["name"] == name
        await compute.ask("DELETE", f"/terminals/{name}", status=204)
        await compute.refused("GET", f"/terminals/{name}", None, 404)


async def test_a_server_that_is_away_hides_nothing_and_holds_up_little(pair: Pair, tmp_path: Path) -> None:
    """What a list leaves out JupyterLab takes for dead, so there is none; what can be done without it is done."""
    gone = replace(pair.big, url=f"http://127.0.0.1:{unused_port()}")
    mounts = [jupyter_mount("lab", pair.home, root=True), jupyter_mount("gone", gone)]
    async with computing(tmp_path, mounts) as compute:
        for resource in ("/kernels", "/sessions", "/terminals", f"/kernels/{UNKNOWN_ID}", f"/sessions/{UNKNOWN_ID}"):
            await compute.refused("GET", resource, None, 503)
        specs = (await compute.ask("GET", "/kernelspecs")).json()
        assert sorted(specs["kernelspecs"]) == ["broken", "python3"]
        session = await compute.started("a.ipynb")
        assert (await compute.ask("GET", f"/sessions/{session['id']}")).json()["id"] == session["id"]
        assert (await compute.ask("GET", f"/kernels/{session['kernel']['id']}")).json()["name"] == "python3"
        assert (await compute.ask("GET", "/status")).json()["kernels"] == 1
        await compute.ask("PATCH", f"/sessions/{session['id']}", {"path": "b.ipynb"})
        await compute.ask("DELETE", f"/sessions/{session['id']}", status=204)
        await compute.refused("POST", "/kernels", {"name": "gone.python3"}, 503)
        wanted = {"path": "c.ipynb", "type": "notebook", "kernel": {"id": UNKNOWN_ID}}
        for body in ({"path": "gone/a.ipynb", "type": "notebook"}, wanted):
            await compute.refused("POST", "/sessions", body, 503)


async def test_without_home_there_is_nothing_but_patience(pair: Pair, tmp_path: Path) -> None:
    gone = replace(pair.home, url=f"http://127.0.0.1:{unused_port()}")
    async with computing(tmp_path, [jupyter_mount("lab", gone, root=True)]) as compute:
        attempts = [
            ("GET", "/kernels", None),
            ("POST", "/kernels", {}),
            ("GET", f"/kernels/{UNKNOWN_ID}", None),
            ("POST", f"/kernels/{UNKNOWN_ID}/restart", None),
            ("GET", "/kernelspecs", None),
            ("GET", "/sessions", None),
            ("POST", "/sessions", {"path": "a.ipynb", "type": "notebook"}),
            ("PATCH", f"/sessions/{UNKNOWN_ID}", {}),
            ("DELETE", f"/sessions/{UNKNOWN_ID}", None),
            ("GET", "/terminals", None),
            ("POST", "/terminals", {}),
        ]
        for method, path, body in attempts:
            await compute.refused(method, path, body, 503)
        assert (await compute.ask("GET", "/status")).json()["kernels"] == 0
        assert (await compute.fetch("/kernelspecs/python3/logo-64x64.png")).status == 503
