"""Downloads over a store that fails: told before the first byte, visible as a broken transfer after it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from adapters.nx1 import store
from gateway.demo.s3 import S3Server
from gateway.dialects import streamed
from tests.fakes.s3 import new_bucket
from tests.fakes.s3_faults import Fault, Wire, cut, no_fault, refusal, wire_to
from tests.gateways import TOKEN, Answer, Clients, running_gateway

LONG = b"0123456789abcdef" * (1 << 16)
HEADERS = {"Authorization": f"token {TOKEN}"}
LAST_MODIFIED = "Sat, 21 Nov 2026 02:42:25 GMT"
FILE = "/files/m/a.bin"


@dataclass(frozen=True)
class Stand:
    clients: Clients
    wire: Wire
    etag: str

    async def get(self, **headers: str) -> Answer:
        return await self.clients.send("GET", FILE, HEADERS | headers)

    def breaks(self, fault: Callable[[web.Request], Awaitable[web.StreamResponse | None]], times: int = 10) -> None:
        """The store does so for the first GETs of the object."""
        left = [times]

        async def at_first(request: web.Request) -> web.StreamResponse | None:
            if request.method != "GET" or not request.path.endswith("/a.bin") or not left[0]:
                return None
            left[0] -= 1
            return await fault(request)

        self.wire.fault = at_first

    def begun(self, then: Callable[[web.Request], Awaitable[object]]) -> Fault:
        """An answer that has half of the bytes before ``then``."""

        async def fault(request: web.Request) -> web.StreamResponse:
            headers = {"ETag": f'"{self.etag}"', "Last-Modified": LAST_MODIFIED}
            response = web.StreamResponse(headers={**headers, "Content-Length": str(len(LONG))})
            await response.prepare(request)
            await response.write(LONG[: len(LONG) // 2])
            await then(request)
            return response

        return fault


@pytest.fixture
async def stand(tmp_path: Path, s3_server: S3Server) -> AsyncIterator[Stand]:
    async with wire_to(s3_server.endpoint_url) as wire:
        mount = {"name": "m", "kind": "nx1", **new_bucket(s3_server, endpoint_url=wire.url)}
        async with running_gateway(tmp_path, [mount]) as clients:
            stored = await clients.send("PUT", FILE, HEADERS, LONG)
            assert stored.status == 201
            yield Stand(clients, wire, stored.etag)


async def told(stand: Stand) -> tuple[int, int]:
    """The length that the answer announces, and how many bytes came until it broke."""
    received = 0
    async with stand.clients.session.get(f"{stand.clients.url}{FILE}", headers=HEADERS) as answer:
        assert answer.status == 200
        try:
            async for piece in answer.content.iter_any():
                received += len(piece)
        except aiohttp.ClientError:
            return answer.content_length or 0, received
    pytest.fail("the transfer ended as if it were complete")


async def aborted(request: web.Request) -> None:
    await asyncio.sleep(0.05)
    cut(request)


async def silent(_: web.Request) -> None:
    await asyncio.Event().wait()


async def test_what_breaks_in_the_store_breaks_for_the_client(stand: Stand) -> None:
    stand.breaks(stand.begun(aborted), times=1)
    announced, received = await told(stand)
    assert (announced, received <= len(LONG) // 2) == (len(LONG), True)
    assert (await stand.get()).body == LONG


async def test_a_store_that_falls_silent_ends_the_transfer(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "STALL_SECONDS", 0.3)
    stand.breaks(stand.begun(silent), times=1)
    announced, received = await told(stand)
    assert (announced, received <= len(LONG) // 2) == (len(LONG), True)
    assert (await stand.get()).body == LONG


async def test_a_client_that_takes_nothing_is_left(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it held in the store is given back: here the store sees its connection end."""
    monkeypatch.setattr(streamed, "CLIENT_SECONDS", 0.2)
    stored = await stand.clients.session.put(f"{stand.clients.url}{FILE}", headers=HEADERS, data=BytesIO(LONG * 32))
    etag, left = stored.headers["ETag"], asyncio.Event()

    async def give(request: web.Request) -> web.StreamResponse:
        headers = {"ETag": etag, "Last-Modified": LAST_MODIFIED, "Content-Length": str(32 * len(LONG))}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            for _ in range(32):
                await response.write(LONG)
        except ConnectionError:
            left.set()
        return response

    stand.breaks(give)
    address = URL(stand.clients.url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((address.host, address.port))
        client.sendall(f"GET {FILE}?token={TOKEN} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        async with asyncio.timeout(20):
            await left.wait()


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (refusal(500, "InternalError"), 503),
        (refusal(503, "SlowDown"), 503),
        (refusal(403, "AccessDenied"), 503),
        (refusal(404, "NoSuchKey"), 404),
        (refusal(412, "PreconditionFailed"), 409),
        (None, 503),
    ],
)
async def test_what_fails_before_the_first_byte_is_told(stand: Stand, fault: web.Response | None, status: int) -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        if fault is None:
            return cut(request)
        return web.Response(status=fault.status, body=fault.body, headers=fault.headers)

    stand.breaks(fail)
    answer = await stand.get()
    assert (answer.status, sorted(answer.json())) == (status, ["message", "reason"])
    assert b"secret-detail" not in answer.body
    stand.wire.fault = no_fault
    assert (await stand.get()).body == LONG


async def test_bytes_of_another_revision_are_not_given(stand: Stand) -> None:
    """A store that does not keep If-Match on reads is found out by the etag of its answer."""

    async def other(_: web.Request) -> web.StreamResponse:
        headers = {"ETag": '"other"', "Last-Modified": LAST_MODIFIED}
        return web.Response(body=LONG, headers=headers)

    stand.breaks(other, times=1)
    assert (await stand.get()).body == LONG
    stand.breaks(other)
    assert (await stand.get()).status == 409


async def test_a_file_that_is_replaced_while_it_is_opened_is_opened_again(stand: Stand) -> None:
    async def replaced(_: web.Request) -> None:
        stand.wire.fault = no_fault
        await stand.clients.send("PUT", FILE, HEADERS, LONG[::-1])

    stand.breaks(replaced, times=1)
    answer = await stand.get(Range="bytes=0-9")
    assert (answer.status, answer.body) == (206, LONG[::-1][:10])
    assert answer.etag != stand.etag


async def test_a_part_is_asked_of_the_store_as_a_part_of_one_revision(stand: Stand) -> None:
    asked: list[tuple[str | None, str | None]] = []

    async def note(request: web.Request) -> None:
        asked.append((request.headers.get("Range"), request.headers.get("If-Match")))

    stand.breaks(note)
    assert (await stand.get(Range="bytes=16-31")).body == LONG[:16]
    assert asked == [("bytes=16-31", f'"{stand.etag}"')]


async def test_a_store_that_gives_another_part_is_not_believed(stand: Stand) -> None:
    async def whole(_: web.Request) -> web.StreamResponse:
        return web.Response(body=LONG, headers={"ETag": f'"{stand.etag}"', "Last-Modified": LAST_MODIFIED})

    stand.breaks(whole)
    assert (await stand.get(Range="bytes=16-31")).status == 503
    assert (await stand.get()).body == LONG
