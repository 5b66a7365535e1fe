"""A client of a kernel's WebSocket that speaks both of its wire forms, and counts what is printed."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp

V1 = "v1.kernel.websocket.jupyter.org"

Heard = tuple[str, Any, bytes]


@dataclass(slots=True)
class Run:
    """What one execution brought forth; ``printed_bytes`` counts the messages of its output as they came."""

    status: str = ""
    results: list[str] = field(default_factory=list)
    printed_bytes: int = 0


class KernelClient:
    """One kernel over one open socket, in the form that the socket's sub-protocol says."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self.socket = socket
        self._session_id = uuid4().hex

    async def execute(self, code: str) -> Run:
        """Run ``code`` until the kernel has answered and is idle again. ConnectionError when the socket ends first."""
        return await self.follow(await self.ask(code))

    async def follow(self, message_id: str, *, pause_seconds: float = 0) -> Run:
        """Listen to an execution until its end, with a pause before each message."""
        run, is_idle = Run(), False
        while not (is_idle and run.status):
            await asyncio.sleep(pause_seconds)
            kind, parent, content = await self.heard()
            if parent.get("msg_id") != message_id:
                continue
            if kind == "stream":
                run.printed_bytes += len(content)
            elif kind == "execute_result":
                run.results.append(json.loads(content)["data"]["text/plain"])
            elif kind == "execute_reply":
                run.status = json.loads(content)["status"]
            elif kind == "status":
                is_idle = json.loads(content)["execution_state"] == "idle"
        return run

    async def ask(self, code: str) -> str:
        """Send ``code`` to be run; returns the id of the request."""
        message_id = uuid4().hex
        header = {
            "msg_id": message_id,
            "msg_type": "execute_request",
            "username": "",
            "session": self._session_id,
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        if self.socket.protocol == V1:
            parts = [b"shell", *(json.dumps(part).encode() for part in (header, {}, {}, content))]
            await self.socket.send_bytes(_joined(parts))
        else:
            message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
            await self.socket.send_json({"channel": "shell", **message})
        return message_id

    async def heard(self) -> Heard:
        """The kind, the parent's header and the content, still as JSON, of the next message."""
        message = await self.socket.receive()
        match message.type:
            case aiohttp.WSMsgType.BINARY:
                _, header, parent, _, content, *_ = _split(message.data)
                return json.loads(header)["msg_type"], json.loads(parent), content
            case aiohttp.WSMsgType.TEXT:
                whole = json.loads(message.data)
                return whole["header"]["msg_type"], whole["parent_header"], json.dumps(whole["content"]).encode()
        raise ConnectionError(f"the socket ended with {self.socket.close_code}")


def _joined(parts: list[bytes]) -> bytes:
    """Number of offsets, offsets, parts; the last offset is the end (spec jupyter A6)."""
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    numbers = (len(offsets), *offsets)
    return b"".join([*(number.to_bytes(8, "little") for number in numbers), *parts])


def _split(frame: bytes) -> list[bytes]:
    def number(index: int) -> int:
        return int.from_bytes(frame[8 * index : 8 * index + 8], "little")

    offsets = [number(1 + index) for index in range(number(0))]
    return [frame[start:end] for start, end in itertools.pairwise(offsets)]
