"""Keycloak tokens: good ones are accepted through rotation and outage, forged and foreign ones never."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict

from gateway.contents.model import Credential
from gateway.server.auth import Grant, Secrets
from gateway.server.bearer import BearerAuthenticator, KeySet
from gateway.server.tokens import PskAuthenticator
from tests.fakes.issuer import CERTS, Issuer, published, rsa_key, running_issuer, sign
from tests.server.doors import Client, door
from tests.server.forgeries import FORGERIES, RS256, with_another_key

HOUR = 3600.0


class Clock:
    """Time for the key cache; the tokens' own dates are real."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def authenticator(issuer: Issuer, clock: Clock) -> AsyncIterator[BearerAuthenticator]:
    async with aiohttp.ClientSession() as session:
        url = issuer.url.removesuffix("/realms/test") + CERTS
        yield BearerAuthenticator(KeySet(session, url, clock), issuer=issuer.url)


@pytest.fixture
async def client(authenticator: BearerAuthenticator) -> AsyncIterator[Client]:
    psk = Grant(hashlib.sha256(b"psk").hexdigest(), "ada", frozenset())
    keys = PskAuthenticator(Secrets([psk], Credential.PSK))
    async with door({Credential.JWT: authenticator, Credential.PSK: keys}) as client:
        yield client


async def status(client: Client, token: str) -> int:
    async with client.get("/at/x", headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status


async def test_a_good_token_is_its_user(issuer: Issuer, client: Client) -> None:
    for scheme in ("Bearer", "bearer"):
        async with client.get("/at/x", headers={"Authorization": f"{scheme} {issuer.token()}"}) as answer:
            assert await answer.json() == {"user": "ada", "by": "jwt", "roles": ["nx1_app_manager"]}


async def test_a_username_is_taken_byte_for_byte(issuer: Issuer, client: Client) -> None:
    for name in ("Ada+x@example.org", "service-account-ci", "zoe\u0308", "zo\u00eb"):
        token = issuer.token(preferred_username=name)
        async with client.get("/at/x", headers={"Authorization": f"Bearer {token}"}) as answer:
            assert (await answer.json())["user"] == name


@pytest.mark.parametrize("access", [None, [], {"roles": "admin"}, {"roles": [7, {}]}, {}])
async def test_odd_roles_are_no_roles(issuer: Issuer, client: Client, access: object) -> None:
    token = issuer.token(realm_access=access)
    async with client.get("/at/x", headers={"Authorization": f"Bearer {token}"}) as answer:
        assert not {"admin", "7"} & set((await answer.json())["roles"])


NOW = time.time()
DAY = 86_400
"""What is made for a test when the run of all begins is still in the future when its turn comes."""

WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example/realms/test"},
    "issuer with a slash more": {"iss": "http://127.0.0.1/realms/test/"},
    "no issuer": {"iss": None},
    "issuer as a list": {"iss": ["x"]},
    "expired": {"exp": int(NOW) - 60},
    "no expiry": {"exp": None},
    "expiry as text": {"exp": str(int(NOW) + 600)},
    "expiry as truth": {"exp": True},
    "not yet": {"nbf": int(NOW) + DAY},
    "start as text": {"nbf": str(int(NOW) - 600)},
    "from the future": {"iat": int(NOW) + DAY},
    "refresh token": {"typ": "Refresh"},
    "id token": {"typ": "ID"},
    "offline token": {"typ": "Offline"},
    "logout token": {"typ": "Logout"},
    "type of another spelling": {"typ": "bearer"},
    "type as a list": {"typ": ["Bearer"]},
}


@pytest.mark.parametrize("changes", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
async def test_wrong_claims_are_refused(issuer: Issuer, client: Client, changes: dict[str, Any]) -> None:
    assert await status(client, issuer.token(**changes)) == 401


@pytest.mark.parametrize("forge", FORGERIES)
async def test_forgeries_are_refused(issuer: Issuer, client: Client, forge: Callable[[Issuer], str]) -> None:
    assert await status(client, forge(issuer)) == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "é.é.é", "a.b", "bnVsbA.bnVsbA.bnVsbA", "a.b.c.d"])
async def test_rubbish_is_refused_without_asking_the_issuer(issuer: Issuer, client: Client, token: str) -> None:
    assert await status(client, token) == 401
    assert issuer.fetches == 0


async def test_thirty_seconds_of_skew_are_forgiven(issuer: Issuer, client: Client) -> None:
    now = int(time.time())
    assert await status(client, issuer.token(exp=now - 20, iat=now + 20, nbf=now + 20)) == 200


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   ", "Bearer\t"])
async def test_a_bad_token_is_not_papered_over_by_a_good_key(issuer: Issuer, client: Client, scheme: str) -> None:
    for token in (with_another_key(issuer), "psk", ""):
        headers = {"Authorization": f"{scheme}{token}", "Authorization-PSK": "psk"}
        async with client.get("/at/x", headers=headers) as answer:
            assert answer.status == 401


async def test_a_good_token_decides_whatever_key_comes_with_it(issuer: Issuer, client: Client) -> None:
    headers = {"Authorization": f"Bearer {issuer.token(preferred_username='al')}", "Authorization-PSK": "psk"}
    async with client.get("/at/x", headers=headers) as answer:
        assert (await answer.json())["user"] == "al"


async def test_two_tokens_are_refused(issuer: Issuer, client: Client) -> None:
    headers = CIMultiDict([("Authorization", f"Bearer {issuer.token()}"), ("Authorization", "Bearer x")])
    async with client.get("/at/x", headers=headers) as answer:
        assert answer.status == 401


async def test_another_scheme_leaves_the_decision_to_the_key(client: Client) -> None:
    headers = {"Authorization": "token something", "Authorization-PSK": "psk"}
    async with client.get("/at/x", headers=headers) as answer:
        assert (await answer.json())["by"] == "psk"


async def test_a_token_without_username_is_forbidden_and_says_which_scope_is_missing(
    issuer: Issuer, client: Client
) -> None:
    token = issuer.token(preferred_username=None)
    async with client.get("/at/x", headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 403
        assert "profile" in (await answer.json())["detail"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\x00b", "a\nb", "x" * 256, 7, ["ada"]])
async def test_a_username_that_cannot_name_a_home_is_forbidden(issuer: Issuer, client: Client, name: object) -> None:
    assert await status(client, issuer.token(preferred_username=name)) == 403


@pytest.mark.parametrize(
    ("claims", "expected"),
    [({"aud": "gw"}, 200), ({"aud": ["a", "gw"]}, 200), ({"azp": "gw"}, 200), ({}, 401), ({"aud": {"gw": 1}}, 401)],
)
async def test_a_configured_audience_is_demanded(issuer: Issuer, claims: dict[str, Any], expected: int) -> None:
    async with aiohttp.ClientSession() as session:
        url = issuer.url.removesuffix("/realms/test") + CERTS
        authenticator = BearerAuthenticator(KeySet(session, url), issuer=issuer.url, audience="gw")
        async with door({Credential.JWT: authenticator}) as client:
            assert await status(client, issuer.token(**claims)) == expected


async def test_a_short_key_is_not_used(issuer: Issuer, client: Client) -> None:
    issuer.keys["short"] = rsa_key("short", 1024)
    assert await status(client, issuer.token("short")) == 401
    assert await status(client, issuer.token()) == 200


async def test_odd_published_keys_do_not_hide_the_good_one(issuer: Issuer, client: Client) -> None:
    good = published("odd", rsa_key("attacker"))
    issuer.items = [
        7,
        {},
        {"kid": "a", "kty": "RSA"},
        {**good, "n": 5},
        {**good, "use": "enc"},
        {**good, "kty": "EC"},
        {**good, "e": "!"},
    ]
    assert await status(client, issuer.token()) == 200
    assert await status(client, sign(rsa_key("attacker"), {**RS256, "kid": "odd"}, json.dumps(issuer.claims()))) == 401


async def test_keys_are_fetched_once_for_many_callers(issuer: Issuer, client: Client) -> None:
    assert set(await asyncio.gather(*(status(client, issuer.token()) for _ in range(20)))) == {200}
    assert issuer.fetches == 1


async def test_an_unknown_kid_costs_one_fetch_in_thirty_seconds(issuer: Issuer, client: Client, clock: Clock) -> None:
    assert await status(client, issuer.token()) == 200
    clock.seconds += 31
    unknown = [sign(rsa_key("attacker"), {**RS256, "kid": f"k{n}"}, "{}") for n in range(10)]
    assert set(await asyncio.gather(*(status(client, token) for token in unknown))) == {401}
    assert issuer.fetches == 2


async def test_a_rotated_key_works_within_a_minute(issuer: Issuer, client: Client, clock: Clock) -> None:
    assert await status(client, issuer.token()) == 200
    issuer.keys = {"second": rsa_key("second")}
    assert await status(client, issuer.token("second")) == 401
    clock.seconds += 31
    assert await status(client, issuer.token("second")) == 200


async def test_a_withdrawn_key_ends_within_the_hour(issuer: Issuer, client: Client, clock: Clock) -> None:
    old = issuer.token()
    assert await status(client, old) == 200
    issuer.keys = {"second": rsa_key("second")}
    clock.seconds += HOUR + 1
    assert await status(client, old) == 401


async def test_an_outage_logs_nobody_out_for_an_hour(issuer: Issuer, client: Client, clock: Clock) -> None:
    assert await status(client, issuer.token()) == 200
    issuer.is_out = True
    clock.seconds += 2 * HOUR - 1
    assert await status(client, issuer.token()) == 200
    clock.seconds += 2
    assert await status(client, issuer.token()) == 503


async def test_a_slow_issuer_keeps_nobody_waiting_whose_key_is_known(
    issuer: Issuer, client: Client, clock: Clock
) -> None:
    assert await status(client, issuer.token()) == 200
    clock.seconds += HOUR + 1
    issuer.held = asyncio.Event()
    waiting = asyncio.create_task(status(client, issuer.token()))
    await asyncio.wait_for(issuer.asked.wait(), 5)
    assert await asyncio.wait_for(status(client, issuer.token()), 2) == 200
    assert not waiting.done()
    issuer.held.set()
    assert await waiting == 200


@pytest.mark.parametrize("target", ["/keys-elsewhere", "http://127.0.0.1:9/keys"])
async def test_a_redirect_of_the_key_set_is_not_followed(issuer: Issuer, client: Client, target: str) -> None:
    issuer.redirect = target
    assert await status(client, issuer.token()) == 503
    assert issuer.fetches == 1


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"keys": 7}', b'{"keys": []}', b"<html>", b"[" * 100_000])
async def test_a_key_set_that_makes_no_sense_is_an_outage(issuer: Issuer, client: Client, body: bytes) -> None:
    issuer.body = body
    assert await status(client, issuer.token()) == 503


async def test_the_issuer_back_from_an_outage_is_asked_again(issuer: Issuer, client: Client, clock: Clock) -> None:
    issuer.is_out = True
    assert await status(client, issuer.token()) == 503
    issuer.is_out = False
    clock.seconds += 31
    assert await status(client, issuer.token()) == 200
