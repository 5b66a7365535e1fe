"""One Jupyter server as the root of the gateway, below a base path: kernels, kernelspecs, sessions and terminals."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.dialects.jupyter.compute.steps import Compute, computing
from tests.dialects.jupyter.compute.upstreams import LOGO, UNKNOWN_ID, jupyter_mount
from tests.fakes.jupyter import JupyterServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def compute(tmp_path_factory: pytest.TempPathFactory, upstream: JupyterServer) -> AsyncIterator[Compute]:
    folder = tmp_path_factory.mktemp("gateway")
    mounts = [jupyter_mount("lab", upstream, root=True)]
    async with computing(folder, mounts, base_path="/notebooks") as compute:
        yield compute


# -- kernels ---------------------------------------------------------------------------------------------------------


async def test_a_kernel_lives_from_its_start_to_its_end(compute: Compute) -> None:
    started = await compute.ask("POST", "/kernels", {"name": "python3"}, status=201)
    kernel = started.json()
    assert sorted(kernel) == ["connections", "execution_state", "id", "last_activity", "name"]
    assert kernel["name"] == "python3"
    assert DATE.fullmatch(kernel["last_activity"])
    assert started.headers["Location"] == f"/notebooks/api/kernels/{kernel['id']}"
    assert kernel["id"] in [each["id"] for each in (await compute.ask("GET", "/kernels")).json()]
    assert (await compute.ask("GET", f"/kernels/{kernel['id']}")).json()["id"] == kernel["id"]
    assert (await compute.ask("GET", "/status")).json()["kernels"] == 1
    await compute.ask("POST", f"/kernels/{kernel['id']}/interrupt", status=204)
    restarted = await compute.ask("POST", f"/kernels/{kernel['id']}/restart")
    assert restarted.json()["id"] == kernel["id"]
    ended = await compute.ask("DELETE", f"/kernels/{kernel['id']}", status=204)
    assert ended.body == b""
    await compute.ask("GET", f"/kernels/{kernel['id']}", status=404)
    assert (await compute.ask("GET", "/kernels")).json() == []


async def test_a_kernel_starts_with_nothing_said_of_it(compute: Compute) -> None:
    kernel = (await compute.ask("POST", "/kernels", status=201)).json()
    assert kernel["name"] == "python3"
    await compute.ask("DELETE", f"/kernels/{kernel['id']}", status=204)


async def test_a_client_chooses_the_id_and_the_folder(compute: Compute, upstream: JupyterServer) -> None:
    (upstream.root / "deep" / "er").mkdir(parents=True)
    wanted = "11111111-2222-3333-4444-555555555555"
    body = {"path": "deep/er/none.ipynb", "kernel_id": wanted, "name": "python3"}
    assert (await compute.ask("POST", "/kernels", body, status=201)).json()["id"] == wanted
    assert await compute.cwd_of(wanted) == str(upstream.root / "deep" / "er")
    await compute.ask("DELETE", f"/kernels/{wanted}", status=204)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/kernels", {"name": "no-such"}, 400),
        ("POST", "/kernels", {"name": "../x"}, 400),
        ("POST", "/kernels", {"name": 1}, 400),
        ("POST", "/kernels", {"kernel_id": "../x"}, 400),
        ("POST", "/kernels", [], 400),
        ("POST", "/kernels", b"{", 400),
        ("POST", "/kernels", {"name": "broken"}, 501),
        ("GET", f"/kernels/{UNKNOWN_ID}", None, 404),
        ("DELETE", f"/kernels/{UNKNOWN_ID}", None, 404),
        ("POST", f"/kernels/{UNKNOWN_ID}/interrupt", None, 404),
        ("POST", f"/kernels/{UNKNOWN_ID}/restart", None, 404),
        ("GET", "/kernels/none", None, 404),
        ("GET", "/kernels/%2e%2e%2fcontents", None, 404),
        ("GET", f"/kernels/{UNKNOWN_ID}/channels", None, 400),
        ("PUT", f"/kernels/{UNKNOWN_ID}", None, 405),
        ("POST", f"/kernels/{UNKNOWN_ID}/shutdown", None, 404),
        ("GET", "/kernels/", None, 404),
        ("GET", "/%6bernels", None, 404),
        ("GET", "//kernels", None, 404),
    ],
)
async def test_what_cannot_be_done_with_a_kernel_is_said_in_json(
    compute: Compute, method: str, path: str, body: object, status: int
) -> None:
    await compute.refused(method, path, body, status)


# -- kernelspecs -----------------------------------------------------------------------------------------------------


async def test_kernelspecs_lead_to_the_gateway(compute: Compute) -> None:
    specs = (await compute.ask("GET", "/kernelspecs")).json()
    assert specs["default"] == "python3"
    assert sorted(specs["kernelspecs"]) == ["broken", "python3"]
    model = specs["kernelspecs"]["broken"]
    assert (model["name"], model["spec"]["display_name"], model["spec"]["metadata"]) == ("broken", "Broken", {"x": 1})
    assert model["resources"] == {"logo-64x64": "/notebooks/kernelspecs/broken/logo-64x64.png"}
    assert (await compute.ask("GET", "/kernelspecs/broken")).json() == model
    await compute.refused("GET", "/kernelspecs/none", None, 404)
    await compute.refused("GET", "/kernelspecs/%2e%2e", None, 404)


async def test_a_logo_is_the_servers_own(compute: Compute) -> None:
    logo = await compute.fetch("/kernelspecs/broken/logo-64x64.png")
    assert (logo.status, logo.body, logo.headers["Content-Type"]) == (200, LOGO, "image/png")
    assert "max-age" in logo.headers["Cache-Control"]
    assert (await compute.fetch("/kernelspecs/broken/none.png")).status == 404
    assert (await compute.fetch("/kernelspecs/broken/..%2fkernel.json")).status == 400


# -- sessions --------------------------------------------------------------------------------------------------------


async def test_a_session_is_one_for_its_path(compute: Compute) -> None:
    body = {"path": "a b/é.ipynb", "type": "notebook", "name": "é.ipynb", "kernel": {"name": "python3"}}
    both = await asyncio.gather(*(compute.ask("POST", "/sessions", body, status=201) for _ in range(2)))
    first, second = (answer.json() for answer in both)
    assert first["id"] == second["id"]
    assert sorted(first) == ["id", "kernel", "name", "notebook", "path", "type"]
    assert (first["path"], first["name"], first["type"]) == ("a b/é.ipynb", "é.ipynb", "notebook")
    assert first["notebook"] == {"path": "a b/é.ipynb", "name": "é.ipynb"}
    assert both[0].headers["Location"] == f"/notebooks/api/sessions/{first['id']}"
    listed = (await compute.ask("GET", "/sessions")).json()
    assert [each["id"] for each in listed] == [first["id"]]
    assert (await compute.ask("GET", f"/sessions/{first['id']}")).json()["kernel"]["id"] == first["kernel"]["id"]
    await compute.ask("DELETE", f"/sessions/{first['id']}", status=204)
    await compute.refused("DELETE", f"/sessions/{first['id']}", None, 404)
    await compute.refused("GET", f"/kernels/{first['kernel']['id']}", None, 404)


async def test_a_session_changes_its_path_name_type_and_kernel(compute: Compute) -> None:
    session = await compute.started("old.ipynb")
    url = f"/sessions/{session['id']}"
    assert (await compute.ask("PATCH", url, {})).json()["path"] == "old.ipynb"
    body = {"path": "new.py", "name": "new.py", "type": "file"}
    changed = (await compute.ask("PATCH", url, body)).json()
    assert (changed["path"], changed["name"], changed["type"]) == ("new.py", "new.py", "file")
    assert changed["kernel"]["id"] == session["kernel"]["id"]
    anew = (await compute.ask("PATCH", url, {"kernel": {"name": "python3"}})).json()
    assert anew["kernel"]["id"] != session["kernel"]["id"]
    await compute.refused("GET", f"/kernels/{session['kernel']['id']}", None, 404)
    other = await compute.started("other.ipynb", kernel={"id": anew["kernel"]["id"]})
    assert other["kernel"]["id"] == anew["kernel"]["id"]
    refusal = await compute.refused("PATCH", url, {"kernel": {"name": "broken"}}, 501)
    assert refusal["short_message"]
    await compute.refused("PATCH", url, {"kernel": {"id": UNKNOWN_ID}}, 400)
    await compute.refused("PATCH", url, None, 400)
    await compute.refused("PATCH", url, {"path": "../x"}, 400)
    await compute.refused("PATCH", url, {"path": ".nbgateway/lab/x"}, 400)
    await compute.end_all()


async def test_the_form_of_old_clients_is_understood(compute: Compute) -> None:
    body = {"notebook": {"path": "deep/old.ipynb"}, "kernel": {"name": "python3"}}
    session = (await compute.ask("POST", "/sessions", body, status=201)).json()
    assert (session["path"], session["type"]) == ("deep/old.ipynb", "notebook")
    moved = await compute.ask("PATCH", f"/sessions/{session['id']}", {"notebook": {"path": "deep/new.ipynb"}})
    assert moved.json()["notebook"]["path"] == "deep/new.ipynb"
    await compute.end_all()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ([], 400),
        ({"type": "notebook"}, 400),
        ({"path": "a.ipynb"}, 400),
        ({"path": 1, "type": "notebook"}, 400),
        ({"path": "a\\b", "type": "notebook"}, 400),
        ({"path": "a/../b", "type": "notebook"}, 400),
        ({"path": ".a.ipynb", "type": "notebook"}, 400),
        ({"path": "a", "type": "notebook", "kernel": "python3"}, 400),
        ({"path": "a", "type": "notebook", "kernel": {"name": "no-such"}}, 501),
        ({"path": "a", "type": "notebook", "kernel": {"name": "../x"}}, 501),
        ({"path": "a", "type": "notebook", "kernel": {"name": "broken"}}, 501),
        ({"path": "a", "type": "notebook", "kernel": {"id": "x"}}, 400),
    ],
)
async def test_what_cannot_be_a_session_is_refused_in_json(compute: Compute, body: object, status: int) -> None:
    refusal = await compute.refused("POST", "/sessions", body, status)
    assert ("short_message" in refusal) is (status == 501)
    assert (await compute.ask("GET", "/sessions")).json() == []


# -- terminals -------------------------------------------------------------------------------------------------------


async def test_a_terminal_lives_from_its_start_to_its_end(compute: Compute) -> None:
    terminal = (await compute.ask("POST", "/terminals", {"cwd": "no/such"})).json()
    assert DATE.fullmatch(terminal["last_activity"])
    name = terminal["name"]
    assert [each["name"] for each in (await compute.ask("GET", "/terminals")).json()] == [name]
    assert (await compute.ask("GET", f"/terminals/{name}")).json()["name"] == name
    assert (await compute.ask("POST", "/terminals", {"name": "mine", "cwd": ""})).json()["name"] == "mine"
    assert (await compute.ask("POST", "/terminals", {"name": "mine"})).json()["name"] == "mine"
    for each in (name, "mine"):
        await compute.ask("DELETE", f"/terminals/{each}", status=204)
        await compute.refused("DELETE", f"/terminals/{each}", None, 404)
    await compute.refused("GET", "/terminals/a%2fb", None, 404)
    await compute.refused("POST", "/terminals", {"name": "../x"}, 400)
    await compute.refused("GET", "/terminals/websocket", None, 404)
    assert (await compute.fetch("/terminals/websocket/1")).status == 400


async def test_a_terminal_starts_where_the_files_are(compute: Compute, upstream: JupyterServer) -> None:
    (upstream.root / "place").mkdir()
    (upstream.root / "place" / "marker").touch()
    terminal = (await compute.ask("POST", "/terminals", {"cwd": "place"})).json()["name"]
    assert await compute.terminal_finds(terminal, "marker")
    await compute.ask("DELETE", f"/terminals/{terminal}", status=204)
