"""Login cookies: who gets them, what they say, and that no other is accepted (spec jupyter A1)."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway.server.signing_in.cookies import LIFETIME_SECONDS, MAX_VALUE_LENGTH, LoginCookies
from gateway.state.sign_ins import StateSignIns
from gateway.state.store import StateStore
from tests.fakes.issuer import Issuer, running_issuer
from tests.server.browsing import (
    OTHER_TOKEN,
    SERVERS_COOKIE,
    SERVERS_TOKEN,
    TOKEN,
    Browser,
    Front,
    granted,
    running_front,
)

FORBIDDEN = {"message": "Forbidden", "reason": None}


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with running_front(tmp_path) as running:
        yield running


async def who(front: Front, headers: dict[str, str]) -> str | None:
    """The name that the gateway has for who sends this; None where it refuses."""
    reply = await front.ask("GET", "/api/me", headers)
    if reply.status == 403:
        assert json.loads(reply.body) == FORBIDDEN
        return None
    return str(json.loads(reply.body)["identity"]["username"])


async def secret(folder: Path) -> bytes:
    store = await StateStore.open(f"sqlite+aiosqlite:///{folder / 'state.db'}")
    try:
        return await StateSignIns(store).secret()
    finally:
        await store.aclose()


async def test_a_page_with_a_token_signs_in_and_loses_the_token(front: Front) -> None:
    reply = await front.page(f"/lab/tree/a%20b.ipynb?x=1&token={TOKEN}&y=%2F")
    assert (reply.status, reply.location) == (302, "/lab/tree/a%20b.ipynb?x=1&y=%2F")
    assert reply.headers["Cache-Control"] == "no-store"
    name = f"nbgw-login-{front.host.replace('.', '-').replace(':', '-')}"
    assert sorted(reply.cookies()) == ["_xsrf", name]
    assert reply.attributes(name) == {"HttpOnly", "Path=/", "SameSite=Lax", f"Max-Age={LIFETIME_SECONDS}"}
    assert reply.attributes("_xsrf") == {"Path=/", "SameSite=Lax", f"Max-Age={LIFETIME_SECONDS}"}
    assert front.seen == []


async def test_the_cookie_is_its_user_with_the_roles_of_today(tmp_path: Path) -> None:
    chiefs = {"tokens": [granted("ada", TOKEN, "chief")]}
    statuses = []
    browser = None
    for identity in (chiefs, None, chiefs):
        async with running_front(tmp_path, identity=identity, readers=["role:chief"]) as front:
            browser = browser or await front.sign_in(Host="balanced")
            headers = {**browser.cookie, "Host": "balanced"}
            assert await who(front, headers) == "ada"
            statuses.append((await front.ask("GET", "/api/contents/files", headers)).status)
    assert statuses == [200, 403, 200]


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
async def test_only_who_goes_to_a_page_gets_cookies(front: Front, accept: str) -> None:
    reply = await front.ask("GET", f"/lab?token={TOKEN}", {"Accept": accept})
    assert (reply.status, reply.cookies()) == (200, {})


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/api/me"), ("GET", "/api/contents/files"), ("POST", "/lab"), ("HEAD", "/lab")]
)
async def test_neither_the_api_nor_a_change_signs_in(front: Front, method: str, target: str) -> None:
    reply = await front.ask(method, f"{target}?token={TOKEN}", {"Accept": "text/html"})
    assert (reply.status, reply.cookies()) == (200, {})


async def test_behind_tls_no_other_host_can_put_a_cookie_of_that_name(front: Front) -> None:
    reply = await front.page(f"/lab?token={TOKEN}", **{"X-Forwarded-Proto": "https, http"})
    name = next(name for name in reply.cookies() if name != "_xsrf")
    assert name.startswith("__Host-nbgw-login-")
    assert {"Secure", "Path=/"} <= reply.attributes(name)
    assert "Secure" in reply.attributes("_xsrf")
    browser = Browser(reply.cookies())
    assert await who(front, {**browser.cookie, "X-Forwarded-Proto": "https"}) == "ada"
    assert await who(front, browser.cookie) is None
    tossed = {"Cookie": browser.cookie["Cookie"].replace("__Host-", ""), "X-Forwarded-Proto": "https"}
    assert await who(front, tossed) is None


async def test_below_a_base_path_cookies_are_of_that_path(tmp_path: Path) -> None:
    async with running_front(tmp_path, base_path="/deep/er") as front:
        reply = await front.page(f"/lab?token={TOKEN}", **{"X-Forwarded-Proto": "https"})
        assert reply.location == "/deep/er/lab"
        name = next(name for name in reply.cookies() if name != "_xsrf")
        assert name.startswith("nbgw-login-127-0-0-1-")
        assert name.endswith("-deep-er")
        assert {"Secure", "Path=/deep/er"} <= reply.attributes(name) & reply.attributes("_xsrf")
        assert (await front.page(f"?token={TOKEN}")).location == "/deep/er/"


async def test_gateways_on_one_host_do_not_take_each_others_cookies_away(front: Front) -> None:
    names = {(await front.sign_in(Host=host)).login[0] for host in (front.host, "127.0.0.1:1", "localhost", "[::1]:8")}
    assert len(names) == 4


async def test_replicas_accept_each_others_cookies(tmp_path: Path) -> None:
    async with running_front(tmp_path) as one, running_front(tmp_path) as other:
        browser = await one.sign_in(Host="balanced")
        assert await who(other, {**browser.cookie, "Host": "balanced"}) == "ada"


async def test_a_gateway_with_another_secret_does_not(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with running_front(tmp_path) as one, running_front(tmp_path / "other") as other:
        browser = await one.sign_in(Host="balanced")
        assert await who(other, {**browser.cookie, "Host": "balanced"}) is None


@pytest.mark.parametrize(
    "tokens", [[granted("al", OTHER_TOKEN)], [granted("ada", "a-new-token")], [granted("al", TOKEN)]]
)
async def test_a_token_that_is_taken_back_takes_its_cookies_with_it(
    tmp_path: Path, tokens: list[dict[str, Any]]
) -> None:
    async with running_front(tmp_path) as front:
        browser = await front.sign_in(Host="balanced")
    async with running_front(tmp_path, identity={"tokens": tokens}) as front:
        assert await who(front, {**browser.cookie, "Host": "balanced"}) is None


async def test_a_token_decides_and_no_cookie_is_looked_at(front: Front) -> None:
    browser = await front.sign_in()
    bad = {"Cookie": f"{browser.login[0]}=bad"}
    assert await who(front, {**browser.cookie, "Authorization": f"token {OTHER_TOKEN}"}) == "al"
    assert await who(front, {**bad, "Authorization": f"token {OTHER_TOKEN}"}) == "al"
    assert await who(front, {**browser.cookie, "Authorization": "token wrong"}) is None
    assert await who(front, {**browser.cookie, "Authorization": "Bearer a.b.c"}) is None
    reply = await front.ask("GET", "/api/me?token=wrong", browser.cookie)
    assert reply.status == 403


async def test_the_server_behind_sees_no_cookie_and_gives_none(front: Front) -> None:
    browser = await front.sign_in()
    reply = await front.page("/lab", **browser.cookie)
    assert (reply.status, reply.cookies()) == (200, {})
    assert (await front.socket({**browser.cookie, "Origin": front.origin})).status == 101
    assert [(method, target) for method, target, _ in front.seen] == [("GET", "/lab"), ("GET", "/socket")]
    for _, _, headers in front.seen:
        assert (headers.get("Cookie"), headers["Authorization"]) == (None, f"token {SERVERS_TOKEN}")
    assert SERVERS_COOKIE not in str(reply.headers)


def unsigned(claims: dict[str, Any], _: bytes) -> str:
    return jwt.encode(claims, "", algorithm="none")


def with_another_key(claims: dict[str, Any], _: bytes) -> str:
    return jwt.encode(claims, b"k" * 32, "HS256")


def with_the_secret_itself(claims: dict[str, Any], key: bytes) -> str:
    return jwt.encode(claims, key, "HS256")


def with_other_claims_under_its_signature(claims: dict[str, Any], _: bytes) -> str:
    header, _, signature = claims["good"].split(".")
    body = {**jwt.decode(claims["good"], options={"verify_signature": False}), "sub": "al"}
    return f"{header}.{urlsafe_b64encode(json.dumps(body).encode()).rstrip(b'=').decode()}.{signature}"


def without_a_signature(claims: dict[str, Any], _: bytes) -> str:
    return str(claims["good"]).rpartition(".")[0] + "."


def cut_short(claims: dict[str, Any], _: bytes) -> str:
    return str(claims["good"])[:-1]


def with_more_at_its_end(claims: dict[str, Any], _: bytes) -> str:
    return str(claims["good"]) + "A"


def too_long(claims: dict[str, Any], _: bytes) -> str:
    return str(claims["good"]) + "A" * MAX_VALUE_LENGTH


FORGERIES = [
    unsigned,
    with_another_key,
    with_the_secret_itself,
    with_other_claims_under_its_signature,
    without_a_signature,
    cut_short,
    with_more_at_its_end,
    too_long,
]


@pytest.mark.parametrize("forged", FORGERIES, ids=lambda forged: forged.__name__)
async def test_a_forged_cookie_is_refused_and_a_page_leads_to_the_form(
    tmp_path: Path, front: Front, forged: Callable[[dict[str, Any], bytes], str]
) -> None:
    name, good = (await front.sign_in()).login
    claims = jwt.decode(good, options={"verify_signature": False})
    value = forged({**claims, "good": good}, await secret(tmp_path))
    await refused_everywhere(front, f"{name}={value}")


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "..", '"', "é", "\udcff", "{}", "null"])
async def test_what_is_no_cookie_of_the_gateways_is_refused(front: Front, value: str) -> None:
    name, _ = (await front.sign_in()).login
    await refused_everywhere(front, f"{name}={value}")


async def test_two_cookies_of_one_name_are_refused(front: Front) -> None:
    name, value = (await front.sign_in()).login
    _, other = (await front.sign_in(OTHER_TOKEN)).login
    for cookies in (f"{name}={value}; {name}={other}", f"{name}={value}; {name}={value}", f"{name}=; {name}={value}"):
        await refused_everywhere(front, cookies)
    twice = [("Cookie", f"{name}={value}"), ("Cookie", f"{name}={other}")]
    assert (await front.ask("GET", "/api/me", twice)).status == 403


async def test_an_expired_cookie_is_refused(tmp_path: Path, front: Front) -> None:
    name, good = (await front.sign_in()).login
    claims = jwt.decode(good, options={"verify_signature": False})
    assert claims["exp"] - time.time() <= LIFETIME_SECONDS
    key = LoginCookies(await secret(tmp_path))._signing_key
    assert await who(front, {"Cookie": f"{name}={jwt.encode(claims, key, 'HS256')}"}) == "ada"
    for change in ({"exp": time.time() - 1}, {"aud": "another"}, {"aud": ["nbgateway login cookie"]}, {"grant": "x"}):
        await refused_everywhere(front, f"{name}={jwt.encode({**claims, **change}, key, 'HS256')}")
    for missing in ("exp", "iat", "jti", "sub", "aud", "roles", "grant"):
        fewer = {claim: value for claim, value in claims.items() if claim != missing}
        await refused_everywhere(front, f"{name}={jwt.encode(fewer, key, 'HS256')}")


async def test_a_cookie_ends_with_the_access_token_that_it_was_given_for(tmp_path: Path) -> None:
    async with running_issuer() as issuer, running_front(tmp_path, identity=keycloak(issuer)) as front:
        reply = await front.submit(f"token={issuer.token(exp=int(time.time()) + 100)}&next=/lab")
        browser = Browser(reply.cookies())
        assert (reply.status, await who(front, browser.cookie)) == (302, "ada")
        claims = jwt.decode(browser.login[1], options={"verify_signature": False})
        assert claims["exp"] - time.time() <= 100
        assert (await front.submit(f"token={issuer.token(exp=int(time.time()) - 100)}")).status == 403
        crowd = {"roles": [f"role-{number:04}" for number in range(400)]}
        refusal = await front.submit(f"token={issuer.token(realm_access=crowd)}")
        assert (refusal.status, refusal.cookies()) == (403, {})
    async with running_front(tmp_path) as front:
        assert await who(front, {**browser.cookie, "Host": _host_of(browser)}) is None


async def test_xsrf_is_put_right_where_another_server_of_the_host_has_its_own(front: Front) -> None:
    browser = await front.sign_in()
    name, value = browser.login
    for cookies in (f"{name}={value}", f"{name}={value}; _xsrf=2|another|server"):
        for target in ("/lab", "/api/me", "/api/contents/none"):
            reply = await front.ask("GET", target, {"Cookie": cookies})
            assert reply.cookies() == {"_xsrf": browser.xsrf}
    assert (await front.ask("GET", "/api/me", browser.cookie)).cookies() == {}


def keycloak(issuer: Issuer) -> dict[str, Any]:
    return {"tokens": [granted("al", OTHER_TOKEN)], "keycloak": {"issuer": issuer.url, "jwks_url": issuer.certs_url}}


async def refused_everywhere(front: Front, cookie: str) -> None:
    assert await who(front, {"Cookie": cookie}) is None
    page = await front.page("/lab", Cookie=cookie)
    assert (page.status, page.location) == (302, "/login?next=%2Flab")
    assert (await front.page("/login", Cookie=cookie)).status == 200
    assert (await front.socket({"Cookie": cookie, "Origin": front.origin})).status == 403
    assert (await front.page(f"/lab?token={TOKEN}", Cookie=cookie)).status == 302
    assert front.seen == []


def _host_of(browser: Browser) -> str:
    """The Host for which the cookie was named."""
    *_, port = browser.login[0].split("-")
    return f"127.0.0.1:{port}"
