"""The sign-in page, signing out, and where either may send a browser; no secret of it is told or logged."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.server.signing_in.cookies import LIFETIME_SECONDS
from gateway.server.signing_in.sign_in import MAX_FORM_BYTES
from gateway.server.signing_in.targets import MAX_TARGET_LENGTH, own_target
from tests.fakes.issuer import running_issuer
from tests.gateways import running_gateway
from tests.server.browsing import OTHER_TOKEN, PAGE, TOKEN, Browser, Front, granted, logged, running_front

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example/lab",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/lab\\..\\evil",
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/%2f%2fevil.example",
    "/lab/%2e%2e//evil.example",
    "/..//evil.example",
    "/./lab",
    "/%2e/lab",
    "/lab/../../evil",
    "/lab//evil",
    "https:evil.example",
    "https://evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "HtTp://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "lab",
    "@evil.example",
    ".evil.example",
    "",
    "?",
    "?next=/lab",
    "#/lab",
    " /lab",
    "/ /evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "/lab\r\nLocation: https://evil.example",
    "/lab\r\nSet-Cookie: a=b",
    "/lab%0d%0aSet-Cookie:%20a=b",
    "/lab%00",
    "/lab%7f",
    "/lab\x00",
    "/lab\x7f",
    "/lab\u2028x",
    "/\uff0fevil.example",
    "/\u3002evil",
    "/lab%zz",
    "/lab%f",
    "/lab%ff",
    "/lab#//evil",
    '/lab"><script>',
    "/lab<x>",
    "/login",
    "/logout",
    "/login?next=/lab",
    "/logout?x",
    "/%6cogin",
    "/lab?" + "x" * MAX_TARGET_LENGTH,
]

OWN = [
    "/",
    "/lab",
    "/lab/",
    "/lab/tree/a%20b/c.ipynb?reset&x=%2F//y?z",
    "/tree/%E2%82%AC.ipynb",
    "/lab/tree/a+b;c=d,e@f:g!$&'(*)~.ipynb",
    "/login.ipynb",
    "/files/login",
    "/lab/workspaces/auto-x?a[0]=1|2^3",
]


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with running_front(tmp_path) as running:
        yield running


async def name_of(front: Front, browser: Browser) -> str:
    reply = await front.ask("GET", "/api/me", browser.cookie)
    return str(json.loads(reply.body)["identity"]["username"])


async def test_who_is_nobody_is_led_to_the_form_and_through_it_to_the_page(front: Front) -> None:
    led = await front.page("/lab/tree/a%20b.ipynb?x=1&y=%2F")
    assert (led.status, led.location) == (302, "/login?next=%2Flab%2Ftree%2Fa%2520b.ipynb%3Fx%3D1%26y%3D%252F")
    form = await front.page(str(led.location))
    assert (form.status, form.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    (target,) = re.findall(r'name="next" value="([^"]*)"', form.body.decode())
    reply = await front.submit(f"token={TOKEN}&next={quote(unescape(target), safe='')}")
    assert (reply.status, reply.location) == (302, "/lab/tree/a%20b.ipynb?x=1&y=%2F")
    assert f"Max-Age={LIFETIME_SECONDS}" in reply.attributes(Browser(reply.cookies()).login[0])
    assert await name_of(front, Browser(reply.cookies())) == "ada"


async def test_a_wrong_token_in_the_address_leads_to_the_form_without_it(front: Front) -> None:
    for query in ("token=wrong&x=1", "x=1&token=wrong", "%74oken=wrong&x=1&to%6ben=other"):
        led = await front.page(f"/lab?{query}")
        assert (led.status, led.location, led.cookies()) == (302, "/login?next=%2Flab%3Fx%3D1", {})


@pytest.mark.parametrize("target", ["/api", "/api/", "/api/me", "/api/contents/files"])
async def test_the_api_answers_a_browser_as_any_client(front: Front, target: str) -> None:
    reply = await front.page(target)
    assert reply.status == (200 if target in ("/api", "/api/") else 403)
    assert reply.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/png"])
async def test_who_wants_no_page_is_refused_plainly(front: Front, accept: str) -> None:
    reply = await front.ask("GET", "/lab", {"Accept": accept})
    assert (reply.status, json.loads(reply.body)) == (403, {"message": "Forbidden", "reason": None})


async def test_what_a_page_fetches_is_refused_plainly(front: Front) -> None:
    reply = await front.page("/lab", **{"Sec-Fetch-Mode": "cors"})
    assert (reply.status, reply.location) == (403, None)


async def test_a_bad_header_is_refused_plainly(front: Front) -> None:
    assert (await front.page("/lab", Authorization="token wrong")).status == 403


async def test_the_form_is_whole_in_itself(front: Front) -> None:
    form = await front.page("/login")
    text = form.body.decode()
    policy = form.headers["Content-Security-Policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; img-src data:; form-action 'self'; base-uri 'none'; "
        r"frame-ancestors 'none'",
        policy,
    )
    assert (form.headers["X-Content-Type-Options"], form.headers["Cache-Control"]) == ("nosniff", "no-store")
    assert form.headers["Referrer-Policy"] == "same-origin"
    assert not re.search(r"<script|https?://|\bon\w+=|\bstyle=|url\(", text)
    assert '<label for="token">' in text
    assert '<html lang="en">' in text


async def test_who_is_signed_in_needs_no_form(front: Front) -> None:
    browser = await front.sign_in()
    assert (await front.page("/login?next=%2Ftree", **browser.cookie)).location == "/tree"
    assert (await front.page("/login", **browser.cookie)).location == "/lab"


@pytest.mark.parametrize("fields", ["token=wrong", "token=", "", "token=%20", "next=/lab", f"token={TOKEN[:-1]}"])
async def test_a_wrong_token_shows_the_form_again(front: Front, fields: str) -> None:
    reply = await front.submit(fields)
    assert (reply.status, reply.cookies(), reply.location) == (403, {}, None)
    assert b'role="alert"' in reply.body
    assert b"wrong" not in reply.body


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (f"token={TOKEN}&token={TOKEN}", 400),
        (f"token={TOKEN}&next=/lab&next=/tree", 400),
        ("token=%ff", 400),
        ("&".join(f"f{number}=x" for number in range(50)), 400),
        ("token=" + "x" * MAX_FORM_BYTES, 413),
    ],
)
async def test_an_odd_form_is_refused(front: Front, fields: str, status: int) -> None:
    reply = await front.submit(fields)
    assert (reply.status, reply.cookies()) == (status, {})


async def test_another_content_type_is_refused(front: Front) -> None:
    sent = {"Origin": front.origin, "Content-Type": "text/plain"}
    reply = await front.ask("POST", "/login", sent, f"token={TOKEN}".encode())
    assert (reply.status, reply.cookies()) == (415, {})


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_browser_is_sent_elsewhere(target: str) -> None:
    assert own_target(target) is None
    assert own_target(f"/base{target}", "/base") is None


@pytest.mark.parametrize("target", OWN)
def test_a_browser_may_be_sent_to_any_page(target: str) -> None:
    assert own_target(target) == target
    assert own_target(f"/deep/er{target}", "/deep/er") == target
    assert own_target(f"/deep/erring{target}", "/deep/er") is None


async def test_the_form_leads_to_pages_of_the_gateway_only(front: Front) -> None:
    for target in ELSEWHERE:
        reply = await front.submit(f"token={TOKEN}&next={quote(target, safe='', errors='surrogatepass')}")
        if reply.status == 400:
            assert reply.location is None
            continue
        assert (reply.status, reply.location) == (302, "/lab"), target
        assert set(reply.cookies()) == {"_xsrf", Browser(reply.cookies()).login[0]}, target


async def test_nor_does_the_way_of_who_is_signed_in_lead_elsewhere(front: Front) -> None:
    browser = await front.sign_in()
    for target in ELSEWHERE:
        reply = await front.page(f"/login?next={quote(target, safe='')}", **browser.cookie)
        assert (reply.status, reply.location, reply.cookies()) == (302, "/lab", {}), target


async def test_what_the_form_repeats_is_a_page_of_the_gateway(front: Front) -> None:
    for target in ELSEWHERE:
        form = await front.page(f"/login?next={quote(target, safe='')}")
        assert b'name="next" value=""' in form.body, target


@pytest.mark.parametrize(
    "path", ["//evil.example", "//evil.example/lab", "/%2fevil.example", "/lab/..//evil", "/\\evil"]
)
async def test_a_token_in_the_address_of_nowhere_sends_nobody_there(front: Front, path: str) -> None:
    reply = await front.page(f"{path}?token={TOKEN}")
    assert (reply.status, reply.location, reply.cookies()) == (400, None, {})
    assert (await front.page(path)).location == "/login"


async def test_below_a_base_path_everybody_is_sent_below_it(tmp_path: Path) -> None:
    async with running_front(tmp_path, base_path="/deep/er") as front:
        led = await front.page("/lab?x")
        assert led.location == "/deep/er/login?next=%2Fdeep%2Fer%2Flab%3Fx"
        form = await front.page("/login?next=%2Fdeep%2Fer%2Flab%3Fx")
        assert b'action="/deep/er/login"' in form.body
        assert b'value="/deep/er/lab?x"' in form.body
        reply = await front.submit(f"token={TOKEN}&next=/deep/er/lab%3Fx")
        assert reply.location == "/deep/er/lab?x"
        for target in ("/lab", "/deep/erring", "//evil", "/deep/er//evil", ""):
            assert (await front.submit(f"token={TOKEN}&next={target}")).location == "/deep/er/lab"


async def test_no_way_to_a_page_signs_anybody_else_in(front: Front) -> None:
    for target in (f"/lab?x&token={OTHER_TOKEN}", f"/lab?%74oken={OTHER_TOKEN}&x", f"/lab?token={OTHER_TOKEN};x"):
        given = quote(target, safe="")
        assert OTHER_TOKEN.encode() not in (await front.page(f"/login?next={given}")).body
        assert (await front.submit(f"token={TOKEN}&next={given}")).location in ("/lab?x", "/lab")


async def test_signing_out_ends_the_sign_in_wherever_the_cookie_was_copied_to(front: Front, tmp_path: Path) -> None:
    browser, other = await front.sign_in(), await front.sign_in()
    assert await name_of(front, browser) == "ada"
    reply = await front.page("/logout", **browser.cookie)
    assert (reply.status, reply.cookies()) == (200, {browser.login[0]: "", "_xsrf": ""})
    assert "Max-Age=0" in reply.attributes(browser.login[0]) & reply.attributes("_xsrf")
    assert b'role="status"' in reply.body
    assert (await front.ask("GET", "/api/me", browser.cookie)).status == 403
    assert (await front.page("/lab", **browser.cookie)).location == "/login?next=%2Flab"
    assert await name_of(front, other) == "ada"
    async with running_front(tmp_path) as replica:
        headers = {**browser.cookie, "Host": front.host}
        assert (await replica.ask("GET", "/api/me", headers)).status == 403


async def test_signing_out_takes_any_cookie_back(front: Front) -> None:
    name, _ = (await front.sign_in()).login
    for cookie in ("", f"{name}=bad", f"{name}=a; {name}=b"):
        reply = await front.ask("POST", "/logout", {"Cookie": cookie, "Origin": front.origin, "Accept": PAGE})
        assert (reply.status, reply.cookies()) == (200, {name: "", "_xsrf": ""})


async def test_where_keycloak_is_the_form_takes_its_tokens_too(tmp_path: Path) -> None:
    async with running_issuer() as issuer:
        keycloak = {"issuer": issuer.url, "jwks_url": issuer.certs_url}
        identity = {"tokens": [granted("al", OTHER_TOKEN), granted("dots", "a.b.c")], "keycloak": keycloak}
        async with running_front(tmp_path, identity=identity) as front:
            for token, name in ((issuer.token(), "ada"), (OTHER_TOKEN, "al"), ("a.b.c", "dots")):
                assert await name_of(front, Browser((await front.submit(f"token={token}")).cookies())) == name
            for refused in (issuer.token(typ="ID"), issuer.token(iss="https://other"), "a.b.d", "a.b"):
                reply = await front.submit(f"token={refused}")
                assert (reply.status, reply.cookies()) == (403, {})
            nameless = await front.submit(f"token={issuer.token(preferred_username=None)}")
            assert (nameless.status, b"profile" in nameless.body) == (403, True)


async def test_without_keycloak_no_bearer_token_is_taken(front: Front) -> None:
    async with running_issuer() as issuer:
        assert (await front.submit(f"token={issuer.token()}")).status == 403
        assert issuer.fetches == 0


async def test_without_pages_there_is_no_form(tmp_path: Path) -> None:
    mount = {"name": "files", "kind": "local", "folder": str(tmp_path)}
    async with running_gateway(tmp_path, [mount]) as clients:
        for method, path in (("GET", "/login"), ("POST", "/login"), ("GET", "/logout"), ("GET", "/lab")):
            answer = await clients.send(method, path, {"Accept": PAGE})
            assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json")


async def test_no_secret_of_a_sign_in_is_logged_or_told(tmp_path: Path) -> None:
    with logged() as log:
        async with running_front(tmp_path) as front:
            browser = await front.sign_in()
            replies = [
                await front.page(f"/lab?token={TOKEN}&x"),
                await front.page(f"/lab?%74oken={TOKEN}"),
                await front.page(f"//evil?token={TOKEN}"),
                await front.page(f"/login?next={quote(f'/lab?token={TOKEN}', safe='')}"),
                await front.page(f"/login?next={quote(quote(f'/lab?x&token={TOKEN}', safe=''), safe='')}"),
                await front.page(f"/login?token={TOKEN}&_xsrf={browser.xsrf}"),
                await front.submit(f"token={TOKEN}x&next=/lab%3Ftoken={TOKEN}"),
                await front.submit(f"token={TOKEN}&token={TOKEN}"),
                await front.submit(f"token={TOKEN}", {}),
                await front.submit(f"token={TOKEN}", {"Origin": "https://evil.example"}),
                await front.ask("POST", "/api/contents", {**browser.cookie, "X-XSRFToken": browser.xsrf + "x"}),
                await front.ask("DELETE", f"/api/contents/files/x?_xsrf={browser.xsrf}", browser.cookie),
                await front.ask("GET", "/api/me", {**browser.shown, "Origin": "https://evil.example"}),
                await front.page("/lab", Cookie=browser.cookie["Cookie"] + "x"),
                await front.page("/logout", **browser.shown),
                await front.page("/lab", **browser.cookie),
            ]
    secrets = {TOKEN, browser.xsrf, browser.login[1], browser.login[1].rpartition(".")[2]}
    lines = log.getvalue()
    assert lines.count('"event": "request"') == len(replies) + 1
    assert [secret for secret in secrets if secret in lines] == []
    told = "".join(f"{reply.location}{reply.body!r}" for reply in replies)
    assert [secret for secret in secrets if secret in told] == []
