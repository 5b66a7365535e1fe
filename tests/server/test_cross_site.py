"""What another site's page makes a browser send is refused, whatever cookies the browser adds (spec jupyter A1)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.settings import ConfigurationError, load_settings
from tests.server.browsing import OTHER_TOKEN, PAGE, TOKEN, Browser, Front, Headers, running_front

WRITTEN = json.dumps({"type": "file", "format": "text", "content": "x"}).encode()
TARGET = "/api/contents/files/x.txt"
CHANGES = [
    ("PUT", TARGET, WRITTEN),
    ("POST", "/api/contents/files", b"{}"),
    ("PATCH", TARGET, b'{"path": "files/y.txt"}'),
    ("DELETE", TARGET, None),
    ("PUT", "/files/files/x.txt", b"x"),
    ("DELETE", "/files/files/x.txt", None),
    ("POST", "/lab/api/workspaces/x", b"{}"),
    ("PUT", "/lab/api/settings/x", b"{}"),
    ("POST", "/api/kernels", b"{}"),
    ("POST", "/api/shutdown", b""),
    ("PROPFIND", "/lab", None),
]
READS = [
    ("GET", "/api/contents/files"),
    ("GET", "/api/me"),
    ("GET", "/files/files/x.txt"),
    ("HEAD", "/files/files/x.txt"),
    ("GET", "/lab"),
]


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with running_front(tmp_path) as running:
        (tmp_path / "files" / "x.txt").write_text("as it was")
        yield running


@pytest.fixture
async def browser(front: Front) -> Browser:
    return await front.sign_in()


def foreign_origins(front: Front) -> list[str]:
    port = front.origin.rpartition(":")[2]
    return [
        "null",
        "",
        "https://evil.example",
        f"{front.origin}.evil.example",
        f"http://127.0.0.1:{port}@evil.example",
        f"http://evil.example@127.0.0.1:{port}",
        f"http://user:x@127.0.0.1:{port}",
        f"http://127.0.0.1.:{port}",
        f"http://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}/lab",
        f"http://127.0.0.1:{port}?",
        f"http://127.0.0.1:{port}#",
        f"http://127.0.0.1:{port}\\",
        f"http://127.0.0.1:0{port}",
        f"http://127.0.0.1:{port}0",
        f"http://127.0.0.1:{int(port) - 1}",
        "http://127.0.0.1",
        "http://127.0.0.1:80",
        f"https://127.0.0.1:{port}",
        f"ws://127.0.0.1:{port}",
        f"HTTP://127.0.0.1:{port}",
        f"http://LOCALHOST:{port}",
        f"http://localhost:{port}",
        f"http://127.0.0.2:{port}",
        f"http://127.1:{port}",
        f"http://2130706433:{port}",
        f"http://[::1]:{port}",
        f"http://127.0.0.1:{port} https://evil.example",
        f"127.0.0.1:{port}",
        f"//127.0.0.1:{port}",
        "*",
        "file://",
    ]


async def test_pages_of_the_gateway_may_do_what_their_user_may(front: Front, browser: Browser) -> None:
    own = {**browser.shown, "Origin": front.origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert (await front.ask("PUT", TARGET, own, WRITTEN)).status == 200
    assert (await front.ask("GET", "/files/files/x.txt", own)).body == b"x"
    assert (await front.ask("GET", f"/files/files/x.txt?_xsrf={browser.xsrf}&download=1", browser.cookie)).status == 200
    assert (await front.ask("DELETE", f"{TARGET}?_xsrf={browser.xsrf}", {**browser.cookie})).status == 204
    assert (await front.ask("POST", "/lab/api/workspaces/x", own, b"{}")).status == 200
    assert (await front.socket({**browser.cookie, "Origin": front.origin})).status == 101


@pytest.mark.parametrize(("method", "target", "body"), CHANGES)
async def test_a_change_must_show_the_xsrf_of_its_login(
    front: Front, tmp_path: Path, browser: Browser, method: str, target: str, body: bytes | None
) -> None:
    another = await front.sign_in(OTHER_TOKEN)
    own = {**browser.cookie, "Origin": front.origin}
    tossed = {"Cookie": f"{'='.join(browser.login)}; _xsrf={another.xsrf}", "X-XSRFToken": another.xsrf}
    shown = [
        {},
        {"X-XSRFToken": ""},
        {"X-XSRFToken": browser.xsrf[:-1]},
        {"X-XSRFToken": browser.xsrf.upper()},
        {"X-XSRFToken": another.xsrf},
        {"X-XSRFToken": "é"},
        {"Referer": f"{front.origin}/lab"},
        tossed,
    ]
    for headers in shown:
        reply = await front.ask(method, target, {**own, **headers}, body)
        message = json.loads(reply.body)["message"]
        assert reply.status == 403
        assert message in (f"'_xsrf' argument missing from {method}", f"XSRF cookie does not match {method} argument")
    twice = [*own.items(), ("X-XSRFToken", browser.xsrf), ("X-XSRFToken", "x")]
    assert (await front.ask(method, target, twice, body)).status == 403
    assert (await front.ask(method, f"{target}?_xsrf={another.xsrf}", own, body)).status == 403
    assert (tmp_path / "files" / "x.txt").read_text() == "as it was"
    assert front.seen == []


async def test_a_foreign_origin_gets_nothing_done_or_told(front: Front, tmp_path: Path, browser: Browser) -> None:
    for origin in foreign_origins(front):
        headers = {**browser.shown, "Origin": origin}
        for method, target, body in CHANGES[:5]:
            reply = await front.ask(method, target, headers, body)
            assert (reply.status, reply.headers.get("Access-Control-Allow-Origin")) == (403, None), origin
        for method, target in READS:
            reply = await front.ask(method, target, headers)
            assert (reply.status, reply.headers.get("Access-Control-Allow-Origin")) == (403, None), origin
            assert b"as it was" not in reply.body
    assert (tmp_path / "files" / "x.txt").read_text() == "as it was"
    assert front.seen == []


async def test_a_socket_needs_exactly_the_gateways_origin(front: Front, browser: Browser) -> None:
    for origin in foreign_origins(front):
        assert (await front.socket({**browser.cookie, "Origin": origin})).status == 403, origin
    twice = [*browser.cookie.items(), ("Origin", front.origin), ("Origin", "https://evil.example")]
    headers: list[Headers] = [browser.cookie, browser.shown, twice, {**browser.cookie, "Referer": f"{front.origin}/"}]
    for each in headers:
        assert (await front.socket(each)).status == 403
        assert (await front.socket(each, "/api/events/subscribe")).status == 403
    assert (await front.socket({"Origin": front.origin})).status == 403
    assert front.seen == []


@pytest.mark.parametrize("upgrade", ["WebSocket", "h2c, websocket", "websocket,x", " websocket "])
async def test_no_spelling_of_a_handshake_leads_past_that(front: Front, browser: Browser, upgrade: str) -> None:
    headers = {**browser.cookie, "Upgrade": upgrade, "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}
    assert (await front.ask("GET", "/socket", headers)).status in (400, 403)
    assert front.seen == []


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin", "other"])
async def test_what_other_sites_pages_fetch_is_refused_also_without_an_origin(
    front: Front, browser: Browser, site: str
) -> None:
    for mode in ("no-cors", "cors", "websocket", "nested-navigate", ""):
        headers = {**browser.shown, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Referer": f"{front.origin}/"}
        for method, target in READS:
            assert (await front.ask(method, target, headers)).status == 403
    post = {**browser.shown, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert (await front.ask("POST", "/api/contents/files", post, b"{}")).status == 403
    assert front.seen == []


async def test_a_link_from_another_site_may_be_followed(front: Front, browser: Browser) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert (await front.page("/lab", **browser.cookie, **link)).status == 200
    assert (await front.page("/lab", **link)).location == "/login?next=%2Flab"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin"])
async def test_a_link_signs_nobody_in_as_someone_else(front: Front, browser: Browser, site: str) -> None:
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    reply = await front.page(f"/lab?token={OTHER_TOKEN}", **browser.cookie, **link)
    assert (reply.status, reply.location, reply.cookies()) == (403, None, {})
    assert OTHER_TOKEN.encode() not in reply.body
    assert (await front.page(f"/lab?token={TOKEN}", **browser.cookie, **link)).status == 302
    own = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
    assert (await front.page(f"/lab?token={OTHER_TOKEN}", **browser.cookie, **own)).status == 302


async def test_no_other_site_fills_in_the_form(front: Front) -> None:
    own = {"Origin": front.origin}
    for headers in (own, {**own, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "same-origin"}):
        assert (await front.submit(f"token={TOKEN}", headers)).status == 302
    refused: list[Headers] = [{"Origin": origin} for origin in foreign_origins(front)]
    refused += [{**own, "Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "")]
    refused += [{}, {"Referer": f"{front.origin}/login"}, [("Origin", front.origin), ("Origin", front.origin)]]
    for each in refused:
        reply = await front.submit(f"token={TOKEN}", each)
        assert (reply.status, reply.cookies()) == (403, {}), each


async def test_no_other_site_signs_anybody_out(front: Front, browser: Browser) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}):
        for method in ("GET", "POST"):
            sent = {"Accept": PAGE, "Sec-Fetch-Mode": "navigate", **browser.cookie, **headers}
            assert (await front.ask(method, "/logout", sent)).cookies() == {}
    assert (await front.ask("GET", "/api/me", browser.cookie)).status == 200


async def test_who_shows_a_token_may_ask_from_anywhere(front: Front) -> None:
    headers = {"Authorization": f"token {TOKEN}", "Origin": "https://page.example", "Sec-Fetch-Site": "cross-site"}
    reply = await front.ask("PUT", TARGET, headers, WRITTEN)
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, "https://page.example")
    assert "Access-Control-Allow-Credentials" not in reply.headers
    assert (await front.socket({"Origin": "https://page.example"}, f"/socket?token={TOKEN}")).status == 101


@pytest.mark.parametrize("headers", [{"Authorization": "Negotiate x"}, {"Authorization": "token"}, {}])
async def test_nothing_that_is_no_token_opens_answers_to_other_origins(
    front: Front, browser: Browser, headers: dict[str, str]
) -> None:
    sent = {**browser.shown, **headers, "Origin": "https://evil.example"}
    reply = await front.ask("GET", "/api/me?token=", sent)
    assert (reply.status, reply.headers.get("Access-Control-Allow-Origin")) == (403, None)


async def test_tls_before_the_gateway_makes_another_origin(front: Front) -> None:
    secure = {"X-Forwarded-Proto": "https", "Host": "nb.example.com"}
    browser = await front.sign_in(**secure)
    for origin, status in (
        ("https://nb.example.com", 200),
        ("http://nb.example.com", 403),
        ("https://nb.example.com:443", 403),
        ("https://NB.example.com", 403),
    ):
        reply = await front.ask("PUT", TARGET, {**browser.shown, **secure, "Origin": origin}, WRITTEN)
        assert reply.status == status, origin


async def test_a_usual_port_in_host_is_none_in_the_origin(front: Front) -> None:
    for host, proto, origin in (
        ("a.example:80", "http", "http://a.example"),
        ("A.example:443", "https", "https://a.example"),
    ):
        proxied = {"Host": host, "X-Forwarded-Proto": proto}
        browser = await front.sign_in(**proxied)
        assert (await front.ask("GET", "/api/me", {**browser.shown, **proxied, "Origin": origin})).status == 200
        assert (await front.ask("GET", "/api/me", {**browser.shown, **proxied, "Origin": f"{origin}:8"})).status == 403


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "https://*.example.com",
        "https://nb.example.com/",
        "https://nb.example.com/lab",
        "https://NB.example.com",
        "https://nb.example.com:443",
        "http://nb.example.com:80",
        "https://user@nb.example.com",
        "https://nb.example.com:",
        "https://nb.example.com:08",
        "https://nb..example.com",
        "nb.example.com",
        "wss://nb.example.com",
        " https://nb.example.com",
        "https://nb.example.com\n",
    ],
)
def test_a_pattern_or_half_an_origin_stops_the_start(origin: str) -> None:
    with pytest.raises(ConfigurationError, match="an origin as browsers send it"):
        load_settings(None, {"server": {"origins": [origin]}})


async def test_further_origins_are_exact_ones(tmp_path: Path) -> None:
    async with running_front(tmp_path, origins=["https://nb.example.com", "http://nb.example.com:8080"]) as front:
        browser = await front.sign_in()
        statuses = {}
        for origin in (
            "https://nb.example.com",
            "http://nb.example.com:8080",
            front.origin,
            "http://nb.example.com",
            "https://nb.example.com.evil.example",
            "https://xnb.example.com",
            "https://nbxexample.com",
            "https://a.nb.example.com",
        ):
            reply = await front.ask("PUT", TARGET, {**browser.shown, "Origin": origin}, WRITTEN)
            statuses[origin] = reply.status < 300
        assert list(statuses.values()) == [True, True, True, False, False, False, False, False]
