"""An unmodified JupyterLab in a jupyter_server of its own, which asks nothing of the internet."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.demo.jupyter import run_jupyter
from tests.fakes.jupyter import NO_TRASH, JupyterServer

_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/terminal-extension/plugin": {"screenReaderMode": True},  # a terminal's text is in the page then
}


@asynccontextmanager
async def running_lab(folder: Path, *, port: int = 0, token: str | None = None) -> AsyncIterator[JupyterServer]:
    """Serve ``folder/root``; settings and workspaces are in ``folder``, where a server on the same port finds them."""
    root, settings = folder / "root", folder / "settings"
    root.mkdir(exist_ok=True)
    for plugin, values in _SETTINGS.items():
        file = settings / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    token = token or secrets.token_urlsafe(12)
    arguments = (
        NO_TRASH,
        f"--ServerApp.cookie_secret_file={folder / 'cookie-secret'}",  # what it has signed outlives a restart
        "--LabApp.core_mode=True",  # without the extensions that happen to be installed here
        f"--LabApp.user_settings_dir={settings}",
        f"--LabApp.workspaces_dir={folder / 'workspaces'}",
    )
    async with run_jupyter(root, token=token, port=port, extra=arguments) as url:
        yield JupyterServer(url, root, token)
