"""How a channel is opened: what the upstream is asked, what the client is answered, and what keeps it from opening."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from aiohttp import web

from gateway.contents.upstream import Upstream
from tests.fakes.sockets import TOKEN, echo, hear_out, running_upstream
from tests.server.relaying import Relaying, relaying

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def test_the_upstream_chooses_among_the_clients_sub_protocols() -> None:
    async with running_upstream(echo, ("two", "three")) as fake, relaying(fake.upstream) as gateway:
        async with gateway.connect(protocols=("one", "three", "two")) as client:
            assert client.protocol == "three"
        assert fake.asked[0][1]["Sec-WebSocket-Protocol"] == "one, three, two"


async def test_no_sub_protocol_is_answered_when_the_upstream_chose_none(caplog: pytest.LogCaptureFixture) -> None:
    async with running_upstream(echo) as fake, relaying(fake.upstream) as gateway:
        headers = HANDSHAKE | {"Sec-WebSocket-Protocol": "one, two"}
        async with gateway.session.get(f"{gateway.url}/socket", headers=headers) as answer:
            assert answer.status == 101
            assert "Sec-WebSocket-Protocol" not in answer.headers
        assert fake.asked[0][1]["Sec-WebSocket-Protocol"] == "one, two"
    assert "gateway" not in caplog.text


async def test_no_compression_is_agreed_on_with_either_side() -> None:
    async with running_upstream(echo) as fake, relaying(fake.upstream) as gateway:
        async with gateway.session.ws_connect(f"{gateway.url}/socket", compress=15) as client:
            assert client.compress == 0
        assert "Sec-WebSocket-Extensions" not in fake.asked[0][1]


async def test_the_upstream_sees_its_target_untouched_and_no_more_headers_than_it_is_to_see() -> None:
    secret = {
        "Authorization": "token of-the-client",
        "Cookie": "of=the-client",
        "Origin": "http://evil.example",
        "Forwarded": "for=1.2.3.4",
        "X-Forwarded-For": "1.2.3.4",
        "X-Anything": "else",
        "User-Agent": "a browser",
    }
    target = "/api/kernels/a%2Fb%20c/channels?session_id=%7E%2B+x"
    async with (
        running_upstream(echo) as fake,
        relaying(fake.upstream, sent={"Cookie": "of=the-upstream", "Authorization": "of nobody"}) as gateway,
        gateway.connect(target, headers=secret),
    ):
        path, headers = fake.asked[0]
    assert path == f"/base{target}"
    assert headers["Authorization"] == f"token {TOKEN}"
    assert headers["Cookie"] == "of=the-upstream"
    assert headers["User-Agent"] == "a browser"
    assert headers["Host"] == fake.upstream.url.split("/")[2]
    assert not {"Origin", "Forwarded", "X-Forwarded-For", "X-Anything"} & set(headers)


@pytest.mark.parametrize(
    ("upstream_status", "status"), [(404, 404), (401, 503), (403, 503), (400, 503), (500, 503), (503, 503), (200, 503)]
)
async def test_an_upstream_that_refuses_is_told_in_plain_http(upstream_status: int, status: int) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=upstream_status, text="/home/secret")

    assert await _refusal(refuse) == status


async def test_a_caller_whose_own_login_the_upstream_refuses_is_forbidden() -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=403)

    async with running_upstream(hear_out) as fake:
        fake.answer = refuse
        async with relaying(Upstream(fake.upstream.url), sent={"Cookie": "stale"}) as gateway:
            assert await _status(gateway) == 403


async def test_no_redirect_of_the_upstream_is_followed() -> None:
    async with running_upstream(echo) as elsewhere:

        async def redirect(_request: web.Request) -> web.Response:
            raise web.HTTPFound(f"{elsewhere.upstream.url}/socket")

        assert await _refusal(redirect) == 503
        assert not elsewhere.asked


@pytest.mark.parametrize(
    "wrong",
    [
        {"Sec-WebSocket-Accept": "d3Jvbmc="},
        {"Upgrade": "h2c"},
        {"Sec-WebSocket-Protocol": "never-offered"},
        {"Sec-WebSocket-Extensions": "permessage-deflate"},
    ],
)
async def test_a_handshake_of_the_upstream_that_makes_no_sense_opens_nothing(wrong: dict[str, str]) -> None:
    async def pretend(request: web.Request) -> web.StreamResponse:
        honest = web.WebSocketResponse()
        good = honest._handshake(request)[0]
        response = web.StreamResponse(status=101, headers={**good, "Connection": "upgrade", **wrong})
        await response.prepare(request)
        return response

    assert await _refusal(pretend) == 503


async def test_an_upstream_that_cannot_be_reached_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with relaying(Upstream(f"http://127.0.0.1:{port}")) as gateway:
            assert await _status(gateway) == 503


async def test_an_upstream_that_does_not_answer_in_time_is_unavailable() -> None:
    async with running_upstream(hear_out) as fake:
        fake.answer = _never
        async with relaying(fake.upstream, handshake_seconds=0.1) as gateway:
            assert await _status(gateway) == 503


async def test_a_client_that_leaves_while_the_upstream_thinks_is_not_waited_for() -> None:
    left = asyncio.Event()

    async def think(request: web.Request) -> web.StreamResponse:
        while request.transport is not None:  # noqa: ASYNC110  aiohttp has no event for it
            await asyncio.sleep(0.01)
        left.set()
        return web.Response()

    async with running_upstream(hear_out) as fake:
        fake.answer = think
        async with relaying(fake.upstream) as gateway:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2), gateway.connect():
                    pass
            async with asyncio.timeout(5):
                await left.wait()


@pytest.mark.parametrize(
    "changed",
    [
        {"Sec-WebSocket-Key": "short"},
        {"Sec-WebSocket-Key": "!"},
        {"Sec-WebSocket-Key": "schlüssel"},
        {"Sec-WebSocket-Version": "12"},
        {"Connection": "keep-alive"},
        {"Upgrade": "h2c"},
        {"Sec-WebSocket-Protocol": "no token, one"},
    ],
)
async def test_what_is_no_valid_handshake_is_the_clients_fault(changed: dict[str, str]) -> None:
    async with running_upstream(echo) as fake, relaying(fake.upstream) as gateway:
        assert await _status(gateway, HANDSHAKE | changed) == 400
        assert not fake.asked


async def test_bytes_in_headers_that_are_no_text_are_the_clients_fault() -> None:
    async with running_upstream(echo) as fake, relaying(fake.upstream) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
        lines = [f"{name}: {value}" for name, value in HANDSHAKE.items()]
        writer.write("\r\n".join(["GET / HTTP/1.1", "Host: x", *lines, "X-Odd: "]).encode() + b"\xff\xfe\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_only_get_opens_a_socket() -> None:
    async with running_upstream(echo) as fake, relaying(fake.upstream) as gateway:
        async with gateway.session.post(f"{gateway.url}/socket", headers=HANDSHAKE) as answer:
            assert answer.status == 400
        assert not fake.asked


async def _never(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def _refusal(answer: Answer) -> int:
    """What the client is answered when the upstream answers so instead of opening a socket."""
    async with running_upstream(hear_out) as fake:
        fake.answer = answer
        async with relaying(fake.upstream) as gateway:
            return await _status(gateway)


async def _status(gateway: Relaying, headers: dict[str, str] | None = None) -> int:
    async with gateway.session.get(f"{gateway.url}/socket", headers=headers or HANDSHAKE) as answer:
        text = "" if answer.status == 101 else await answer.text()
        assert "/home/secret" not in text
        assert "Retry-After" in answer.headers or answer.status != 503
        return answer.status
