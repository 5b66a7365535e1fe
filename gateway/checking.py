"""``nbgw check``: is the configuration valid, and does every mount answer?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from gateway.contents.problem import Problem
from gateway.registry import create_backend
from gateway.settings import AnyMount, Settings, load_settings
from gateway.wire.client import UpstreamClient, open_session


def check_configuration(config: Path) -> int:
    """Print one line per mount; the exit code: 0 when all answer, 1 when one does not."""
    settings = load_settings(config)
    typer.echo(f"{config}: valid, {len(settings.mounts)} mount(s)")
    return asyncio.run(_probe_all(settings))


async def _probe_all(settings: Settings) -> int:
    async with open_session() as session:
        client = UpstreamClient(session, max_body_bytes=settings.server.max_body_bytes)
        answers = [await _probe(client, mount) for mount in settings.mounts]
    return 0 if all(answers) else 1


async def _probe(client: UpstreamClient, mount: AnyMount) -> bool:
    backend = create_backend(mount.kind, client, mount.options())
    try:
        await backend.probe()
        capabilities = ", ".join(sorted(capability.value for capability in backend.capabilities))
        typer.echo(f"  ok    {mount.name} ({mount.kind}): {capabilities}")
        return True
    except Problem as problem:
        typer.echo(f"  FAIL  {mount.name} ({mount.kind}): {problem.detail}")
        return False
    finally:
        await backend.aclose()
