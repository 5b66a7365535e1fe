"""The road as raw requests meet it: routes, bodies that do not arrive, clients that go away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.server import road
from tests.gateways import NOTEBOOK, PSK, TOKEN, Clients, running_gateway

BOUNDARY = "x-boundary"
PART = (
    f"--{BOUNDARY}\r\n"
    'Content-Disposition: form-data; name="file"; filename="a.ipynb"\r\n'
    "Content-Type: application/x-ipynb+json\r\n\r\n"
)


@pytest.fixture
async def clients(tmp_path: Path) -> AsyncIterator[Clients]:
    (tmp_path / "files").mkdir()
    mount = {"kind": "local", "folder": str(tmp_path / "files"), "name": "m", "homes": True}
    async with running_gateway(tmp_path, [mount], nx1_mount="m") as gateway:
        yield gateway


async def connected(clients: Clients) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(clients.url)
    return await asyncio.open_connection(address.hostname, address.port)


def head(method: str, path: str, *lines: str) -> bytes:
    credential = f"Authorization-PSK: {PSK}" if path == "/api/notebooks" else f"Authorization: token {TOKEN}"
    fixed = (f"{method} {path} HTTP/1.1", "Host: localhost", credential)
    return "\r\n".join((*fixed, *lines, "", "")).encode()


async def answer_to(clients: Clients, request: bytes) -> tuple[int, dict[str, object]]:
    reader, writer = await connected(clients)
    writer.write(request)
    start = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in start.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = await reader.readexactly(length)
    writer.close()
    return int(start.split(b" ")[1]), json.loads(body)


async def test_a_body_that_does_not_arrive_in_time_is_refused(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(road, "BODY_SECONDS", 0.2)
    status, body = await answer_to(clients, head("PUT", "/api/contents/m/a.ipynb", "Content-Length: 100") + b'{"type":')
    assert status == 400
    assert "did not arrive" in str(body["message"])
    assert (await clients.jupyter("GET", "/contents/m/a.ipynb")).status == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/contents/m/a.ipynb", b'{"type": "notebook", "content": {"nbformat": 4, "cells": ['),
        ("/api/notebooks", (PART + '{"nbformat": 4').encode()),
    ],
)
async def test_a_client_that_goes_away_in_the_middle_of_an_upload_leaves_the_old_content(
    clients: Clients, path: str, body: bytes
) -> None:
    before = (await clients.upload("a.ipynb")).json()
    etag = (await clients.jupyter("GET", "/contents/m/a.ipynb")).etag
    method = "POST" if path == "/api/notebooks" else "PUT"
    content_type = f"multipart/form-data; boundary={BOUNDARY}" if method == "POST" else "application/json"
    _, writer = await connected(clients)
    writer.write(head(method, path, "Content-Length: 100000", f"Content-Type: {content_type}") + body)
    await writer.drain()
    writer.transport.abort()
    after = await clients.jupyter("GET", "/contents/m/a.ipynb")
    assert after.etag == etag
    assert before["size_bytes"] == len(NOTEBOOK)


async def test_a_multipart_body_that_ends_early_stores_nothing(clients: Clients) -> None:
    body = (PART + '{"nbformat": 4').encode()
    lines = (f"Content-Length: {len(body)}", f"Content-Type: multipart/form-data; boundary={BOUNDARY}")
    status, answer = await answer_to(clients, head("POST", "/api/notebooks", *lines) + body)
    assert status == answer["code"] == 400
    assert (await clients.nx1("GET", "/notebooks")).json() == []
