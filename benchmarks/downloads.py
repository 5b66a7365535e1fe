"""What a download of 300 MB costs the gateway: its memory before, at most meanwhile, and the time, from each store.

Run it with ``.venv/bin/python -m benchmarks.downloads``. The gateway, the S3 server and the Jupyter server are
processes of their own on this machine. The file is three times as large as the gateway's bodies may be by default.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from aiobotocore.session import get_session

from gateway.demo.jupyter import run_jupyter
from gateway.demo.s3 import S3Server, run_s3

TOKEN = "benchmark"
BUCKET = "downloads"
SIZE_BYTES = 300_000_000
READERS = 4
MEBIBYTE = 1 << 20
HEADERS = {"Authorization": f"token {TOKEN}"}
CONFIGURATION = """
[server]
port = 0
[state]
url = "sqlite+aiosqlite:///{folder}/state.db"
uploads_folder = "{folder}/uploads"
[[identity.tokens]]
user = "ada"
token = "{token}"
[[mounts]]
name = "local"
kind = "local"
folder = "{folder}/local"
[[mounts]]
name = "jupyter"
kind = "jupyter"
url = "{jupyter}"
token = "{token}"
[[mounts]]
name = "s3"
kind = "nx1"
bucket = "{bucket}"
endpoint_url = "{s3.endpoint_url}"
region = "{s3.region}"
access_key_id = "{s3.access_key_id}"
secret_access_key = "{s3.secret_access_key}"
addressing_style = "path"
create_bucket = true
"""


async def measure() -> None:
    """Print a line for each store, for one reader and for several at once."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        body = os.urandom(MEBIBYTE) * (SIZE_BYTES // MEBIBYTE)
        for name in ("local", "jupyter"):
            (folder / name).mkdir()
            (folder / name / "large.bin").write_bytes(body)
        s3 = await stack.enter_async_context(run_s3())
        await _store(s3, body)
        jupyter = await stack.enter_async_context(run_jupyter(folder / "jupyter", token=TOKEN))
        process, url = await stack.enter_async_context(_gateway(folder, s3, jupyter))
        session = await stack.enter_async_context(aiohttp.ClientSession(headers=HEADERS))
        digest = hashlib.sha256(body).hexdigest()
        for mount in ("local", "s3", "jupyter"):
            for readers in (1, READERS):
                await _measured(process.pid, session, f"{url}/files/{mount}/large.bin", readers, digest)


async def _measured(pid: int, session: aiohttp.ClientSession, url: str, readers: int, digest: str) -> None:
    _forget_peak(pid)
    before, started = _mebibytes(pid, "VmRSS"), time.perf_counter()
    digests = await asyncio.gather(*(_digest(session, url) for _ in range(readers)))
    seconds, peak = time.perf_counter() - started, _mebibytes(pid, "VmHWM")
    state = "whole" if set(digests) == {digest} else "WRONG"
    mount = url.split("/")[-2]
    print(
        f"{mount:8} {readers} at once: {before:.0f} MiB before, {peak - before:+.1f} at most, {seconds:.1f} s, {state}"
    )


async def _digest(session: aiohttp.ClientSession, url: str) -> str:
    digest = hashlib.sha256()
    async with session.get(url) as answer:
        async for piece in answer.content.iter_any():
            digest.update(piece)
    return digest.hexdigest()


def _forget_peak(pid: int) -> None:
    """The peak counts from here."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _mebibytes(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"the system does not tell {name}")


async def _store(s3: S3Server, body: bytes) -> None:
    async with get_session().create_client(
        "s3",
        endpoint_url=s3.endpoint_url,
        region_name=s3.region,
        aws_access_key_id=s3.access_key_id,
        aws_secret_access_key=s3.secret_access_key,
    ) as client:
        await client.create_bucket(Bucket=BUCKET)
        await client.put_object(Bucket=BUCKET, Key="large.bin", Body=BytesIO(body))


@asynccontextmanager
async def _gateway(folder: Path, s3: S3Server, jupyter: str) -> AsyncIterator[tuple[Process, str]]:
    """The gateway as it is served, and where."""
    file = folder / "gateway.toml"
    file.write_text(CONFIGURATION.format(folder=folder, token=TOKEN, bucket=BUCKET, s3=s3, jupyter=jupyter))
    command = ["-c", "from gateway.cli import main; main()", "serve", "--config", str(file)]
    process = await create_subprocess_exec(sys.executable, *command, stdout=PIPE, stderr=DEVNULL)
    assert process.stdout is not None
    try:
        while b"serves at" not in (line := await process.stdout.readline()):
            if not line:
                raise RuntimeError("the gateway did not start")
        draining = asyncio.create_task(process.stdout.read())
        yield process, line.split()[-1].decode()
        draining.cancel()
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(measure())
