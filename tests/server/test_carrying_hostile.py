"""Answers with which a Jupyter server, or whoever writes its pages, could get more out of a browser than it may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.server.carriage import Feigned, Gateway, feigned_server, gateway_before


@pytest.fixture
async def upstream() -> AsyncIterator[Feigned]:
    async with feigned_server() as feigned:
        yield feigned


@pytest.fixture
async def gateway(upstream: Feigned, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_before(tmp_path, upstream.url) as running:
        yield running


async def test_of_several_security_policies_none_is_lost(gateway: Gateway, upstream: Feigned) -> None:
    async def handle(_: web.Request) -> web.Response:
        answer = web.Response(body=b"x")
        answer.headers.add("Content-Security-Policy", "frame-ancestors 'self'")
        answer.headers.add("Content-Security-Policy", "sandbox allow-scripts")
        return answer

    upstream.handle = handle
    told = (await gateway.send("GET", "/x")).headers.getall("Content-Security-Policy")
    assert told == ["frame-ancestors 'self', sandbox allow-scripts"]


async def test_of_several_types_the_one_that_was_judged_is_told(gateway: Gateway, upstream: Feigned) -> None:
    async def handle(_: web.Request) -> web.Response:
        answer = web.Response(body=b"<script>", content_type="text/plain")
        answer.headers.add("Content-Type", "text/html")
        return answer

    upstream.handle = handle
    assert (await gateway.send("GET", "/x")).headers.getall("Content-Type") == ["text/plain"]


@pytest.mark.parametrize(
    "path",
    [
        "/%66iles/x.html",
        "/files%2Fx.html",
        "/%2566iles/x.html",
        "/files",
        "/nbconvert%2Fhtml%2Fx.ipynb",
        "/nbconver%74/html/x.ipynb",
        "/kernelspec%73/python3/x.js",
    ],
)
async def test_no_spelling_leads_to_what_others_have_stored_past_the_gateway(
    gateway: Gateway, upstream: Feigned, path: str
) -> None:
    assert (await gateway.send("GET", path)).status == 404
    assert upstream.targets == []
