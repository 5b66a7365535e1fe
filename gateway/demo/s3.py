"""A real S3 server on loopback, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where the server is, and credentials that it accepts."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str


@asynccontextmanager
async def run_s3(folder: Path) -> AsyncIterator[S3Server]:
    """Run moto's server while the block does; its log goes to ``folder``. RuntimeError when it does not start."""
    port = _free_port()
    with (folder / "s3.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "moto.server",
            "-H",
            _HOST,
            "-p",
            str(port),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
        )
        try:
            server = S3Server(f"http://{_HOST}:{port}", "demo", "demo-secret", "us-east-1")
            await _wait_until_it_answers(process, server.endpoint_url)
            yield server
        finally:
            await _stop(process)


async def _wait_until_it_answers(process: Process, url: str) -> None:
    async with asyncio.timeout(_START_SECONDS), aiohttp.ClientSession() as session:
        while process.returncode is None:
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(_POLL_SECONDS)
    raise RuntimeError("The S3 server has ended before it answered; see s3.log.")


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
