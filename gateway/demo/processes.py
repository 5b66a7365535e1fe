"""Server processes of the demo and the tests: started on a free port, awaited, and ended by their own pid."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import aiohttp

START_SECONDS = 60.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.1


@asynccontextmanager
async def run_module(arguments: Sequence[str], url: str, environment: Mapping[str, str]) -> AsyncIterator[None]:
    """Run ``python -m arguments`` while the block runs, from when ``url`` answers. RuntimeError when it never does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await _answering(process, url, arguments[0])
        yield
    finally:
        await _stopped(process)


def free_port() -> int:
    """A port of the loopback interface that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _answering(process: asyncio.subprocess.Process, url: str, name: str) -> None:
    try:
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while not await _answers(session, url):
                if process.returncode is not None:
                    raise RuntimeError(f"{name} ended with exit code {process.returncode} instead of serving.")
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise RuntimeError(f"{name} did not answer within {START_SECONDS:.0f} seconds.") from error


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url):
            return True
    except aiohttp.ClientConnectionError:
        return False


async def _stopped(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
