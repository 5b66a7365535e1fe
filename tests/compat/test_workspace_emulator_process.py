"""The emulated workspace as a process of its own: it announces itself, serves, and ends on SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from asyncio.subprocess import create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.compat.workspace_calls import Caller, config_of, write_certificate
from tests.fakes.workspace import OLDER, Generation, Identity, WorkspaceEmulator
from tests.fakes.workspace.generations import CURRENT


@asynccontextmanager
async def running_process(folder: Path, *arguments: str) -> AsyncIterator[dict[str, Any]]:
    """What the process has announced."""
    module = ("-m", "tests.fakes.workspace", "--folder", str(folder), *arguments)
    process = await create_subprocess_exec(sys.executable, *module)
    try:
        async with asyncio.timeout(30):
            while not (folder / "workspace.json").exists():
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield json.loads((folder / "workspace.json").read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


def caller_of(announced: dict[str, Any], session: aiohttp.ClientSession, generation: Generation) -> Caller:
    """Signs with the profile that the process has written."""
    profile = config_of(Path(announced["config_file"]))
    key = serialization.load_pem_private_key(Path(profile["key_file"]).read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    workspace = WorkspaceEmulator(generation)
    workspace.url = announced["url"]
    return Caller(workspace, session, Identity(profile["user"], key))


async def test_a_process_announces_itself_and_serves_its_profile(tmp_path: Path) -> None:
    async with running_process(tmp_path) as announced, aiohttp.ClientSession() as session:
        caller = caller_of(announced, session, CURRENT)
        assert (await caller.send("GET", "")).json()["key"] == announced["workspace_key"]
        assert announced["platform_id"] in CURRENT.prefix
        assert [file.name for file in tmp_path.glob("*.json")] == ["workspace.json"]


async def test_a_process_serves_https_and_the_older_generation(tmp_path: Path) -> None:
    certificate, key = await asyncio.to_thread(write_certificate, tmp_path)
    options = ("--tls-cert", str(certificate), "--tls-key", str(key), "--generation", "20240831")
    async with running_process(tmp_path, *options) as announced:
        trust = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=certificate))
        async with aiohttp.ClientSession(connector=trust) as session:
            assert (announced["version"], announced["collection"]) == ("20240831", "dataLakes")
            assert announced["url"].startswith("https://127.0.0.1:")
            assert (await caller_of(announced, session, OLDER).send("GET", "")).status == 200
