"""What every request meets: a request id, a translation of whatever is raised, a line in the log, a count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from gateway.contents.problem import Code, Problem
from gateway.server.middleware import MOUNT, Metrics
from tests.server.doors import Client, house


def raising(error: BaseException) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(_request: web.Request) -> web.StreamResponse:
        raise error

    return handler


async def fine(request: web.Request) -> web.Response:
    request[MOUNT] = "files"
    return web.Response(body=await request.read() or b"four")


@pytest.mark.parametrize("given", ["aidp-cli-1b2c", "A_b-9", "csid0a/0b", "x" * 128])
async def test_a_wellformed_request_id_is_kept(given: str) -> None:
    async with house(fine) as client, client.get("/at/x", headers={"X-Request-ID": given}) as answer:
        assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", [None, "", "a b", "a/", "/a", "a//b", "x" * 129, "é", "a;b", "<script>"])
async def test_any_other_request_id_is_replaced(given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given}
    async with house(fine) as client, client.get("/at/x", headers=headers) as answer:
        assert len(answer.headers["X-Request-ID"]) == 32
        assert answer.headers["X-Request-ID"] != given


@pytest.mark.parametrize("code", Code)
async def test_a_problem_is_worded_by_the_dialect(code: Code) -> None:
    async with house(raising(Problem(code, "A sentence."))) as client, client.get("/at/x") as answer:
        assert (answer.status, (await answer.json())["detail"]) == (code.value, "A sentence.")
        assert answer.headers["X-Finished"] == "yes"
        assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TimeoutError(), "TIMEOUT"),
        (RecursionError(), "INVALID"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "INVALID"),
        (ConnectionResetError(), "INVALID"),
        (ConnectionRefusedError(), "INTERNAL"),
        (KeyError("/host/path/secret"), "INTERNAL"),
        (OSError(2, "No such file", "/host/path/secret"), "INTERNAL"),
        (web.HTTPBadRequest(text="secret"), "INVALID"),
        (web.HTTPUnauthorized(), "UNAUTHENTICATED"),
        (web.HTTPExpectationFailed(), "INVALID"),
        (web.HTTPUnsupportedMediaType(), "MEDIA_TYPE"),
        (web.HTTPTooManyRequests(), "THROTTLED"),
        (web.HTTPInternalServerError(text="secret"), "INTERNAL"),
        (web.HTTPNotImplemented(), "UNSUPPORTED"),
        (web.HTTPInsufficientStorage(), "INTERNAL"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_any_exception_is_worded_without_its_text(error: BaseException, code: str) -> None:
    async with house(raising(error)) as client, client.get("/at/x") as answer:
        text = await answer.text()
        assert (await answer.json())["code"] == code
        assert "secret" not in text
        assert "Traceback" not in text


async def test_an_unknown_url_is_worded_by_the_dialect() -> None:
    async with house(fine) as client, client.get("/nowhere") as answer:
        assert (answer.status, (await answer.json())["reason"]) == (404, "NO_ROUTE")


async def test_a_wrong_method_names_the_right_ones() -> None:
    async with house(fine) as client, client.post("/get-only") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_a_body_over_the_limit_is_too_large() -> None:
    async with house(fine, max_body_bytes=10) as client, client.put("/at/x", data=b"x" * 11) as answer:
        assert (answer.status, (await answer.json())["code"]) == (413, "TOO_LARGE")


async def test_a_redirect_is_left_alone() -> None:
    moved = raising(web.HTTPFound("/elsewhere"))
    async with house(moved) as client, client.get("/at/x", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


async def exchange(client: Client, head: bytes, rest: bytes = b"") -> bytes:
    """``rest`` is sent when the handler already waits for it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(head)
    await asyncio.sleep(0.05)
    writer.write(rest)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


async def test_a_damaged_body_is_invalid() -> None:
    async with house(fine) as client:
        head = b"PUT /at/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        answer = await exchange(client, head + b"Content-Encoding: gzip\r\nContent-Length: 7\r\n\r\n", b"rubbish")
        assert answer.startswith(b"HTTP/1.1 400")
        assert b'"code": "INVALID"' in answer


async def test_a_truncated_body_never_looks_whole() -> None:
    seen: list[bytes] = []

    async def remember(request: web.Request) -> web.Response:
        seen.append(await request.read())
        return web.Response()

    with capture_logs() as lines:
        async with house(remember) as client:
            _, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(b"PUT /at/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nshort")
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.close()
            await asyncio.sleep(0.1)
    assert seen == []
    assert not [line for line in lines if line["log_level"] == "error"]


async def test_cancellation_passes_and_is_logged_as_such() -> None:
    with capture_logs() as lines:
        async with house(raising(asyncio.CancelledError())) as client:
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await client.post("/at/x")
    assert [line["status"] for line in lines if line["event"] == "request"] == [499]


async def test_an_answer_that_has_begun_is_not_replaced() -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        raise KeyError("halfway")

    async with house(half) as client:
        answer = await exchange(client, b"GET /at/x HTTP/1.1\r\nHost: h\r\n\r\n")
        assert answer.count(b"HTTP/1.1") == 1
        assert answer.endswith(b"half")


async def test_one_line_tells_what_was_asked_without_the_token() -> None:
    with capture_logs() as lines:
        async with house(fine) as client, client.get("/at/x?a=1&token=sesame") as answer:
            assert answer.status == 200
    line = next(line for line in lines if line["event"] == "request")
    assert line["path"] == "/at/x?a=1&token=***"
    told = {name: line[name] for name in ("dialect", "mount", "caller", "method", "status", "bytes")}
    assert told == {"dialect": "plain", "mount": "files", "caller": None, "method": "GET", "status": 200, "bytes": 4}


async def test_an_unexpected_exception_is_logged_with_its_cause() -> None:
    with capture_logs() as lines:
        async with house(raising(KeyError("bug"))) as client, client.get("/at/x"):
            pass
    line = next(line for line in lines if line["event"] == "request failed")
    assert line["log_level"] == "error"
    assert isinstance(line["exc_info"], KeyError)


async def test_requests_are_counted_and_invented_methods_are_one() -> None:
    metrics = Metrics()
    async with house(fine, metrics=metrics) as client:
        for method in ("GET", "MKCOL", "PROPFIND"):
            async with client.request(method, "/at/x"):
                pass
    numbers = generate_latest(metrics.registry).decode()
    assert 'nbgw_requests_total{dialect="plain",method="GET",status="200"} 1.0' in numbers
    assert 'nbgw_requests_total{dialect="plain",method="OTHER",status="200"} 2.0' in numbers
