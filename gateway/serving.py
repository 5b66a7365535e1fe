"""Running the gateway until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from gateway.app import create_app
from gateway.server.certificates import server_context
from gateway.server.listening import listening
from gateway.server.logs import configure
from gateway.settings import Settings, load_settings


def serve_forever(config: Path | None, flags: Mapping[str, Any]) -> None:
    """Serve by the file, or without one serve the current folder to the holder of a fresh token."""
    token = None if config else secrets.token_urlsafe(24)
    settings = load_settings(config, {**flags, **(_embedded(token) if token else {})})
    configure(settings.log.format, settings.log.level)
    asyncio.run(_serve(settings, token))


async def _serve(settings: Settings, token: str | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    server = settings.server
    tls = server_context(server.tls_cert, server.tls_key) if server.tls_cert and server.tls_key else None
    app = create_app(settings)
    async with listening(app, server.host, server.port, tls=tls, shutdown_seconds=server.shutdown_seconds) as url:
        typer.echo(f"nbgateway serves at {url}")
        if token:
            typer.echo(f"The current folder, for whoever has the token:\n\n    {url}/api/contents?token={token}\n")
        await stopped.wait()


def _embedded(token: str) -> dict[str, Any]:
    """The configuration of ``nbgw serve`` without a file; what must last is kept in the user's state folder."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "nbgateway"
    state.mkdir(parents=True, exist_ok=True)
    return {
        "mounts": [{"name": "files", "kind": "local", "folder": str(Path.cwd()), "root": True}],
        "identity": {"tokens": [{"user": _username(), "token": token}]},
        "state": {"url": f"sqlite+aiosqlite:///{state / 'state.db'}", "uploads_folder": str(state / "uploads")},
    }


def _username() -> str:
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "user"
