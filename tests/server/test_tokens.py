"""Jupyter tokens: every form that Jupyter's clients use, and nothing else (spec jupyter A1)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict

from gateway.contents.model import Credential
from gateway.server.auth import Authenticator, Grant, Secrets
from gateway.server.tokens import NoBearer, PskAuthenticator, TokenAuthenticator
from tests.server.doors import Client, door

TOKEN = "the-token-of-ada"


def granted(secret: str, user: str | None, *roles: str) -> Grant:
    return Grant(hashlib.sha256(secret.encode()).hexdigest(), user, frozenset(roles))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    tokens = Secrets([granted("other", "al"), granted(TOKEN, "ada", "reader")], Credential.TOKEN)
    psks = Secrets([granted("psk", "ada")], Credential.PSK)
    accepted: dict[Credential, Authenticator] = {
        Credential.TOKEN: TokenAuthenticator(tokens),
        Credential.PSK: PskAuthenticator(psks),
    }
    async with door(accepted) as client:
        yield client


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        f"token {TOKEN}",
        f"Token {TOKEN}",
        f"TOKEN   {TOKEN}",
        f"token\t{TOKEN}",
        f"Bearer {TOKEN}",
        f"bearer {TOKEN}",
        basic("anybody", TOKEN),
        basic("", TOKEN),
    ],
)
async def test_header_forms_are_accepted(client: Client, header: str) -> None:
    async with client.get("/at/x", headers={"Authorization": header}) as answer:
        assert await answer.json() == {"user": "ada", "by": "jupyter-token", "roles": ["reader"]}


async def test_the_query_is_looked_at_first(client: Client) -> None:
    async with client.get(f"/at/x?token={TOKEN}", headers={"Authorization": "token other"}) as answer:
        assert (await answer.json())["user"] == "ada"


async def test_an_empty_query_token_is_no_token(client: Client) -> None:
    async with client.get("/at/x?token=", headers={"Authorization": f"token {TOKEN}"}) as answer:
        assert (await answer.json())["user"] == "ada"


@pytest.mark.parametrize(
    "header", [TOKEN, "", "token", "token wrong", "Bearer wrong", f"Digest {TOKEN}", "Basic ???", "Basic é", "token é"]
)
async def test_anything_else_is_refused(client: Client, header: str) -> None:
    async with client.get("/at/x", headers={"Authorization": header}) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("target", ["/at/x?token=wrong", "/at/x?token=%ff", "/at/x?token=%ED%A0%80", "/at/x"])
async def test_a_bad_or_missing_query_token_is_refused(client: Client, target: str) -> None:
    async with client.get(target) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("query", [f"token={TOKEN}&token=other", f"token=other&token={TOKEN}", f"token=&token={TOKEN}"])
async def test_two_query_tokens_are_refused(client: Client, query: str) -> None:
    async with client.get(f"/at/x?{query}") as answer:
        assert answer.status == 401


async def test_a_bad_query_token_is_not_papered_over_by_a_good_header(client: Client) -> None:
    async with client.get("/at/x?token=wrong", headers={"Authorization": f"token {TOKEN}"}) as answer:
        assert answer.status == 401


async def test_without_an_issuer_every_bearer_token_is_a_bad_one() -> None:
    psks = PskAuthenticator(Secrets([granted("psk", "ada")], Credential.PSK))
    async with door({Credential.JWT: NoBearer(), Credential.PSK: psks}) as client:
        for given, status in (("Bearer x", 401), ("bearer\tx", 401), ("Bearer", 401), ("token x", 200), ("", 200)):
            headers = {"Authorization": given, "Authorization-PSK": "psk"}
            async with client.get("/at/x", headers=headers) as answer:
                assert answer.status == status


async def test_a_bearer_value_with_two_dots_is_not_a_token(client: Client) -> None:
    headers = {"Authorization": "Bearer a.b.c", "Authorization-PSK": "psk"}
    async with client.get("/at/x", headers=headers) as answer:
        assert (await answer.json())["by"] == "psk"


async def test_a_bad_token_is_not_papered_over_by_a_good_key(client: Client) -> None:
    headers = {"Authorization": "token wrong", "Authorization-PSK": "psk"}
    async with client.get("/at/x", headers=headers) as answer:
        assert answer.status == 401


async def test_two_authorization_headers_are_refused(client: Client) -> None:
    headers = CIMultiDict([("Authorization", f"token {TOKEN}"), ("Authorization", "token other")])
    async with client.get("/at/x", headers=headers) as answer:
        assert answer.status == 401


async def test_a_token_in_no_answer(client: Client) -> None:
    async with client.get("/at/x?token=a-secret-guess") as answer:
        assert "a-secret-guess" not in await answer.text()
