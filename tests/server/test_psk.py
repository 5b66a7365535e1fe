"""Nx1 pre-shared keys: a user's key is the user, the platform's key is nobody (spec nx1 2.3 and 2.5)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict

from gateway.contents.model import Credential
from gateway.server.auth import Grant, Secrets
from gateway.server.tokens import NoBearer, PskAuthenticator
from tests.server.doors import Client, door


def granted(secret: str, user: str | None, *roles: str) -> Grant:
    return Grant(hashlib.sha256(secret.encode()).hexdigest(), user, frozenset(roles))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    grants = [granted("platform-key", None), granted("key-of-ada", "ada", "nx1_app_manager")]
    async with door({Credential.PSK: PskAuthenticator(Secrets(grants, Credential.PSK))}) as client:
        yield client


async def test_a_users_key_is_the_user_with_roles(client: Client) -> None:
    async with client.get("/at/x", headers={"Authorization-PSK": "key-of-ada"}) as answer:
        assert await answer.json() == {"user": "ada", "by": "psk", "roles": ["nx1_app_manager"]}


async def test_the_platforms_key_has_no_user(client: Client) -> None:
    async with client.get("/at/x", headers={"authorization-psk": "platform-key"}) as answer:
        assert (await answer.json())["user"] is None


@pytest.mark.parametrize("key", ["", "key-of-ad", "key-of-ada2", "KEY-OF-ADA", "PSK key-of-ada", "é"])
async def test_other_keys_are_refused(client: Client, key: str) -> None:
    async with client.get("/at/x", headers={"Authorization-PSK": key}) as answer:
        assert answer.status == 401


async def test_a_digest_is_not_its_key(client: Client) -> None:
    digest = hashlib.sha256(b"key-of-ada").hexdigest()
    async with client.get("/at/x", headers={"Authorization-PSK": digest}) as answer:
        assert answer.status == 401


async def test_a_key_elsewhere_is_no_key(client: Client) -> None:
    async with client.get("/at/x", headers={"Authorization": "key-of-ada"}) as answer:
        assert answer.status == 401


async def test_two_keys_are_refused(client: Client) -> None:
    headers = CIMultiDict([("Authorization-PSK", "key-of-ada"), ("Authorization-PSK", "platform-key")])
    async with client.get("/at/x", headers=headers) as answer:
        assert answer.status == 401


def test_an_empty_secret_cannot_be_granted() -> None:
    with pytest.raises(ValueError, match="empty"):
        Secrets([granted("", "ada")], Credential.PSK)


async def test_who_brings_no_credential_hears_which_ones_are_taken() -> None:
    psks = PskAuthenticator(Secrets([granted("key-of-ada", "ada")], Credential.PSK))
    async with door({Credential.JWT: NoBearer(), Credential.PSK: psks}) as client, client.get("/at/x") as answer:
        refusal = await answer.json()
    assert (answer.status, refusal["detail"]) == (401, "A credential is needed: a bearer token or Authorization-PSK.")
