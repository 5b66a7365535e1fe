"""Which paths and queries reach a Jupyter server, byte for byte; and that no spelling leads past its base path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateways import TOKEN
from tests.server.carriage import Feigned, Gateway, feigned_server, gateway_before

THEIRS = "/user/ada"


@pytest.fixture
async def upstream() -> AsyncIterator[Feigned]:
    async with feigned_server(THEIRS) as feigned:
        yield feigned


@pytest.fixture
async def gateway(upstream: Feigned, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_before(tmp_path, upstream.url) as running:
        yield running


FAITHFUL = [
    "/lab/api/settings/@jupyterlab/apputils-extension:themes?1763922965623",
    "/lab/api/workspaces/a%2Fb",
    "/lab/tree/100%25.ipynb",
    "/lab/tree/50%25off%20now.ipynb",
    "/lab/tree/a+b%2Bc.txt",
    "/lab/tree/%C3%BC%E2%82%AC.ipynb",
    "/lab/tree/a;b=c,d'(e)!*~$&.txt",
    "/lab/tree/..a/b..c/...",
    "/lab/tree/a/",
    "/lab/a//b",
    "/lab//",
    "/",
    "/static/lab/main.js?v=a%20b&c=%2e%2e/",
    "/x?a=1&&b=2;c=3",
    "/x?",
    "/x?a=http://elsewhere.example/../",
    "/x?totoken=1&token2=2&a=token",
]


@pytest.mark.parametrize("target", FAITHFUL)
async def test_a_target_arrives_byte_for_byte(gateway: Gateway, upstream: Feigned, target: str) -> None:
    answer = await gateway.raw(b"GET " + target.encode() + b" HTTP/1.1")
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert upstream.targets == [THEIRS + target.removesuffix("?").replace("&&", "&")]


HOSTILE = [
    b"/../x",
    b"/lab/../../x",
    b"/lab/..",
    b"/./x",
    b"/%2e%2e/x",
    b"/lab/%2E%2e/%2e./.%2e/x",
    b"/lab%2F..%2F..%2Fx",
    b"/lab/%252e%252e/x",
    b"/lab%252F..%252F..%252Fx",
    b"/lab/%25252e%25252e/x",
    b"/lab/..;/x",
    b"/lab/..;a=b/x",
    b"/lab/%2e%2e%3b/x",
    b"/lab/..\\x",
    b"/lab\\..\\x",
    b"/lab/%5c..%5cx",
    b"/lab/%255c..%255cx",
    b"/lab/x%00",
    b"/lab/x%2500",
    b"/lab/x%0d%0aHost:%20evil",
    b"/lab/x%0a",
    b"/lab/x%7f",
    b"//elsewhere.example/x",
    b"///elsewhere.example/x",
    b"/%2Felsewhere.example/x",
    b"/%2felsewhere.example/..",
    b"/\\elsewhere.example/x",
    b"/%5Celsewhere.example/x",
    b"http://elsewhere.example/lab",
    b"HTTP://elsewhere.example/lab",
    b"@elsewhere.example/lab",
    b":80/lab",
    b"lab",
    b"*",
    b"/lab/%",
    b"/lab/%zz",
    b"/lab/%2",
    b"/lab/%u002e",
    b"/lab/%ff",
    b"/lab/%c0%ae%c0%ae/x",
    b"/lab/\xff",
    b"/lab/\xc3\xbc",
    b"/x?%ff=1",
    b"/x?a%=1",
    b"/lab#/../x",
    b"/x?a#b",
]


@pytest.mark.parametrize("target", HOSTILE)
async def test_a_hostile_target_never_reaches_the_server(gateway: Gateway, upstream: Feigned, target: bytes) -> None:
    answer = await gateway.raw(b"GET " + target + b" HTTP/1.1")
    assert answer.split(b" ")[1] in (b"400", b"404"), answer
    assert upstream.targets == []


SHUT = [
    "/api/shutdown",
    "/api/shutdown/",
    "/api//shutdown",
    "/api/%73hutdown",
    "/%61pi/shutdown",
    "/api%2Fshutdown",
    "/api%252fshutdown",
]


@pytest.mark.parametrize("target", SHUT)
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_nobody_ends_the_server(gateway: Gateway, upstream: Feigned, method: str, target: str) -> None:
    answer = await gateway.raw(f"{method} {target} HTTP/1.1".encode())
    assert answer.startswith(b"HTTP/1.1 404"), answer
    assert upstream.targets == []


QUERIES = [
    (f"token={TOKEN}", ""),
    (f"a=1&token={TOKEN}&b=2", "?a=1&b=2"),
    ("%74oken=x", ""),
    ("a=1;token=x;b=2", "?a=1;b=2"),
    ("token", ""),
    ("tok%65n=x&a", "?a"),
]


@pytest.mark.parametrize(("query", "told"), QUERIES)
async def test_no_callers_token_goes_up(gateway: Gateway, upstream: Feigned, query: str, told: str) -> None:
    answer = await gateway.raw(f"GET /lab/api/settings?{query.replace('=x', f'={TOKEN}')} HTTP/1.1".encode())
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert upstream.targets == [f"{THEIRS}/lab/api/settings{told}"]
