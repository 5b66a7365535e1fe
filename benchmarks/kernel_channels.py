"""What the relay of WebSockets costs: a kernel's round trip and 100 MB of output, direct and through a ``Channels``.

Run it with ``.venv/bin/python -m benchmarks.kernel_channels``; jupyter_server, the kernel and the relay are processes
of their own on this machine, so the figures say more the fewer others it serves.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import IPPROTO_TCP, TCP_QUICKACK
from tempfile import TemporaryDirectory

import aiohttp

from gateway.contents.upstream import Upstream
from gateway.demo.jupyter import run_jupyter
from tests.fakes.kernel_client import V1, Heard, KernelClient
from tests.server.relaying import relaying

TOKEN = "benchmark"
TURNS = 6
TRIPS = 100
WARM_UP_TRIPS = 10
PRINTED_BYTES = 100_000_000
UNLIMITED = (
    "--ZMQChannelsWebsocketConnection.iopub_data_rate_limit=0",
    "--ZMQChannelsWebsocketConnection.iopub_msg_rate_limit=0",
)
PRINTING = f"""
import sys
line = "x" * 99_999 + "\\n"
for _ in range({PRINTED_BYTES // 100_000}):
    sys.stdout.write(line)
    sys.stdout.flush()
"""


@dataclass(frozen=True, slots=True)
class Ways:
    """The two ways to one kernel. Only one is open at a time, as a kernel's output goes to all that are."""

    session: aiohttp.ClientSession
    urls: Mapping[str, str]

    @asynccontextmanager
    async def kernel(self, name: str, *, is_quick: bool = False) -> AsyncIterator[KernelClient]:
        """``is_quick`` clients acknowledge at once, as the relay does; others wait for Linux's 40 ms now and then."""
        async with self.session.ws_connect(self.urls[name], protocols=(V1,), max_msg_size=0) as socket:
            yield QuickKernelClient(socket) if is_quick else KernelClient(socket)


class QuickKernelClient(KernelClient):
    """Acknowledges each message at once."""

    async def heard(self) -> Heard:
        heard = await super().heard()
        self.socket.get_extra_info("socket").setsockopt(IPPROTO_TCP, TCP_QUICKACK, 1)
        return heard


async def measure() -> None:
    """Print both figures; direct and relayed take turns, so that what else the machine does meets both alike."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        jupyter = await stack.enter_async_context(run_jupyter(folder, token=TOKEN, extra=UNLIMITED))
        process, relayed = await stack.enter_async_context(_relay_process(jupyter))
        session = await stack.enter_async_context(aiohttp.ClientSession(headers={"Authorization": f"token {TOKEN}"}))
        async with session.post(f"{jupyter}/api/kernels") as answer:
            path = f"/api/kernels/{(await answer.json())['id']}/channels?session_id=benchmark"
        ways = Ways(session, {"direct": jupyter + path, "relayed": relayed + path})
        await _round_trips(ways, process.pid, is_quick=False)
        await _round_trips(ways, process.pid, is_quick=True)
        await _prints(ways, process.pid)


async def _round_trips(ways: Ways, relay_pid: int, *, is_quick: bool) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in ways.urls}
    worked = _worked_seconds(relay_pid)
    for _ in range(TURNS):
        for name, taken in seconds.items():
            async with ways.kernel(name, is_quick=is_quick) as kernel:
                for trip in range(WARM_UP_TRIPS + TRIPS):
                    started = time.perf_counter()
                    await kernel.execute("1+1")
                    if trip >= WARM_UP_TRIPS:
                        taken.append(time.perf_counter() - started)
    worked = (_worked_seconds(relay_pid) - worked) / TURNS / (WARM_UP_TRIPS + TRIPS)
    title = "1+1, quick" if is_quick else "1+1"
    for name, taken in seconds.items():
        cuts = statistics.quantiles(taken, n=20)
        print(f"{title:10} {name:8} p50 {1e3 * cuts[9]:6.2f} ms   p95 {1e3 * cuts[18]:6.2f} ms")
    overhead = statistics.median(seconds["relayed"]) - statistics.median(seconds["direct"])
    print(f"{title:10} overhead p50 {1e3 * overhead:6.2f} ms; the relay works {1e3 * worked:.2f} ms on each")


async def _prints(ways: Ways, relay_pid: int) -> None:
    rates: dict[str, list[float]] = {name: [] for name in ways.urls}
    before = peak = _resident_bytes(relay_pid)
    for _ in range(TURNS):
        for name, measured in rates.items():
            async with ways.kernel(name) as kernel:
                started = time.perf_counter()
                task = asyncio.create_task(kernel.execute(PRINTING))
                while not task.done():
                    await asyncio.wait({task}, timeout=0.05)
                    peak = max(peak, _resident_bytes(relay_pid))
                assert (await task).printed_bytes >= PRINTED_BYTES, "output was lost"
                measured.append(PRINTED_BYTES / (time.perf_counter() - started) / 1e6)
    for name, measured in rates.items():
        print(f"{'100 MB':10} {name:8} {statistics.median(measured):6.1f} MB/s")
    print(f"{'100 MB':10} ratio    {statistics.median(rates['relayed']) / statistics.median(rates['direct']):6.2f}")
    print(f"{'100 MB':10} the relay holds {before / 1e6:.1f} MB, at most {(peak - before) / 1e6:.1f} MB more")


def _worked_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def _relay_process(jupyter: str) -> AsyncIterator[tuple[Process, str]]:
    process = await create_subprocess_exec(
        sys.executable, "-m", "benchmarks.kernel_channels", "--to", jupyter, stdout=PIPE
    )
    try:
        assert process.stdout is not None
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def serve(jupyter: str) -> None:
    """The relay, for as long as its process is left alone."""
    async with relaying(Upstream(jupyter, {"Authorization": f"token {TOKEN}"})) as running:
        print(running.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", metavar="URL", help="only relay to that server, and say where")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.to) if arguments.to else measure())
