"""No secret reaches the log, whichever way it was put in."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from gateway.server.listening import listening
from gateway.server.logs import configure, redacted

SECRET = "open-sesame"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, access = logging.getLogger(), logging.getLogger("aiohttp.access")
    handlers, level, disabled = root.handlers[:], root.level, access.disabled
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    access.disabled = disabled
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "text",
    [
        f"/api/contents?token={SECRET}",
        f"/api/contents?a=1&token={SECRET}&b=2",
        f"/api/contents?%74ok%65n={SECRET}",
        f"/api/contents?TOKEN={SECRET}",
        f"GET /x?token={SECRET} HTTP/1.1",
        f"Authorization: Bearer {SECRET}",
        f"authorization-psk: {SECRET}",
        f"{{'Authorization': 'token {SECRET}'}}",
        f"('Authorization', 'Basic {SECRET}')",
        f"https://user:{SECRET}@host/path",
    ],
)
def test_secrets_in_text_are_blanked(text: str) -> None:
    assert SECRET not in redacted(text)


@pytest.mark.parametrize("text", ["/api/contents/a.ipynb?content=1", "the token is missing", "http://host/a@b", ""])
def test_other_text_is_left_alone(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.parametrize(
    "facts",
    [
        {"token": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        {"psk": SECRET},
        {"secret_access_key": SECRET},
        {"headers": {"Authorization-PSK": SECRET, "Cookie": SECRET}},
        {"urls": [f"/x?token={SECRET}"]},
        {"url": ("GET", f"/x?token={SECRET}")},
        {"error": ValueError(f"/x?token={SECRET}")},
        {"content": f"/x?token={SECRET}".encode()},
        {"exc_info": ValueError(f"/x?token={SECRET}")},
    ],
    ids=lambda facts: str(next(iter(facts))),
)
def test_secrets_in_facts_are_blanked(capsys: pytest.CaptureFixture[str], form: Any, facts: dict[str, Any]) -> None:
    configure(form, "info")
    structlog.get_logger().info("event", **facts)
    written = capsys.readouterr().err
    assert "event" in written
    assert SECRET not in written


def test_local_variables_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    configure("console", "info")

    def failing(held: str) -> None:
        assert held
        raise ValueError("bug")

    try:
        failing(SECRET)
    except ValueError:
        structlog.get_logger().exception("failed")
    written = capsys.readouterr().err
    assert "ValueError: bug" in written
    assert SECRET not in written


def test_the_standard_library_speaks_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info")
    logging.getLogger("some.library").warning("asked %s", f"/x?token={SECRET}")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["logger"]) == ("asked /x?token=***", "warning", "some.library")


def test_what_is_below_the_level_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("some.library").info("quiet")
    assert capsys.readouterr().err == ""


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info")
    configure("json", "info")
    structlog.get_logger().info("once")
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    "line",
    [f"Authorization Bearer {SECRET}", f"X\x00: {SECRET}", f"X-{SECRET}: {'a' * 20_000}"],
    ids=["no colon", "NUL", "too long"],
)
async def test_the_parsers_complaint_does_not_quote_the_request(capsys: pytest.CaptureFixture[str], line: str) -> None:
    configure("json", "debug")
    async with listening(web.Application(), "127.0.0.1", 0) as url:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /x HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n".encode())
        assert (await asyncio.wait_for(reader.read(12), 5)).endswith(b"400")
        writer.close()
    written = capsys.readouterr().err
    assert "malformed request" in written
    assert SECRET not in written


async def test_a_body_that_is_not_encoded_as_it_says_is_the_clients_fault_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    configure("json", "info")
    app = web.Application()
    app.router.add_post("/x", read)
    async with listening(app, "127.0.0.1", 0) as url, aiohttp.ClientSession() as session:
        async with session.post(f"{url}/x", data=b"no gzip", headers={"Content-Encoding": "gzip"}) as answer:
            assert answer.status >= 400
    written = capsys.readouterr().err
    assert ("malformed request" in written, "Traceback" in written) == (True, False)
