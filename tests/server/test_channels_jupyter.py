"""Channels of a real jupyter_server: kernels in both wire forms, terminals, events, much output, a server that dies."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSMsgType

from gateway.contents.upstream import Upstream
from gateway.demo.jupyter import run_jupyter
from tests.fakes.kernel_client import V1, KernelClient
from tests.server.relaying import Relaying, relaying

TOKEN = "token-of-the-gateway"
LOGIN = {"Authorization": f"token {TOKEN}"}
PRINTED_BYTES = 100_000_000
MESSAGE_BYTES = 250_000
MEMORY_BYTES = 32 << 20
UNLIMITED = (
    "--ZMQChannelsWebsocketConnection.iopub_data_rate_limit=0",
    "--ZMQChannelsWebsocketConnection.iopub_msg_rate_limit=0",
)
PRINTING = f"""
import sys
for _ in range({PRINTED_BYTES // MESSAGE_BYTES}):
    sys.stdout.write("x" * {MESSAGE_BYTES})
    sys.stdout.flush()
"""
KILL_SERVER = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(slots=True)
class Lab:
    """A Jupyter server with one kernel, asked directly over REST, and through the relay over sockets."""

    url: str
    root: Path
    gateway: Relaying
    running: AsyncExitStack
    kernel_id: str = ""

    async def start(self) -> None:
        """Start the server, again if it has been killed, where it was before."""
        port = int(self.url.rpartition(":")[2])
        await self.running.enter_async_context(run_jupyter(self.root, token=TOKEN, port=port, extra=UNLIMITED))
        self.kernel_id = (await self.ask("POST", "/api/kernels", {}))["id"]

    async def ask(self, method: str, path: str, value: object = None) -> Any:
        async with self.gateway.session.request(method, self.url + path, headers=LOGIN, json=value) as answer:
            assert answer.ok
            return await answer.json()

    def connect(self, path: str, *protocols: str) -> aiohttp.client._WSRequestContextManager:
        return self.gateway.session.ws_connect(self.gateway.url + path, protocols=protocols, max_msg_size=0)

    @asynccontextmanager
    async def kernel(self, *protocols: str, session_id: str = "test") -> AsyncIterator[KernelClient]:
        path = f"/api/kernels/{self.kernel_id}/channels?session_id={session_id}"
        async with self.connect(path, *protocols) as connected:
            yield KernelClient(connected)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    url = f"http://127.0.0.1:{_free_port()}"
    async with relaying(Upstream(url, LOGIN)) as gateway, AsyncExitStack() as running:
        lab = Lab(url, tmp_path_factory.mktemp("jupyter"), gateway, running)
        await lab.start()
        yield lab


@pytest.mark.parametrize(("offer", "chosen"), [((), None), (("x", V1), V1)])
async def test_a_kernel_computes_in_both_wire_forms(lab: Lab, offer: tuple[str, ...], chosen: str | None) -> None:
    async with lab.kernel(*offer) as kernel:
        assert kernel.socket.protocol == chosen
        run = await kernel.execute("1+1")
        assert (run.status, run.results) == ("ok", ["2"])
        run = await kernel.execute("print('x' * 3_000_000)")
        assert run.printed_bytes > 3_000_000


async def test_a_terminal_echoes(lab: Lab) -> None:
    name = (await lab.ask("POST", "/api/terminals", {}))["name"]
    async with lab.connect(f"/terminals/websocket/{name}") as terminal:
        assert await terminal.receive_json() == ["setup", {}]
        await terminal.send_json(["stdin", "echo $((6*7))answer\r"])
        text = ""
        async with asyncio.timeout(20):
            while "42answer" not in text:
                kind, *rest = await terminal.receive_json()
                text += rest[0] if kind == "stdout" else ""
        await terminal.send_json(["stdin", "exit\r"])
        async with asyncio.timeout(20):
            while (message := await terminal.receive()).type is WSMsgType.TEXT:
                last = json.loads(message.data)
        assert last == ["disconnect", 1]
        assert message.type is WSMsgType.CLOSE


async def test_events_arrive(lab: Lab) -> None:
    async with lab.connect("/api/events/subscribe") as events:
        await lab.ask("PUT", "/api/contents/a.txt", {"type": "file", "format": "text", "content": "a"})
        async with asyncio.timeout(10):
            event = await events.receive_json()
        assert event["schema_id"].endswith("/contents_service/v1")
        assert event["path"] == "a.txt"


@pytest.mark.parametrize("path", [f"/api/kernels/{UUID(int=0)}/channels", "/terminals/websocket/x"])
async def test_what_does_not_run_is_not_found(lab: Lab, path: str) -> None:
    assert await _refused(lab.connect(path)) == 404


async def test_a_stale_token_of_the_gateway_is_not_the_clients_fault(lab: Lab) -> None:
    async with relaying(Upstream(lab.url, {"Authorization": "token stale"})) as gateway:
        assert await _refused(gateway.connect("/api/events/subscribe")) == 503


async def test_output_while_nobody_listens_is_kept_for_the_session(lab: Lab) -> None:
    """The upstream keeps it from when its socket is closed, so a client that vanished must be noticed at once."""
    async with lab.kernel(V1, session_id="one-tab") as kernel:
        message_id = await kernel.ask("import time; time.sleep(1); print('late')")
        while (await kernel.heard())[0] != "execute_input":
            pass
        kernel.socket._writer.transport.abort()
    await asyncio.sleep(1.5)  # the kernel prints meanwhile
    async with lab.kernel(V1, session_id="one-tab") as kernel:
        assert (await kernel.follow(message_id)).printed_bytes > 0


async def test_much_output_for_a_slow_client_takes_little_memory(lab: Lab) -> None:
    async with lab.kernel(V1) as kernel:
        await kernel.execute("1")
        before = peak = _resident_bytes()
        message_id = await kernel.ask(PRINTING)
        await asyncio.sleep(2)  # all of it is printed, and nobody reads
        task = asyncio.create_task(kernel.follow(message_id, pause_seconds=0.005))
        while not task.done():
            await asyncio.wait({task}, timeout=0.05)
            peak = max(peak, _resident_bytes())
        assert (await task).printed_bytes >= PRINTED_BYTES
        assert peak - before < MEMORY_BYTES


async def test_a_server_that_is_killed_is_one_to_come_back_to(lab: Lab) -> None:
    async with lab.kernel(V1) as kernel:
        message_id = await kernel.ask(KILL_SERVER)
        with pytest.raises(ConnectionError, match="1012"):
            await kernel.follow(message_id)
    assert await _refused(lab.connect("/api/events/subscribe")) == 503
    await lab.start()
    async with lab.kernel(V1) as kernel:
        assert (await kernel.execute("2+2")).results == ["4"]


async def _refused(connecting: aiohttp.client._WSRequestContextManager) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await connecting
    return caught.value.status


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])
