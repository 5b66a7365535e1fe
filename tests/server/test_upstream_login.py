"""Where a real jupyter_server's own login is in charge: its users are the gateway's callers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.contents.problem import Code, Problem
from gateway.server.signing_in.upstream_login import Shown, UpstreamUsers
from gateway.settings import ConfigurationError, load_settings
from gateway.wire.client import UpstreamClient, open_session
from tests.fakes.jupyter import JupyterServer
from tests.server.browsing import PAGE, TOKEN, Browser, Front, running_front

TARGET = "/api/contents/files/x.txt"
WRITTEN = json.dumps({"type": "file", "format": "text", "content": "x"}).encode()
EVIL = "https://evil.example"

Handle = Callable[[web.Request], Awaitable[web.Response]]


@pytest.fixture
async def front(tmp_path: Path, jupyter_server: JupyterServer) -> AsyncIterator[Front]:
    upstream = (jupyter_server.url, jupyter_server.token)
    async with running_front(tmp_path, login="upstream", upstream=upstream) as running:
        yield running


@pytest.fixture
async def browser(front: Front, jupyter_server: JupyterServer) -> Browser:
    """Signed in by the server's own form."""
    form = await front.page("/login")
    xsrf = form.cookies()["_xsrf"]
    fields = f"_xsrf={quote(xsrf)}&password={jupyter_server.token}"
    headers = {
        "Cookie": f"_xsrf={xsrf}",
        "Origin": front.origin,
        "Accept": PAGE,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    reply = await front.ask("POST", "/login?next=%2Flab", headers, fields.encode())
    assert (reply.status, reply.location) == (302, "/lab")
    return Browser({"_xsrf": xsrf, **reply.cookies()})


async def name_of(front: Front, headers: dict[str, str], target: str = "/api/me") -> str | None:
    reply = await front.ask("GET", target, headers)
    if reply.status == 403:
        assert json.loads(reply.body) == {"message": "Forbidden", "reason": None}
        return None
    return str(json.loads(reply.body)["identity"]["username"])


async def test_who_is_nobody_sees_the_servers_own_login(front: Front) -> None:
    led = await front.page("/api/spec.yaml")
    assert (led.status, led.location) == (302, "/login?next=%2Fapi%2Fspec.yaml")
    assert b"password" in (await front.page("/login")).body
    assert await name_of(front, {}) is None
    assert (await front.ask("GET", "/api/contents/files")).status == 403


async def test_who_signs_in_there_is_the_gateways_caller(front: Front, browser: Browser) -> None:
    name = await name_of(front, browser.cookie)
    assert name
    assert re.fullmatch(r"[0-9a-f]{32}", name)
    assert (await front.ask("PUT", TARGET, {**browser.shown, "Origin": front.origin}, WRITTEN)).status == 201
    assert (await front.ask("GET", "/files/files/x.txt", browser.cookie)).body == b"x"
    assert (await front.ask("PUT", "/api/contents/lab/x.txt", browser.shown, WRITTEN)).status in (200, 201)
    opened = await front.socket({**browser.cookie, "Origin": front.origin}, "/api/events/subscribe")
    assert opened.status == 101


async def test_the_servers_own_rules_hold_for_what_goes_through(front: Front, browser: Browser) -> None:
    body = b'{"events": []}'
    assert (await front.ask("GET", "/api/spec.yaml", browser.cookie)).status == 200
    assert (await front.ask("POST", "/api/nothing", {**browser.cookie, "Origin": front.origin}, body)).status == 403
    assert (await front.ask("GET", "/api/config/x", {})).status == 403
    assert (await front.ask("PUT", "/api/config/x", browser.cookie, b"{}")).status == 403
    assert (await front.ask("PUT", "/api/config/x", browser.shown, b"{}")).status == 204


async def test_signing_out_is_the_servers_too(front: Front, browser: Browser) -> None:
    reply = await front.page("/logout", **browser.cookie)
    assert reply.cookies()[browser.login[0]] == ""


@pytest.mark.parametrize("shape", ["Authorization: token {}", "Authorization: Bearer {}", "?token={}"])
async def test_the_servers_token_is_good_here(front: Front, jupyter_server: JupyterServer, shape: str) -> None:
    shown = shape.format(jupyter_server.token)
    name, _, value = shown.partition(": ")
    headers, query = ({name: value}, "") if value else ({}, shown)
    assert await name_of(front, headers, f"/api/me{query}")
    assert (await front.ask("PUT", f"{TARGET}{query}", {**headers, "Origin": EVIL}, WRITTEN)).status == 201
    reply = await front.ask("GET", f"/api/spec.yaml{query}", headers)
    assert (reply.status, sorted(reply.cookies())) == (200, [next(iter(reply.cookies()))])
    assert (await front.socket({**headers, "Origin": EVIL}, f"/api/events/subscribe{query}")).status == 101


async def test_beside_a_token_the_cookie_says_who_it_is(
    front: Front, browser: Browser, jupyter_server: JupyterServer
) -> None:
    name = await name_of(front, browser.cookie)
    assert await name_of(front, {**browser.cookie, "Authorization": f"token {jupyter_server.token}"}) == name


@pytest.mark.parametrize(
    "query", ["?token=wrong", f"?token={TOKEN}", "?token=a&token=b", "?token=%0d%0ax", "?token=%00"]
)
async def test_a_wrong_token_does_not_let_a_cookie_through_unasked(front: Front, browser: Browser, query: str) -> None:
    cookie = {**browser.cookie, "Origin": EVIL}
    assert await name_of(front, cookie, f"/api/me{query}") is None
    assert (await front.ask("GET", f"/api/spec.yaml{query}", cookie)).status in (302, 403)
    assert (await front.ask("GET", f"/api/config/x{query}", cookie)).status == 403
    assert (await front.socket(cookie, f"/api/events/subscribe{query}")).status == 403
    assert (await front.ask("PUT", f"{TARGET}{query}", cookie, WRITTEN)).status == 403


async def test_a_wrong_header_does_not_either(front: Front, browser: Browser) -> None:
    for header in ("token wrong", "Bearer wrong", "Basic x", "x", f"token {TOKEN}"):
        headers = {**browser.cookie, "Origin": EVIL, "Authorization": header}
        assert await name_of(front, headers) is None
        assert (await front.ask("GET", "/api/config/x", headers)).status == 403
        assert (await front.socket(headers, "/api/events/subscribe")).status == 403


async def test_pages_of_other_sites_get_nothing_done_with_its_cookie(front: Front, browser: Browser) -> None:
    for headers in ({"Origin": EVIL}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}):
        sent = {**browser.shown, **headers}
        for method, target, body in (
            ("GET", "/api/me", None),
            ("GET", "/api/contents/files", None),
            ("GET", "/api/config/x", None),
            ("PUT", TARGET, WRITTEN),
            ("PUT", "/api/config/x", b"{}"),
            ("POST", "/login", b"password=x"),
        ):
            assert (await front.ask(method, target, sent, body)).status == 403
    assert (await front.socket(browser.cookie, "/api/events/subscribe")).status == 403
    assert (await front.socket({**browser.cookie, "Origin": EVIL}, "/api/events/subscribe")).status == 403


async def test_a_change_here_must_show_the_servers_xsrf(front: Front, browser: Browser) -> None:
    name, value = browser.login
    for headers in (
        browser.cookie,
        {**browser.cookie, "X-XSRFToken": browser.xsrf + "x"},
        {"Cookie": f"{name}={value}", "X-XSRFToken": browser.xsrf},
        {"Cookie": f"{name}={value}; _xsrf=", "X-XSRFToken": ""},
        {"Cookie": f"{name}={value}; _xsrf=a; _xsrf={browser.xsrf}", "X-XSRFToken": browser.xsrf},
    ):
        assert (await front.ask("PUT", TARGET, headers, WRITTEN)).status == 403


async def test_forged_cookies_are_nobodys(front: Front, browser: Browser) -> None:
    name, value = browser.login
    for forged in (f"{name}={value[:-1]}", f"{name}=x", f"x={value}", f"nbgw-login-x={value}"):
        assert await name_of(front, {"Cookie": forged}) is None
        assert (await front.socket({"Cookie": forged, "Origin": front.origin}, "/api/events/subscribe")).status == 403


async def test_who_may_run_nothing_sees_the_login_and_no_page(tmp_path: Path, jupyter_server: JupyterServer) -> None:
    upstream = (jupyter_server.url, jupyter_server.token)
    async with running_front(tmp_path, login="upstream", upstream=upstream, runners=["somebody"]) as front:
        assert (await front.page("/login")).status == 200
        signed_in = {"Authorization": f"token {jupyter_server.token}"}
        assert (await front.ask("GET", "/api/spec.yaml", signed_in)).status == 404


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"identity": {}}', b'{"identity": {"username": ""}}', b"<p>"])
async def test_a_server_that_names_nobody_lets_nobody_in(answer: bytes) -> None:
    async def said(_: web.Request) -> web.Response:
        return web.Response(body=answer)

    async with asking(said) as users:
        with pytest.raises(Problem) as caught:
            await users.username(Shown("token x", ""))
    assert caught.value.code is Code.UPSTREAM


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_nor_does_one_that_answers_something_else(status: int) -> None:
    async def said(_: web.Request) -> web.Response:
        return web.json_response({"identity": {"username": "ada"}}, status=status)

    async with asking(said) as users:
        with pytest.raises(Problem) as caught:
            await users.username(Shown("token x", ""))
    assert caught.value.code is Code.UPSTREAM


async def test_the_server_is_asked_once_for_many_requests_of_one_browser() -> None:
    asked: list[str] = []

    async def said(request: web.Request) -> web.Response:
        asked.append(request.headers["Cookie"])
        is_known = request.headers["Cookie"] == "a=1"
        return web.json_response({"identity": {"username": "ada"}}, status=200 if is_known else 403)

    async with asking(said) as users:
        shown = [Shown("", "a=1"), Shown("", "a=2")] * 20
        names = await asyncio.gather(*(users.username(each) for each in shown))
    assert names == ["ada", None] * 20
    assert sorted(asked) == ["a=1", "a=2"]


@asynccontextmanager
async def asking(said: Handle) -> AsyncIterator[UpstreamUsers]:
    app = web.Application()
    app.router.add_get("/base/api/me", said)
    async with TestServer(app, host="127.0.0.1") as server, open_session() as session:
        yield UpstreamUsers(UpstreamClient(session, max_body_bytes=1000), str(server.make_url("/base/")))


@pytest.mark.parametrize(
    "mounts",
    [
        [{"name": "files", "kind": "local", "folder": "."}],
        [{"name": "lab", "kind": "jupyter", "url": "http://127.0.0.1:1/user/{user}"}],
    ],
)
def test_without_one_server_for_all_no_servers_login_can_be_in_charge(mounts: list[dict[str, str]]) -> None:
    with pytest.raises(ConfigurationError, match="upstream"):
        load_settings(None, {"mounts": mounts, "jupyter": {"login": "upstream"}})
