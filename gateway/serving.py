"""Running the gateway until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import getpass
import hashlib
import os
import secrets
import signal
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from ssl import SSLContext
from typing import Any

import structlog
import typer

from gateway.app import HEALTH, create_app
from gateway.checking import key_faults
from gateway.contents.problem import Problem
from gateway.given import Given
from gateway.server.certificates import CertificateError, server_context
from gateway.server.listening import listening
from gateway.server.logs import configure
from gateway.settings import ConfigurationError, Settings, load_settings

PORT_BESIDE_JUPYTER = 8889
"""Where nothing is said: the usual port is the Jupyter server's own."""

_log = structlog.get_logger()


class StartError(Exception):
    """The gateway cannot start here and now; the message says why and how to mend it."""


def serve_forever(config: Path | None, flags: Mapping[str, Any], given: Given) -> None:
    """Serve by the file and what is ``given``. Without a file the holder of a fresh token is served that, or else the
    current folder.

    ConfigurationError or StartError before anything is served; otherwise returns when SIGINT or SIGTERM asks for it.
    """
    token = None if config else secrets.token_urlsafe(24)
    defaults = _embedded(token, with_files=not given.mounts()) if token else None
    settings = load_settings(config, flags, defaults=defaults, mounts=given.mounts())
    configure(settings.log.format, settings.log.level)
    for doubt in (*settings.doubts(), *key_faults(settings)):
        _log.warning(doubt)
    asyncio.run(_serve_until_told(settings, token))


async def _serve_until_told(settings: Settings, token: str | None) -> None:
    """A signal cancels this task, wherever it is, half-way through starting too; a second one cuts the ending short."""
    task = asyncio.current_task()
    assert task is not None
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    with suppress(asyncio.CancelledError):
        await _serve(settings, token)


async def _serve(settings: Settings, token: str | None) -> None:
    server = settings.server
    tls = _tls(settings)
    async with AsyncExitStack() as stack:
        try:
            app = create_app(settings)
            site = listening(app, server.host, server.port, tls=tls, shutdown_seconds=server.shutdown_seconds)
            url = await stack.enter_async_context(site)
        except Problem as problem:
            raise StartError(problem.detail) from problem
        except OSError as error:
            raise StartError(_why_not(error, server.host, server.port)) from error
        _announce(settings, url + server.base_path, token)
        for mount, detail in app[HEALTH].troubles():
            typer.echo(f"The mount {mount!r} is not available: {detail}", err=True)
        await asyncio.Event().wait()


def _announce(settings: Settings, url: str, token: str | None) -> None:
    typer.echo(f"nbgateway serves at {url}")
    granted = [grant.token.get_secret_value() for grant in settings.identity.tokens if grant.token]
    if token in granted:
        what, path = ("JupyterLab", "/lab") if settings.home() else ("What is served", "/api/contents")
        typer.echo(f"{what}, for whoever has this token:\n\n    {url}{path}?token={token}\n")
    elif settings.home():
        typer.echo(f"JupyterLab, for whoever signs in: {url}/lab")


def _tls(settings: Settings) -> SSLContext | None:
    cert, key = settings.server.tls_cert, settings.server.tls_key
    if cert is None or key is None:
        return None
    try:
        return server_context(cert, key)
    except CertificateError as error:
        raise ConfigurationError(f"server.tls_cert, server.tls_key: {error}") from error


def _why_not(error: OSError, host: str, port: int) -> str:
    """asyncio words a taken port in a sentence of its own; the plain one of the system is better.

    From Python 3.13 on it passes over addresses of other machines, and then has no number for having none left.
    """
    number = errno.EADDRNOTAVAIL if error.errno is None and error.filename is None else error.errno
    reason = os.strerror(number) if number and number > 0 else str(error.strerror or error)
    if error.filename is not None:
        return f"{error.filename}: {reason}."
    if isinstance(error, socket.gaierror) or number == errno.EADDRNOTAVAIL:
        return f"cannot listen on {host}: {reason}. Name an address of this machine with --host."
    return f"cannot listen on {host} port {port}: {reason}. Choose another with --port; 0 takes a free one."


def _embedded(token: str, *, with_files: bool) -> dict[str, Any]:
    """The configuration of ``nbgw serve`` without a file.

    What must last is kept in the user's state folder, for each served folder apart: uploads are remembered by path.
    """
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    state = home / "nbgateway" / hashlib.sha256(bytes(Path.cwd())).hexdigest()[:16]
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"{state}: {error.strerror}. XDG_STATE_HOME names another place for the state.") from error
    return {
        "server": {} if with_files else {"port": PORT_BESIDE_JUPYTER},
        "mounts": [{"name": "files", "kind": "local", "folder": str(Path.cwd()), "root": True}] if with_files else [],
        "identity": {"tokens": [{"user": _username(), "token": token}]},
        "state": {"url": f"sqlite+aiosqlite:///{state / 'state.db'}", "uploads_folder": str(state / "uploads")},
    }


def _username() -> str:
    """A container may run as a number that has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "user"
