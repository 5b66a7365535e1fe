"""Server processes of the demo and the tests: each takes a free port itself and says which; ended by their own pid."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

START_SECONDS = 60.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.1


@asynccontextmanager
async def run_module(
    arguments: Sequence[str], announced_in: Path, environment: Mapping[str, str]
) -> AsyncIterator[str]:
    """Run ``python -m arguments`` while the block runs; yields its URL once that answers.

    The server announces itself by a JSON file with a ``url`` in the folder ``announced_in``. RuntimeError when it ends
    or stays silent instead.
    """
    process = await create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        env={**os.environ, **environment},
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
    )
    try:
        yield await _answering_url(process, announced_in, arguments[0])
    finally:
        await _stopped(process)


async def _answering_url(process: Process, announced_in: Path, name: str) -> str:
    try:
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while process.returncode is None:
                url = _announced_url(announced_in)
                if url is not None and await _answers(session, url):
                    return url
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise RuntimeError(f"{name} did not answer within {START_SECONDS:.0f} seconds.") from error
    raise RuntimeError(f"{name} ended with exit code {process.returncode} instead of serving.")


def _announced_url(folder: Path) -> str | None:
    for file in folder.glob("*.json"):
        try:
            return str(json.loads(file.read_bytes())["url"]).rstrip("/")
        except ValueError:  # it is just being written
            continue
    return None


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, allow_redirects=False):
            return True
    except aiohttp.ClientConnectionError:
        return False


async def _stopped(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
