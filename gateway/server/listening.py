"""Opening and closing the listener: where the gateway is reached, and what happens to requests when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address
from ssl import SSLContext

from aiohttp import web

KEEPALIVE_SECONDS = 30.0
CUT_SECONDS = 0.5


@asynccontextmanager
async def listening(
    app: web.Application, host: str, port: int, *, tls: SSLContext | None = None, shutdown_seconds: float = 20
) -> AsyncIterator[str]:
    """Serve ``app`` while the block runs; yields its base URL, with the real port when ``port`` is 0.

    OSError when the address cannot be taken; what the app has opened by then is closed again.
    """
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_SECONDS, shutdown_timeout=shutdown_seconds)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        bound_host, bound_port = runner.addresses[0][:2]
        yield f"{'https' if tls else 'http'}://{_shown(bound_host)}:{bound_port}"
    finally:
        cutting = asyncio.create_task(_cut(runner, shutdown_seconds + CUT_SECONDS))
        try:
            await runner.cleanup()
        finally:
            cutting.cancel()


async def _cut(runner: web.AppRunner, seconds: float) -> None:
    """aiohttp waits as long again for whom it has told to end, as for the download of a client that takes nothing."""
    await asyncio.sleep(seconds)
    connections = [] if runner.server is None else runner.server.connections
    transports = [each.transport for each in connections if each.transport is not None]
    await asyncio.gather(*(each.shutdown(CUT_SECONDS) for each in connections))
    for transport in transports:
        transport.abort()


def _shown(bound_host: str) -> str:
    """The host as a URL on this machine has it: all addresses are no address, so loopback stands for them."""
    address = ip_address(bound_host)
    if address.is_unspecified:
        address = ip_address("::1" if isinstance(address, IPv6Address) else "127.0.0.1")
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)
