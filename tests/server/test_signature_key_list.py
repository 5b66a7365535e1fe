"""The file that lists who signs: what is in it counts from the next request on, and what is broken changes nothing."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from blockbuster import blockbuster_ctx
from structlog.testing import capture_logs

from gateway.contents.model import Credential
from gateway.identity import gatekeeper
from gateway.sections import Identity
from gateway.state.store import StateStore
from gateway.wire.signature import SigningKey
from tests.fakes.issuer import rsa_key
from tests.server.doors import Client, kept_by
from tests.server.signing import Signed, write_key

ADA, AL = "tenancy/ada/aa:bb", "tenancy/al/cc:dd"


@dataclass
class KeyList:
    """The file, whose keys lie beside it."""

    file: Path

    def write(self, *key_ids: str, roles: str = "[]") -> None:
        """List the keys; the user is the second part of the keyId."""
        self.put("oci_keys = []\n" if not key_ids else "\n".join(map(self._entry, key_ids)).replace("ROLES", roles))

    def put(self, text: str | bytes) -> None:
        """As an operator should: written beside it and renamed."""
        beside = self.file.with_suffix(".new")
        beside.write_bytes(text if isinstance(text, bytes) else text.encode())
        beside.rename(self.file)

    def _entry(self, key_id: str) -> str:
        user = key_id.split("/")[1]
        write_key(self.file.parent / f"{user}.pem", rsa_key(user))
        return f'[[oci_keys]]\nkey_id = "{key_id}"\npublic_key = "{user}.pem"\nuser = "{user}"\nroles = ROLES\n'


@pytest.fixture
def key_list(tmp_path: Path) -> KeyList:
    folder = tmp_path / "keys"
    folder.mkdir()
    return KeyList(folder / "oci-keys.toml")


@asynccontextmanager
async def running(folder: Path, key_list: KeyList, **identity: Any) -> AsyncIterator[Client]:
    store = await StateStore.open(f"sqlite+aiosqlite:///{folder / 'state.db'}")
    settings = Identity.model_validate({"oci_keys_file": str(key_list.file), **identity})
    try:
        async with (
            aiohttp.ClientSession() as session,
            kept_by(gatekeeper(settings, session, store), Credential.SIGNATURE) as client,
        ):
            yield client
    finally:
        await store.aclose()


@pytest.fixture
async def client(tmp_path: Path, key_list: KeyList) -> AsyncIterator[Client]:
    async with running(tmp_path, key_list) as running_client:
        yield running_client


def by(client: Client, key_id: str, key: str | None = None) -> Signed:
    return Signed(client, SigningKey(key_id, rsa_key(key or key_id.split("/")[1])))


async def status(client: Client, key_id: str) -> int:
    return await by(client, key_id).send("GET", "/at/x")


async def who(signed: Signed) -> tuple[str, list[str]]:
    facts = json.loads((await signed.exchange(signed.raw(method="GET")))[1])
    return facts["user"], facts["roles"]


async def test_users_come_and_go_without_a_restart(client: Client, key_list: KeyList) -> None:
    assert [await status(client, ADA), await status(client, AL)] == [401, 401]
    key_list.write(ADA)
    assert [await status(client, ADA), await status(client, AL)] == [200, 401]
    key_list.write(ADA, AL)
    assert [await status(client, ADA), await status(client, AL)] == [200, 200]
    key_list.write(AL)
    assert [await status(client, ADA), await status(client, AL)] == [401, 200]
    key_list.write()
    assert [await status(client, ADA), await status(client, AL)] == [401, 401]


async def test_user_and_roles_are_those_that_the_list_says_now(client: Client, key_list: KeyList) -> None:
    key_list.write(ADA, roles='["reader", "writer"]')
    assert await who(by(client, ADA)) == ("ada", ["reader", "writer"])
    key_list.write(ADA)
    assert await who(by(client, ADA)) == ("ada", [])


async def test_a_list_with_the_date_and_size_of_the_last_one_counts_all_the_same(
    client: Client, key_list: KeyList
) -> None:
    key_list.write(ADA)
    os.utime(key_list.file, (1, 1))
    assert await status(client, ADA) == 200
    key_list.put(key_list.file.read_text().replace("aa:bb", "aa:bc"))
    os.utime(key_list.file, (1, 1))
    assert await status(client, ADA) == 401


async def test_a_key_that_the_list_names_is_read_again_when_it_changes(client: Client, key_list: KeyList) -> None:
    key_list.write(ADA)
    assert await status(client, ADA) == 200
    write_key(key_list.file.parent / "ada.pem", rsa_key("rotated"))
    assert await status(client, ADA) == 401
    assert await by(client, ADA, "rotated").send("GET", "/at/x") == 200


BROKEN = {
    "nothing": "",
    "cut off": '[[oci_keys]]\nkey_id = "tena',
    "no_toml": "{}",
    "no_utf8": b"\xff",
    "other_name": "[[oci_key]]\n",
    "another_setting_too": "oci_keys = []\noci_hosts = []\n",
    "unknown_setting": '[[oci_keys]]\nkey_id = "t"\npublic_key = "p"\nuser = "u"\nrole = []\n',
    "no_user": '[[oci_keys]]\nkey_id = "t"\npublic_key = "p"\n',
    "nobody": '[[oci_keys]]\nkey_id = "t"\npublic_key = "p"\nuser = ""\n',
    "one_key_for_two": '[[oci_keys]]\nkey_id = "t"\npublic_key = "p"\nuser = "u"\n' * 2,
    "one_bracket": "[oci_keys]\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
async def test_a_broken_list_leaves_the_last_good_one_and_is_lamented_once(
    client: Client, key_list: KeyList, text: str | bytes
) -> None:
    key_list.write(ADA)
    assert await status(client, ADA) == 200
    key_list.put(text)
    with capture_logs() as lines:
        assert [await status(client, ADA) for _ in range(3)] == [200] * 3
        assert await status(client, AL) == 401
    (line,) = [line for line in lines if line["event"] == "list of OCI keys cannot be read"]
    assert (line["log_level"], line["file"]) == ("error", "oci-keys.toml")
    assert str(key_list.file.parent) not in line["detail"]
    key_list.write(AL)
    assert [await status(client, ADA), await status(client, AL)] == [401, 200]


async def test_a_list_that_is_gone_leaves_the_last_good_one_and_is_lamented_once(
    client: Client, key_list: KeyList
) -> None:
    key_list.write(ADA)
    assert await status(client, ADA) == 200
    for _ in range(2):
        key_list.file.unlink()
        with capture_logs() as lines:
            assert [await status(client, ADA) for _ in range(3)] == [200] * 3
        assert [line["detail"] for line in lines if line["log_level"] == "error"] == ["No such file or directory"]
        key_list.write(ADA)
        assert await status(client, ADA) == 200


async def test_a_key_in_the_configuration_and_in_the_list_is_the_configurations(
    tmp_path: Path, key_list: KeyList
) -> None:
    write_key(tmp_path / "grace.pem", rsa_key("grace"))
    fixed = {"key_id": ADA, "public_key": str(tmp_path / "grace.pem"), "user": "grace"}
    key_list.write(ADA, AL)
    async with running(tmp_path, key_list, oci_keys=[fixed]) as client:
        assert await who(by(client, ADA, "grace")) == ("grace", [])
        assert [await status(client, ADA), await status(client, AL)] == [401, 200]


async def test_files_are_looked_at_beside_the_event_loop(client: Client, key_list: KeyList) -> None:
    key_list.write(ADA)
    signed = by(client, ADA)
    with blockbuster_ctx(["gateway"]):
        assert [(await signed.exchange(signed.raw(b"x")))[0] for _ in range(2)] == [200, 200]


async def test_who_is_removed_while_the_body_is_on_its_way_was_somebody_when_it_began(
    client: Client, key_list: KeyList
) -> None:
    key_list.write(ADA)
    signed = by(client, ADA)
    raw = signed.raw(b"body")
    raw.sent = b"bo"
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(raw.wire())
    assert await status(client, ADA) == 200
    key_list.write()
    assert await status(client, ADA) == 401
    writer.write(b"dy")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_requests_that_meet_a_changed_list_together_all_see_it(client: Client, key_list: KeyList) -> None:
    key_list.write(ADA)
    assert set(await asyncio.gather(*(status(client, ADA) for _ in range(16)))) == {200}
    key_list.write(AL)
    assert set(await asyncio.gather(*(status(client, ADA) for _ in range(16)))) == {401}
