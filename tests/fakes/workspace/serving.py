"""Serving an emulated workspace on a free loopback port."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from .emulator import WorkspaceEmulator
from .generations import CURRENT, Generation


@asynccontextmanager
async def running_workspace(
    *, generation: Generation = CURRENT, max_body_bytes: int = 64 << 20, tls: ssl.SSLContext | None = None
) -> AsyncIterator[WorkspaceEmulator]:
    """An empty workspace on an ephemeral loopback port; over https with a ``tls`` context.

    A body of the API that is larger than ``max_body_bytes`` is refused with 413; what travels past the API is not.
    """
    emulator = WorkspaceEmulator(generation)
    app = web.Application(client_max_size=max_body_bytes)
    app.router.add_route("*", "/{tail:.*}", emulator.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    host, port = runner.addresses[0][:2]
    emulator.url = f"{'http' if tls is None else 'https'}://{host}:{port}"
    try:
        yield emulator
    finally:
        await runner.cleanup()
