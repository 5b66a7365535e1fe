"""What clients are told when a Jupyter server fails, falls silent, breaks off, or refuses the gateway."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.server.carriage import (
    BROWSER,
    UPSTREAM_TOKEN,
    Feigned,
    Gateway,
    feigned_server,
    gateway_before,
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def upstream() -> AsyncIterator[Feigned]:
    async with feigned_server() as feigned:
        yield feigned


@pytest.fixture
async def gateway(upstream: Feigned, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_before(tmp_path, upstream.url) as running:
        yield running


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[str]:
    """A server that speaks byte by byte; what the gateway asks of contents breaks."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"/api/contents" not in head.splitlines()[0]:
                await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(met, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


def message(body: bytes) -> str:
    text: str = json.loads(body)["message"]
    return text


async def test_an_unreachable_server_is_503_to_clients_and_a_page_to_browsers(tmp_path: Path) -> None:
    async with feigned_server() as gone:
        pass
    async with gateway_before(tmp_path, gone.url) as gateway:
        told = await gateway.send("GET", "/lab/api/settings")
        shown = await gateway.send("GET", "/lab", BROWSER)
        changed = await gateway.send("PUT", "/lab/api/settings/x", data=b"{}")
    assert (told.status, shown.status, changed.status) == (503, 503, 503)
    assert told.headers["Retry-After"] == shown.headers["Retry-After"] == "5"
    assert message(told.body) == message(changed.body) == "The Jupyter server cannot be reached."
    assert shown.headers["Content-Type"].startswith("text/html")
    assert b"cannot be reached" in shown.body


@pytest.mark.parametrize(("status", "told"), [(500, 503), (501, 501), (502, 503), (503, 503), (504, 503), (599, 503)])
async def test_what_a_failing_server_says_is_not_passed_on(
    gateway: Gateway, upstream: Feigned, status: int, told: int
) -> None:
    inside = b'{"message": "/srv/secret.py", "traceback": "File /srv/secret.py"}'
    upstream.answers(inside, status, Content_Type="application/json")
    answer = await gateway.send("GET", "/lab/api/settings")
    assert answer.status == told
    assert b"/srv" not in answer.body
    assert message(answer.body).startswith("The Jupyter server")


async def test_the_traceback_of_a_refusal_is_blanked_and_the_rest_stays(gateway: Gateway, upstream: Feigned) -> None:
    told = {"message": "no such thing", "reason": None, "traceback": "File /srv/secret.py", "code": 7}
    upstream.answers(json.dumps(told).encode(), 424, Content_Type="application/json", Retry_After="3")
    answer = await gateway.send("GET", "/lab/api/settings")
    assert answer.status == 424
    assert json.loads(answer.body) == told | {"traceback": ""}
    assert answer.headers["Retry-After"] == "3"


async def test_a_refusal_in_plain_words_passes_and_json_that_is_none_is_told_anew(
    gateway: Gateway, upstream: Feigned
) -> None:
    upstream.answers(b"not today", 409, Content_Type="text/plain")
    assert (await gateway.send("GET", "/x")).body == b"not today"
    upstream.answers(b"file '/nofile' does not exist", 404, Content_Type="application/json")
    answer = await gateway.send("GET", "/x")
    assert answer.status == 404
    assert message(answer.body) == "The Jupyter server says: Not Found."


async def test_a_page_of_refusal_is_for_browsers_only(gateway: Gateway, upstream: Feigned) -> None:
    page = f'<body data-jupyter-api-token="{UPSTREAM_TOKEN}">404</body>'
    upstream.answers(page, 404, Content_Type="text/html")
    shown = await gateway.send("GET", "/nope", BROWSER)
    told = await gateway.send("GET", "/nope")
    assert (shown.status, shown.body) == (404, b'<body data-jupyter-api-token="">404</body>')
    assert (told.status, message(told.body)) == (404, "The Jupyter server says: Not Found.")


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (401, b"{}", {"WWW-Authenticate": "Basic"}),
        (403, b'{"message": "Forbidden", "reason": null}', {}),
        (403, b'{"message": "\'_xsrf\' argument missing from POST"}', {}),
        (302, b"", {"Location": "/login?next=%2Flab"}),
    ],
)
async def test_a_server_that_refuses_the_gateways_token_is_not_the_callers_fault(
    gateway: Gateway, upstream: Feigned, status: int, body: bytes, headers: dict[str, str]
) -> None:
    upstream.answers(body, status, Content_Type="application/json", more=headers)
    answer = await gateway.send("GET", "/lab/api/settings")
    assert answer.status == 503
    assert "credential" in message(answer.body)
    assert "Location" not in answer.headers
    assert "WWW-Authenticate" not in answer.headers


async def test_a_server_may_forbid_something_to_the_gateway(gateway: Gateway, upstream: Feigned) -> None:
    upstream.answers(b'{"message": "Permission denied: x"}', 403, Content_Type="application/json")
    answer = await gateway.send("GET", "/lab/api/settings")
    assert (answer.status, message(answer.body)) == (403, "Permission denied: x")


@pytest.mark.parametrize(
    "length", [b"Content-Length: 65537\r\n\r\n12345", b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"]
)
async def test_an_answer_that_breaks_off_breaks_the_clients_too(tmp_path: Path, length: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + length)
        await writer.drain()

    async with talking(talk) as url, gateway_before(tmp_path, url) as gateway:
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientConnectionError)):
            await gateway.send("GET", "/x")


@pytest.mark.parametrize("kind", [b"text/html", b"application/json"])
async def test_what_is_short_and_breaks_off_is_not_begun(tmp_path: Path, kind: bytes) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nContent-Length: 100\r\n\r\n<html>")
        await writer.drain()

    async with talking(talk) as url, gateway_before(tmp_path, url) as gateway:
        assert (await gateway.send("GET", "/lab")).status == 503


@pytest.mark.parametrize(("method", "tries"), [("GET", 2), ("HEAD", 2), ("POST", 1), ("PUT", 1), ("DELETE", 1)])
async def test_only_reads_are_asked_once_more(tmp_path: Path, method: str, tries: int) -> None:
    asked = 0

    async def talk(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1

    async with talking(talk) as url, gateway_before(tmp_path, url) as gateway:
        assert (await gateway.send(method, "/x")).status == 503
    assert asked == tries


async def test_a_page_in_an_encoding_is_read_all_the_same(gateway: Gateway, upstream: Feigned) -> None:
    page = f"<a href='/tree?token={UPSTREAM_TOKEN}'>x</a>".encode()
    upstream.answers(gzip.compress(page), Content_Type="text/html", Content_Encoding="gzip", ETag='"a"')
    answer = await gateway.send("GET", "/tree")
    assert answer.body == b"<a href='/tree?token='>x</a>"
    assert not {"Content-Encoding", "ETag"} & set(answer.headers)
    upstream.answers(b"??", Content_Type="text/html", Content_Encoding="br")
    assert (await gateway.send("GET", "/tree")).status == 503
    upstream.answers(b"??", Content_Type="text/html", Content_Encoding="gzip")
    assert (await gateway.send("GET", "/tree")).status == 503


async def test_a_page_whose_configuration_makes_no_sense_is_withheld(gateway: Gateway, upstream: Feigned) -> None:
    page = '<script id="jupyter-config-data" type="application/json">{"token": "x</script>'
    upstream.answers(page, Content_Type="text/html")
    assert (await gateway.send("GET", "/lab", BROWSER)).status == 503


@pytest.mark.parametrize("begins", [True, False])
async def test_a_client_that_leaves_takes_the_silent_server_along(tmp_path: Path, begins: bool) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if begins:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        asked.set()
        assert await reader.read() == b""
        left.set()

    async with talking(talk) as url, gateway_before(tmp_path, url) as gateway:
        leaving = asyncio.create_task(gateway.send("GET", "/events"))
        await asked.wait()
        leaving.cancel()
        await asyncio.wait_for(left.wait(), 5)
