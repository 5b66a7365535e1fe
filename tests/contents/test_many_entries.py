"""Folders of thousands of files: one paged listing of the store, in every dialect that lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from yarl import URL

from gateway.wire.signature import sign
from tests.fakes import s3_filled
from tests.fakes.s3_faults import Wire, wire_to
from tests.fakes.s3_filled import running_filled_s3
from tests.gateways import PLATFORM_ID, USER, WORKSPACE_KEY, Answer, Clients, running_gateway, signing_key

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOCAL_FILES = 10_000
S3_FILES = s3_filled.FILES
PAGE_KEYS = 1000
FOLDER = f"home/{USER}/folder"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wire() -> AsyncIterator[Wire]:
    async with running_filled_s3() as options, wire_to(options["endpoint_url"]) as between:
        yield between


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clients]:
    root = tmp_path_factory.mktemp("many")
    await asyncio.to_thread(_fill, root / "files" / FOLDER)
    mounts = [
        {"name": "local", "kind": "local", "homes": True, "folder": str(root / "files")},
        {"name": "s3", "kind": "nx1", "homes": True, **s3_filled.OPTIONS, "endpoint_url": wire.url},
    ]
    async with running_gateway(root, mounts, nx1_mount="s3", workspace="s3") as running:
        yield running


def _fill(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(LOCAL_FILES):
        (folder / f"n{number:05}.ipynb").touch()


def _is_all(names: set[str], count: int) -> bool:
    return names == {f"n{number:05}.ipynb" for number in range(count)}


@pytest.mark.parametrize(("mount", "count"), [("local", LOCAL_FILES), ("s3", S3_FILES)])
async def test_all_are_listed_whatever_else_is_done_meanwhile(clients: Clients, mount: str, count: int) -> None:
    listing = asyncio.create_task(clients.jupyter("GET", f"/contents/{mount}/folder?content=1"))
    others = 0
    while not listing.done():
        answer = await clients.send("GET", "/healthz", {})
        others += answer.status == 200
    answer = await listing
    assert answer.status == 200
    assert _is_all({entry["name"] for entry in answer.json()["content"]}, count)
    assert others > 3


async def test_a_listing_costs_a_request_for_each_page_also_for_many_who_ask_at_once(
    clients: Clients, wire: Wire
) -> None:
    wire.counts.clear()
    asking = (clients.jupyter("GET", "/contents/s3/folder?content=1") for _ in range(10))
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}
    assert wire.counts == {"GET": S3_FILES // PAGE_KEYS}


async def test_the_notebooks_api_lists_them(clients: Clients) -> None:
    answer = await clients.nx1("GET", "/notebooks")
    assert answer.status == 200
    assert {entry["s3_key"] for entry in answer.json()} == {f"{FOLDER}/n{each:05}.ipynb" for each in range(S3_FILES)}


async def test_a_workspace_lists_them_in_pages(clients: Clients) -> None:
    found: list[str] = []
    page: str | None = ""
    while page is not None:
        answer = await _workspace_page(clients, page)
        found += [item["displayName"] for item in answer.json()["items"]]
        page = answer.headers.get("opc-next-page")
    assert len(found) == S3_FILES
    assert _is_all(set(found), S3_FILES)


async def _workspace_page(clients: Clients, page: str) -> Answer:
    workspace = f"{clients.url}/20260430/aiDataPlatforms/{PLATFORM_ID}/workspaces/{WORKSPACE_KEY}"
    url = URL(f"{workspace}/objects?path=folder&limit=1000{f'&page={page}' if page else ''}", encoded=True)
    return await clients.send("GET", url, sign(signing_key(), "GET", url, {}, b""))
