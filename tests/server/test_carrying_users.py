"""A Jupyter server for each user, as behind a hub: everybody is led to their own, in pages, contents and API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import hdrs, web
from yarl import URL

from gateway.app import create_app
from gateway.demo.jupyter import run_jupyter
from gateway.server.listening import listening
from gateway.settings import load_settings
from tests.server.carriage import UPSTREAM_TOKEN, Gateway
from tests.server.test_carrying import config_of

USERS = {"ada": "ada", "al@x.org": "al%40x.org", "a b": "a%20b", "\u00fc": "%C3%BC"}
RUNNING = ("ada", "al@x.org")


@asynccontextmanager
async def hub(servers: Mapping[str, str]) -> AsyncIterator[str]:
    """What leads each ``/user/NAME`` to that user's server, and everything else to the hub's own pages."""

    async def lead(request: web.Request) -> web.StreamResponse:
        name = request.raw_path.split("/")[2] if request.raw_path.startswith("/user/") else ""
        if name not in servers:
            return web.Response(status=302, headers={hdrs.LOCATION: f"/hub{request.raw_path}"})
        url = URL(servers[name] + request.raw_path, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name != hdrs.HOST}
        async with session.request(
            request.method, url, headers=headers, data=await request.read() or None, allow_redirects=False
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name not in ("Content-Length", "Date")}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    app = web.Application()
    app.router.add_route("*", r"/{tail:[\s\S]*}", lead)
    async with aiohttp.ClientSession() as session, listening(app, "127.0.0.1", 0, shutdown_seconds=0.1) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("hub")
    for name in RUNNING:
        (folder / name).mkdir()
        (folder / name / f"of {name}.txt").write_text(name)
    bases = {name: f"--ServerApp.base_url=/user/{USERS[name]}/" for name in RUNNING}
    async with (
        run_jupyter(folder / "ada", token=UPSTREAM_TOKEN, extra=(bases["ada"],)) as ada,
        run_jupyter(folder / "al@x.org", token=UPSTREAM_TOKEN, extra=(bases["al@x.org"],)) as al,
        hub({USERS["ada"]: str(URL(ada).origin()), USERS["al@x.org"]: str(URL(al).origin())}) as hub_url,
    ):
        mount = {
            "name": "lab",
            "kind": "jupyter",
            "url": hub_url + "/user/{user}",
            "token": UPSTREAM_TOKEN,
            "root": True,
        }
        values = {
            "state": {"url": f"sqlite+aiosqlite:///{folder / 'state.db'}", "uploads_folder": str(folder / "uploads")},
            "mounts": [mount],
            "identity": {"tokens": [{"user": name, "token": token_of(name)} for name in [*USERS, "../ada", "a/b"]]},
        }
        app = create_app(load_settings(None, values))
        async with listening(app, "127.0.0.1", 0, shutdown_seconds=0.1) as url, aiohttp.ClientSession() as session:
            yield Gateway(url, session)


def token_of(name: str) -> str:
    return f"token-of-{name.encode().hex()}"


def as_user(name: str) -> dict[str, str]:
    return {"Authorization": f"token {token_of(name)}"}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", RUNNING)
async def test_everybody_gets_their_own_pages_files_and_api(gateway: Gateway, name: str) -> None:
    page = await gateway.send("GET", "/lab", as_user(name))
    config = config_of(page.body)
    assert (config["baseUrl"], config["fullStaticUrl"], config["token"]) == ("/", "/static/lab", "")
    assert b"/user/" not in page.body
    assert UPSTREAM_TOKEN.encode() not in page.body
    listing = json.loads((await gateway.send("GET", "/api/contents/", as_user(name))).body)
    assert [entry["name"] for entry in listing["content"]] == [f"of {name}.txt"]
    saved = await gateway.send("PUT", "/lab/api/workspaces/mine", as_user(name), _workspace("mine", name))
    assert saved.status == 204
    script = config_of(page.body)["fullStaticUrl"]
    assert (await gateway.send("GET", f"{script}/third-party-licenses.json", as_user(name))).status == 200


@pytest.mark.asyncio(loop_scope="session")
async def test_nobody_sees_what_another_has_saved(gateway: Gateway) -> None:
    for name in RUNNING:
        saved = await gateway.send("PUT", "/lab/api/workspaces/own", as_user(name), _workspace("own", name))
        assert saved.status == 204
    for name in RUNNING:
        seen = json.loads((await gateway.send("GET", "/lab/api/workspaces/own", as_user(name))).body)
        assert seen["data"] == {"of": name}


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", ["a b", "\u00fc"])
async def test_who_has_no_server_running_is_told_to_wait(gateway: Gateway, name: str) -> None:
    told = await gateway.send("GET", "/lab/api/settings", as_user(name))
    shown = await gateway.send("GET", "/lab", as_user(name) | {"Accept": "text/html"})
    assert (told.status, shown.status) == (503, 503)
    assert b"may not be running" in told.body
    assert b"may not be running" in shown.body


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", ["../ada", "a/b"])
async def test_a_name_that_is_no_name_has_no_server(gateway: Gateway, name: str) -> None:
    for path in ("/lab", "/api/contents/"):
        answer = await gateway.send("GET", path, as_user(name))
        assert answer.status in (403, 404)


def _workspace(name: str, of: str) -> bytes:
    return json.dumps({"data": {"of": of}, "metadata": {"id": name}}).encode()
