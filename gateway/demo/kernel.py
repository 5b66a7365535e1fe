"""Running code on a kernel, as a notebook's cell does: over a WebSocket, in Jupyter's default wire form."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import aiohttp
from yarl import URL

RUN_SECONDS = 60.0


async def run_code(session: aiohttp.ClientSession, gateway_url: str, token: str, kernel_id: str, code: str) -> str:
    """The text of the code's result; empty when it has none, or when there is no such kernel."""
    url = URL(f"{gateway_url}/api/kernels/{kernel_id}/channels").with_query(token=token)
    request = _execute_request(code)
    try:
        async with asyncio.timeout(RUN_SECONDS), session.ws_connect(url) as channels:
            await channels.send_json(request)
            return await _result(channels, request["header"]["msg_id"])
    except (aiohttp.ClientError, TimeoutError):
        return ""


async def _result(channels: aiohttp.ClientWebSocketResponse, request_id: str) -> str:
    text = ""
    while True:
        message = await channels.receive_json()
        if message["parent_header"].get("msg_id") != request_id:
            continue
        content = message["content"]
        if message["msg_type"] == "execute_result":
            text = str(content["data"]["text/plain"])
        if message["msg_type"] == "status" and content["execution_state"] == "idle":
            return text


def _execute_request(code: str) -> dict[str, Any]:
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": uuid.uuid4().hex,
        "username": "demo",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    return {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
