"""Opening and closing the listener: where the gateway is reached, and what happens to requests when it stops."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext

from aiohttp import web

KEEPALIVE_SECONDS = 30.0


@asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, *, tls: SSLContext | None = None, shutdown_seconds: float = 20
) -> AsyncIterator[str]:
    """Serve ``app`` while the block runs; yields its base URL, with the real port when ``port`` is 0."""
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_SECONDS, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        bound_host, bound_port = runner.addresses[0][:2]
        shown = f"[{bound_host}]" if ":" in bound_host else bound_host
        yield f"{'https' if tls else 'http'}://{shown}:{bound_port}"
    finally:
        await runner.cleanup()
