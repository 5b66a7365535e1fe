"""Moves between mounts whose process is killed on the way: nothing is lost, and another gateway ends them."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from gateway.demo.s3 import S3Server
from gateway.state.store import StateStore, now
from gateway.state.tables import moves
from tests.contents.dying import BODIES, FILE_BODY
from tests.fakes.s3 import new_bucket
from tests.gateways import Clients, running_gateway

EXPECTED = {"file": {"": FILE_BODY}, "tree": BODIES}
END_SECONDS = 30

Points = dict[str, list[int]]

POINTS: dict[str, Points] = {
    "local": {"tree": list(range(0, 37, 3)), "file": list(range(9))},
    "s3": {"tree": [11, 16, 27]},
}
"""A tree is copied and verified at point 19; the one that is killed at the last point has come to its end."""


@asynccontextmanager
async def state_of(folder: Path) -> AsyncIterator[StateStore]:
    store = await StateStore.open(f"sqlite+aiosqlite:///{folder / 'state.db'}")
    yield store
    await store.aclose()


async def lives_end(folder: Path, sections: list[dict[str, Any]], points: Points) -> None:
    """Make a move for each point, whose process is killed there."""
    spec = {"state": f"sqlite+aiosqlite:///{folder / 'state.db'}", "mounts": sections, "points": points}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.contents.dying", json.dumps(spec))
    assert await process.wait() == 0


async def leases_run_out(store: StateStore) -> int:
    """Half a minute passes for the journal; how many moves wait in it."""
    async with store.transaction() as connection:
        await connection.execute(update(moves).values(expires=now() - timedelta(seconds=1)))
    return await waiting(store)


async def waiting(store: StateStore) -> int:
    async with store.transaction() as connection:
        return (await connection.execute(select(func.count()).select_from(moves))).scalar_one()


async def all_ended(store: StateStore) -> None:
    async with asyncio.timeout(END_SECONDS):
        while await waiting(store):  # noqa: ASYNC110  the other gateway sets no event here
            await asyncio.sleep(0.05)


def local(folder: Path, name: str) -> dict[str, Any]:
    (folder / name).mkdir()
    return {"name": name, "kind": "local", "folder": str(folder / name)}


async def files_below(clients: Clients, path: str, top: str | None = None) -> dict[str, bytes] | None:
    """Every file below, by its path from the top; None when nothing stands there."""
    top = path if top is None else top
    answer = await clients.jupyter("GET", f"/contents/{path}?type=directory")
    if answer.status == 404:
        return None
    if answer.status == 400:
        raw = await clients.jupyter("GET", f"/contents/{path}?type=file&format=base64")
        return {path.removeprefix(top).strip("/"): base64.b64decode(raw.json()["content"])}
    found: dict[str, bytes] = {}
    for entry in answer.json()["content"]:
        found |= await files_below(clients, entry["path"], top) or {}
    return found


async def sides(clients: Clients, points: Points) -> dict[str, str]:
    """Where what was moved is in the end: for each kind a letter for each point, s(ource) or t(arget)."""
    found = {}
    for kind, each in points.items():
        found[kind] = ""
        for point in each:
            here, there = [await files_below(clients, f"{mount}/{kind}-{point}") for mount in ("source", "target")]
            assert (here, there) in ((EXPECTED[kind], None), (None, EXPECTED[kind])), f"{kind} at point {point}"
            found[kind] += "t" if here is None else "s"
    return found


@pytest.mark.parametrize("store", POINTS)
async def test_wherever_a_gateway_is_killed_another_one_ends_the_move(
    tmp_path: Path, s3_server: S3Server, store: str
) -> None:
    target = {"kind": "nx1", **new_bucket(s3_server)} if store == "s3" else local(tmp_path, "target")
    mounts = [local(tmp_path, "source"), {**target, "name": "target"}]
    await lives_end(tmp_path, mounts, POINTS[store])
    async with state_of(tmp_path) as state:
        assert await leases_run_out(state) >= 3
        async with running_gateway(tmp_path, mounts) as clients:
            await all_ended(state)
            found = await sides(clients, POINTS[store])
    for side in found.values():
        assert side == "s" * side.count("s") + "t" * side.count("t")
        assert {"s", "t"} == set(side)


async def test_a_move_waits_for_a_store_that_is_down_and_holds_up_no_start(tmp_path: Path) -> None:
    points: Points = {"tree": [11], "file": [4]}
    mounts = [local(tmp_path, "source"), local(tmp_path, "target")]
    await lives_end(tmp_path, mounts, points)
    away = (tmp_path / "target").rename(tmp_path / "away")
    async with state_of(tmp_path) as state:
        assert await leases_run_out(state) == 2
        async with running_gateway(tmp_path, mounts) as clients:
            async with asyncio.timeout(END_SECONDS):
                while not await taken_over(state):  # noqa: ASYNC110  the gateway sets no event here
                    await asyncio.sleep(0.05)
            assert (await clients.jupyter("GET", "/contents/source")).status == 200
        assert await leases_run_out(state) == 2
        away.rename(tmp_path / "target")
        async with running_gateway(tmp_path, mounts) as clients:
            await all_ended(state)
            assert await sides(clients, points) == {"tree": "s", "file": "t"}


async def taken_over(store: StateStore) -> bool:
    async with store.transaction() as connection:
        return not (await connection.execute(select(func.count()).where(moves.c.expires <= now()))).scalar_one()
