"""How the gateway is, seen from outside: alive, ready, and in numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.contents.backend import Backend
from gateway.contents.problem import Problem
from gateway.server.middleware import Metrics

PING_SECONDS = 2.0
PROBE_SECONDS = 10.0

_log = structlog.get_logger()


class Pingable(Protocol):
    """Something the gateway cannot work without."""

    async def ping(self) -> None:
        """Raises Problem when it does not answer."""
        ...


class Health:
    """The last known state of every mount. One dead backend does not make the gateway unready."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._backends: Mapping[str, Backend] = {}
        self._mounts: dict[str, str] = {}
        self._troubles: dict[str, str] = {}
        self._store: Pingable | None = None
        self._draining = False

    def watch(self, backends: Mapping[str, Backend], store: Pingable) -> None:
        self._backends, self._store = backends, store
        self._mounts = dict.fromkeys(backends, "unknown")

    async def drain(self, _app: web.Application) -> None:
        """From here on the gateway is unready: it stops."""
        self._draining = True

    async def probe_all(self) -> None:
        """Reach every backend once, all at the same time."""
        await asyncio.gather(*(self._probe(name, backend) for name, backend in self._backends.items()))

    async def _probe(self, name: str, backend: Backend) -> None:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await backend.probe()
        except (Problem, TimeoutError) as error:
            detail = error.detail if isinstance(error, Problem) else "It did not answer in time."
            self._remember(name, "down", detail)
        else:
            self._remember(name, "ok", "")

    def troubles(self) -> tuple[tuple[str, str], ...]:
        """The mounts that are down, and what is wrong with each."""
        return tuple(self._troubles.items())

    def _remember(self, name: str, state: str, detail: str) -> None:
        self._troubles.pop(name, None)
        if state != "ok":
            self._troubles[name] = detail
        if self._mounts.get(name) != state:
            self._mounts[name] = state
            report = _log.info if state == "ok" else _log.warning
            report("mount changed", mount=name, state=state, detail=detail)

    async def alive(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(self, _request: web.Request) -> web.Response:
        status = "draining" if self._draining else await self._store_status()
        facts = {"status": status, "mounts": self._mounts}
        return web.json_response(facts, status=200 if status == "ok" else 503)

    async def _store_status(self) -> str:
        if self._store is None:
            return "starting"
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self._store.ping()
        except (Problem, TimeoutError):
            return "state store down"
        return "ok"

    async def numbers(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def add_health_routes(app: web.Application, health: Health) -> None:
    """``/healthz``, ``/readyz`` and ``/metrics``; none needs a credential, none names a caller or a path."""
    app.router.add_get("/healthz", health.alive)
    app.router.add_get("/readyz", health.ready)
    app.router.add_get("/metrics", health.numbers)
    app.on_shutdown.append(health.drain)
