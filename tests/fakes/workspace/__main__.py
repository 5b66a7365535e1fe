"""``python -m PACKAGE --folder F``: a process that is a workspace, and says where in ``F/workspace.json``.

``F`` also gets an OCI profile whose user the workspace knows. The process ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
from pathlib import Path

from .emulator import WorkspaceEmulator
from .generations import CURRENT, OLDER, PLATFORM_ID, WORKSPACE_KEY, Generation
from .serving import running_workspace

_GENERATIONS = {generation.version: generation for generation in (CURRENT, OLDER)}


async def serve(folder: Path, generation: Generation, tls: ssl.SSLContext | None) -> None:
    """Until SIGTERM or SIGINT."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with running_workspace(generation=generation, tls=tls) as workspace:
        _announce(workspace, folder)
        await ended.wait()


def _announce(workspace: WorkspaceEmulator, folder: Path) -> None:
    announcement = {
        "url": workspace.url,
        "platform_id": PLATFORM_ID,
        "workspace_key": WORKSPACE_KEY,
        "config_file": str(workspace.write_profile(folder)),
        "version": workspace.generation.version,
        "collection": workspace.generation.collection,
    }
    unfinished = folder / "workspace.partial"
    unfinished.write_text(json.dumps(announcement))
    unfinished.replace(folder / "workspace.json")


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An emulated OCI AI Data Platform workspace on loopback.")
    parser.add_argument("--folder", type=Path, required=True, help="where the profile and workspace.json are written")
    parser.add_argument("--generation", choices=_GENERATIONS, default=CURRENT.version)
    parser.add_argument("--tls-cert", type=Path, help="a certificate in PEM: serve https")
    parser.add_argument("--tls-key", type=Path, help="its key in PEM")
    return parser.parse_args()


def main() -> None:
    arguments, tls = _parsed(), None
    if arguments.tls_cert is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.tls_cert, arguments.tls_key)
    folder: Path = arguments.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(folder, _GENERATIONS[arguments.generation], tls))


if __name__ == "__main__":
    main()
