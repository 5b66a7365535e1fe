"""The dialect on a whole gateway: several mounts, one the root and one down, and callers of several kinds."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.gateways import NOTEBOOK, OTHER_TOKEN, PSK, TOKEN, Answer, Clients, running_gateway

DEAD = "http://127.0.0.1:1"
TEXT = {"type": "file", "format": "text", "content": "hello"}
INTERNALS = re.compile(rb"127\.0\.0\.1|Traceback|/tmp|site-packages|aiohttp|Errno|upstream-token")
LATELY = timedelta(minutes=5)


@pytest.fixture
async def clients(tmp_path: Path) -> AsyncIterator[Clients]:
    """The root is a folder; beside its entries are another folder, one that only ada may write, and a dead server."""
    (tmp_path / "root" / "plain").mkdir(parents=True)
    (tmp_path / "root" / "beside").mkdir()
    for name in ("beside", "hers"):
        (tmp_path / name).mkdir()
    mounts: list[dict[str, Any]] = [
        {"name": "store", "kind": "local", "folder": str(tmp_path / "root"), "root": True},
        {"name": "beside", "kind": "local", "folder": str(tmp_path / "beside")},
        {"name": "hers", "kind": "local", "folder": str(tmp_path / "hers"), "writers": ["ada"]},
        {"name": "dead", "kind": "jupyter", "url": DEAD, "token": "upstream-token"},
    ]
    async with running_gateway(tmp_path, mounts, workspace="beside") as clients:
        yield clients


@pytest.fixture
async def rootless(tmp_path: Path) -> AsyncIterator[Clients]:
    (tmp_path / "files").mkdir()
    mounts: list[dict[str, Any]] = [
        {"name": "files", "kind": "local", "folder": str(tmp_path / "files")},
        {"name": "secret", "kind": "local", "folder": str(tmp_path / "files"), "readers": ["al"], "writers": ["al"]},
    ]
    async with running_gateway(tmp_path, mounts) as clients:
        yield clients


def listed(answer: Answer) -> dict[str, dict[str, Any]]:
    return {model["name"]: model for model in answer.json()["content"]}


def is_recent(date: str) -> bool:
    return datetime.now(UTC) - datetime.strptime(date, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) < LATELY


async def test_mounts_are_folders_beside_the_entries_of_the_root(clients: Clients) -> None:
    root = await clients.jupyter("GET", "/contents?content=1&hash=0&1763692945")
    assert sorted(listed(root)) == ["beside", "dead", "hers", "plain"]
    assert root.json()["writable"]
    for model in listed(root).values():
        assert (model["type"], model["path"], model["content"]) == ("directory", model["name"], None)
        assert is_recent(model["last_modified"])


async def test_a_mount_hides_an_entry_of_its_name(clients: Clients) -> None:
    await clients.jupyter("PUT", "/contents/beside/a.txt", TEXT)
    assert list(listed(await clients.jupyter("GET", "/contents/beside"))) == ["a.txt"]


async def test_without_a_root_the_mounts_are_all_there_is(rootless: Clients) -> None:
    root = await rootless.jupyter("GET", "/contents")
    assert (list(listed(root)), root.json()["writable"]) == (["files"], False)
    assert is_recent(root.json()["last_modified"])
    unread = await rootless.jupyter("GET", "/contents?content=0")
    assert unread.json()["content"] is None
    assert unread.headers["Last-Modified"] == root.headers["Last-Modified"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/contents", {"type": "notebook"}, 400),
        ("POST", "/contents", {"copy_from": "files"}, 400),
        ("PUT", "/contents/a.txt", TEXT, 404),
        ("PUT", "/contents/f", {"type": "directory"}, 404),
        ("DELETE", "/contents", None, 400),
        ("DELETE", "/contents/files", None, 400),
        ("PATCH", "/contents/files", {"path": "other"}, 404),
        ("GET", "/contents/none", None, 404),
        ("GET", "/contents/secret", None, 403),
    ],
)
async def test_where_only_mounts_stand_nothing_else_is_made(
    rootless: Clients, method: str, path: str, body: object, status: int
) -> None:
    refused = await rootless.jupyter(method, path, body)
    assert refused.status == status
    assert sorted(refused.json()) == ["message", "reason"]


async def test_a_dead_store_means_wait_and_the_others_work(clients: Clients) -> None:
    asks = [
        clients.jupyter("GET", "/contents/dead"),
        clients.jupyter("GET", "/contents/dead/a.ipynb?content=0&hash=1"),
        clients.jupyter("PUT", "/contents/dead/a.txt", TEXT),
        clients.jupyter("POST", "/contents/dead", {"type": "notebook"}),
        clients.jupyter("PATCH", "/contents/dead/a.txt", {"path": "dead/b.txt"}),
        clients.jupyter("DELETE", "/contents/dead/a.txt"),
        clients.jupyter("GET", "/contents/dead/a.txt/checkpoints"),
        clients.jupyter("POST", "/contents/dead/a.txt/checkpoints"),
    ]
    for answer in await asyncio.gather(*asks):
        assert (answer.status, "Retry-After" in answer.headers) == (503, True)
        assert not INTERNALS.search(answer.body)
    assert (await clients.jupyter("PUT", "/contents/beside/a.txt", TEXT)).status == 201
    assert (await clients.jupyter("GET", "/contents")).status == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "token wrong"}, {"Authorization": TOKEN}, {"Authorization-PSK": PSK}, {"Cookie": TOKEN}],
)
@pytest.mark.parametrize("path", ["/api/contents", "/api/contents/beside/a.txt", "/api/me", "/api/status"])
async def test_who_is_not_known_is_forbidden(clients: Clients, path: str, headers: dict[str, str]) -> None:
    refused = await clients.send("GET", path, headers)
    assert (refused.status, refused.json()) == (403, {"message": "Forbidden", "reason": None})
    assert "WWW-Authenticate" not in refused.headers


@pytest.mark.parametrize("path", ["/api", "/api/"])
async def test_the_version_is_told_to_anybody(clients: Clients, path: str) -> None:
    assert (await clients.send("GET", path, {})).status == 200


@pytest.mark.parametrize("path", ["/api/contents/beside/a.txt", "/api/contents", "/api/status", "/api/me"])
async def test_options_are_told_to_anybody(clients: Clients, path: str) -> None:
    assert (await clients.send("OPTIONS", path, {})).status == 200


async def test_who_may_only_read_is_told_so_and_refused_at_once(clients: Clients) -> None:
    await clients.jupyter("PUT", "/contents/hers/a.txt", TEXT)
    model = (await clients.jupyter("GET", "/contents/hers/a.txt", token=OTHER_TOKEN)).json()
    assert (model["writable"], model["content"]) == (False, "hello")
    asks = [
        clients.jupyter("PUT", "/contents/hers/a.txt", TEXT, token=OTHER_TOKEN),
        clients.jupyter("PUT", "/contents/hers/b.txt", {**TEXT, "chunk": 1}, token=OTHER_TOKEN),
        clients.jupyter("POST", "/contents/hers", {}, token=OTHER_TOKEN),
        clients.jupyter("POST", "/contents/hers/a.txt/checkpoints", token=OTHER_TOKEN),
        clients.jupyter("PATCH", "/contents/hers/a.txt", {"path": "hers/b.txt"}, token=OTHER_TOKEN),
        clients.jupyter("DELETE", "/contents/hers/a.txt", token=OTHER_TOKEN),
    ]
    assert [answer.status for answer in await asyncio.gather(*asks)] == [403] * len(asks)


async def test_a_save_of_jupyterlab_is_seen_unchanged_by_it(clients: Clients) -> None:
    """Its four requests: the hash that it looks at before a save is the one that the save before has answered."""
    path = "/contents/beside/n.ipynb"
    save = {"type": "notebook", "format": "json", "content": json.loads(NOTEBOOK)}
    saved = (await clients.jupyter("PUT", path, save)).json()
    before = (await clients.jupyter("GET", f"{path}?content=0&hash=1")).json()
    assert (before["hash"], before["last_modified"]) == (saved["hash"], saved["last_modified"])
    opened = (await clients.jupyter("GET", f"{path}?type=notebook&content=1&hash=1&contentProviderId=undefined")).json()
    again = (await clients.jupyter("PUT", path, {**opened, "format": "json"})).json()
    assert again["hash"] == saved["hash"]
    made = await clients.jupyter("POST", f"{path}/checkpoints")
    assert (await clients.jupyter("GET", f"{path}/checkpoints")).json() == [made.json()]
