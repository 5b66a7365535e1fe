"""Alive as long as it runs; ready as long as its own state is there, whatever its backends do."""

from __future__ import annotations

from typing import Any, cast

import pytest
from aiohttp import web

from gateway.contents.backend import Backend
from gateway.contents.problem import Code, Problem
from gateway.server.health import Health, add_health_routes
from tests.server.doors import behind


class Reached:
    """A store or backend that answers, or fails as told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def ping(self) -> None:
        if self.error is not None:
            raise self.error

    async def probe(self) -> None:
        await self.ping()


DOWN = Problem(Code.UNAVAILABLE, "The storage behind this mount cannot be reached.")


def backend(error: Exception | None = None) -> Backend:
    return cast("Backend", Reached(error))


async def asked(health: Health, path: str) -> tuple[int, Any]:
    app = web.Application()
    add_health_routes(app, health)
    async with behind(app) as client, client.get(path) as answer:
        return answer.status, await (answer.json() if path != "/metrics" else answer.text())


async def test_alive_before_anything_is_open() -> None:
    assert await asked(Health(), "/healthz") == (200, {"status": "ok"})


async def test_not_ready_before_the_store_is_open() -> None:
    assert await asked(Health(), "/readyz") == (503, {"status": "starting", "mounts": {}})


@pytest.mark.parametrize("error", [DOWN, TimeoutError()])
async def test_a_dead_backend_does_not_make_the_gateway_unready(error: Exception) -> None:
    health = Health()
    health.watch({"files": backend(), "s3": backend(error)}, Reached())
    await health.probe_all()
    assert await asked(health, "/readyz") == (200, {"status": "ok", "mounts": {"files": "ok", "s3": "down"}})


async def test_a_mount_that_was_not_probed_yet_is_unknown() -> None:
    health = Health()
    health.watch({"files": backend()}, Reached())
    assert await asked(health, "/readyz") == (200, {"status": "ok", "mounts": {"files": "unknown"}})


@pytest.mark.parametrize("error", [DOWN, TimeoutError()])
async def test_a_dead_state_store_makes_it_unready(error: Exception) -> None:
    health = Health()
    health.watch({}, Reached(error))
    assert await asked(health, "/readyz") == (503, {"status": "state store down", "mounts": {}})


async def test_a_gateway_that_stops_is_unready_but_alive() -> None:
    health = Health()
    health.watch({}, Reached())
    await health.drain(web.Application())
    assert (await asked(health, "/readyz"))[0] == 503
    assert (await asked(health, "/healthz"))[0] == 200


async def test_numbers_are_for_prometheus() -> None:
    health = Health()
    health.metrics.count("nx1", "GET", 200, 0.1)
    status, text = await asked(health, "/metrics")
    assert status == 200
    assert 'nbgw_requests_total{dialect="nx1",method="GET",status="200"} 1.0' in text
