"""Which headers cross, and where redirects and cookies lead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.contents.upstream import Upstream
from tests.server.carriage import (
    AUTHORIZED,
    BROWSER,
    UPSTREAM_TOKEN,
    Feigned,
    Gateway,
    feigned_server,
    gateway_before,
    only_carrying,
)

THEIRS = "/user/ada"
OURS = "/notebooks"


@pytest.fixture
async def upstream() -> AsyncIterator[Feigned]:
    async with feigned_server(THEIRS) as feigned:
        yield feigned


@pytest.fixture
async def gateway(upstream: Feigned, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_before(tmp_path, upstream.url, base_path=OURS) as running:
        yield running


async def test_the_server_hears_who_the_gateway_is_and_not_who_asks(gateway: Gateway, upstream: Feigned) -> None:
    hidden = {
        "Cookie": "a=b",
        "Origin": gateway.url,
        "Referer": "http://elsewhere/",
        "Forwarded": "for=1.2.3.4",
        "X-Forwarded-For": "1.2.3.4",
        "X-Real-IP": "1.2.3.4",
        "X-XSRFToken": "x",
        "X-Request-ID": "mine",
        "TE": "trailers",
        "Connection": "X-Hop",
        "X-Hop": "x",
        "Proxy-Authorization": "Basic eA==",
        "Access-Control-Request-Method": "GET",
    }
    passed = {
        "Accept": "application/json",
        "Accept-Language": "de",
        "User-Agent": "a browser",
        "If-None-Match": '"x"',
        "If-Modified-Since": "Tue, 24 Nov 2026 20:22:43 GMT",
        "Range": "bytes=0-1",
        "If-Range": '"x"',
        "Last-Event-ID": "7",
        "Cache-Control": "no-store",
    }
    sent = AUTHORIZED | hidden | passed | {"Accept-Encoding": "gzip, br"}
    await gateway.send("GET", "/lab/api/settings?a=1", sent)
    heard = upstream.headers[0]
    assert dict(heard) == passed | {
        "Authorization": f"token {UPSTREAM_TOKEN}",
        "Host": upstream.url.removeprefix("http://").removesuffix(THEIRS),
        "Accept-Encoding": "gzip",
    }
    assert upstream.targets == [f"{THEIRS}/lab/api/settings?a=1"]
    await gateway.send("GET", "/lab", BROWSER | passed | {"Accept": BROWSER["Accept"]})
    assert not {"If-None-Match", "If-Modified-Since", "Range", "If-Range"} & set(upstream.headers[1])
    assert upstream.headers[1]["Accept-Encoding"] == "identity"


async def test_the_client_hears_what_it_can_use(gateway: Gateway, upstream: Feigned) -> None:
    passed = {
        "Cache-Control": "max-age=9",
        "Content-Disposition": "attachment",
        "Content-Language": "de",
        "ETag": '"x"',
        "Last-Modified": "Tue, 24 Nov 2026 20:22:43 GMT",
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": f"frame-ancestors 'self'; report-uri {THEIRS}/api/security/csp-report",
    }
    hidden = {
        "Set-Cookie": "a=b",
        "Access-Control-Allow-Origin": "*",
        "Link": f"<{upstream.url}/x>",
        "Refresh": "0; url=http://elsewhere/",
        "Content-Location": "/x",
        "X-Powered-By": "me",
        "Server": "TornadoServer/6",
        "Proxy-Authenticate": "x",
        "Expires": f"token {UPSTREAM_TOKEN}",
    }
    upstream.answers(b"12", more=passed | hidden)
    answer = await gateway.send("GET", "/x")
    for name, value in passed.items():
        assert answer.headers[name] == value.replace(THEIRS, OURS)
    assert not (set(hidden) - {"Server"}) & set(answer.headers)
    assert "Tornado" not in answer.headers["Server"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Length"] == "2"
    assert answer.headers["X-Request-ID"]


async def test_pages_of_other_origins_with_a_token_may_read_and_ask_before(gateway: Gateway, upstream: Feigned) -> None:
    origin = {"Origin": "https://other.example"}
    answer = await gateway.send("GET", "/lab/api/settings", AUTHORIZED | origin)
    assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
    preflight = await gateway.send("OPTIONS", "/lab/api/settings", origin | asked)
    assert preflight.status == 200
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    assert len(upstream.targets) == 1


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "MADE-UP"])
async def test_other_methods_stay_here(gateway: Gateway, upstream: Feigned, method: str) -> None:
    answer = await gateway.raw(f"{method} {OURS}/x HTTP/1.1".encode())
    assert answer.split(b" ")[1] in (b"400", b"404", b"405")
    assert UPSTREAM_TOKEN.encode() not in answer
    assert upstream.targets == []


REDIRECTS = [
    ("/user/ada/lab", "/lab"),
    ("/user/ada", "/"),
    ("/user/ada?x=1", "/?x=1"),
    ("/user/ada/lab/tree/a%20b?x=%2F#c", "/lab/tree/a%20b?x=%2F#c"),
    ("tree", "/lab/tree"),
    ("../tree", "/tree"),
    ("?a", "/lab/x?a"),
]


@pytest.mark.parametrize(("given", "told"), REDIRECTS)
async def test_a_redirect_within_the_server_leads_within_the_gateway(
    gateway: Gateway, upstream: Feigned, given: str, told: str
) -> None:
    for form in (given, upstream.url.removesuffix(THEIRS) + given) if given.startswith("/") else (given,):
        upstream.answers(status=302, Location=form)
        answer = await gateway.send("GET", "/lab/x")
        assert (answer.status, answer.headers["Location"]) == (302, OURS + told)


ELSEWHERE = [
    "http://elsewhere.example/user/ada/lab",
    "//elsewhere.example/user/ada/lab",
    "///elsewhere.example/lab",
    "/user/ada//elsewhere.example",
    "/\\elsewhere.example",
    "/user/ada/\\elsewhere.example",
    "\\\\elsewhere.example",
    "/user/adam/lab",
    "/hub/login",
    "../../../../x",
    "/user/ada/../../x",
    "/user/ada/%2e%2e/x",
    "javascript:alert(1)",
    "data:text/html,x",
    "/user/ada/la b",
    "https://127.0.0.1/user/ada/lab",
    "http://127.0.0.1:1/user/ada/lab",
    "http://[::1",
    f"/user/ada/lab?token={UPSTREAM_TOKEN}",
]


@pytest.mark.parametrize("given", ELSEWHERE)
async def test_a_redirect_out_of_the_server_is_none(gateway: Gateway, upstream: Feigned, given: str) -> None:
    upstream.answers(status=302, Location=given)
    answer = await gateway.send("GET", "/lab/x")
    assert answer.status == 503
    assert "Location" not in answer.headers


async def test_where_something_was_made_is_told_only_where_it_is_reached(gateway: Gateway, upstream: Feigned) -> None:
    upstream.answers(b"{}", 201, Location="/user/ada/x/1")
    assert (await gateway.send("POST", "/x")).headers["Location"] == f"{OURS}/x/1"
    upstream.answers(b"{}", 201, Location="http://elsewhere.example/x/1")
    answer = await gateway.send("POST", "/x")
    assert (answer.status, "Location" in answer.headers) == (201, False)


COOKIES = [
    ("a=b; Path=/user/ada/; HttpOnly", "a=b; HttpOnly; Path=/notebooks/"),
    ("a=b; Path=/user/ada/lab; Secure", "a=b; Secure; Path=/notebooks/lab"),
    (
        'a=""; expires=Mon, 24 Nov 2025 19:57:39 GMT; Path=/',
        'a=""; expires=Mon, 24 Nov 2025 19:57:39 GMT; Path=/notebooks/',
    ),
    ("a=b; Domain=elsewhere.example; SameSite=Lax", "a=b; SameSite=Lax; Path=/notebooks/"),
    ("a=b; path=/hub/", "a=b; Path=/notebooks/"),
]


@pytest.mark.parametrize(("given", "told"), COOKIES)
async def test_a_server_whose_login_is_in_charge_keeps_its_cookies_with_the_gateway(
    upstream: Feigned, given: str, told: str
) -> None:
    upstream.answers(b"{}", more={"Set-Cookie": given})
    async with only_carrying(Upstream(upstream.url), signs_in=True, base_path=OURS) as gateway:
        assert (await gateway.send("GET", "/x")).headers.getall("Set-Cookie") == [told]
    async with only_carrying(Upstream(upstream.url), base_path=OURS) as gateway:
        assert "Set-Cookie" not in (await gateway.send("GET", "/x")).headers


async def test_a_server_whose_login_is_in_charge_tells_its_callers_who_they_are_not(upstream: Feigned) -> None:
    async with only_carrying(Upstream(upstream.url), signs_in=True, base_path=OURS) as gateway:
        for status in (401, 403):
            upstream.answers(b'{"message": "Forbidden"}', status, Content_Type="application/json")
            answer = await gateway.send("GET", "/x")
            assert (answer.status, answer.body) == (status, b'{"message": "Forbidden"}')
        upstream.answers(status=302, Location=f"{THEIRS}/login?next=%2Flab")
        assert (await gateway.send("GET", "/lab")).headers["Location"] == f"{OURS}/login?next=%2Flab"
