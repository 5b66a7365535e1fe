"""What a browser gets of a Jupyter server's pages: nothing of its credential, and paths that lead to the gateway."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from gateway.contents.problem import Code, Problem
from gateway.contents.upstream import Upstream
from gateway.server.carrying.pages import Rewriting, rewriting

LONG = "0123456789abcdef-&'<"
SHORT = "jupyter"
ELEMENT = '<script id="jupyter-config-data" type="application/json">'

LAB = {
    "appUrl": "/lab",
    "baseUrl": "/user/ada/",
    "fullAppUrl": "/user/ada/lab",
    "fullMathjaxUrl": "https://cdn.example/MathJax.js",
    "fullStaticUrl": "/user/ada/static/lab",
    "frontendUrl": "/user/ada/",
    "otherUrl": "/user/ada/other?x=/user/ada/y",
    "labextensionsPath": ["/user/ada/share"],
    "preferredPath": "/user/ada/notes",
    "serverRoot": "/user/ada/root",
    "staticDir": "/user/ada/static",
    "rootUri": "file:///user/ada/root",
    "treePath": "user/ada",
    "store_id": 12345678901234567890123,
    "hubPrefix": "/hub/",
    "hubUser": "ada",
    "quitButton": True,
    "token": "secret",
    "wsUrl": "ws://10.0.0.1:8889/user/ada/",
    "title": "</script><script>alert('&')</script>",
}


def of(url: str = "http://h:1/user/ada", ours: str = "/notebooks", token: str = LONG) -> Rewriting:
    return rewriting(Upstream(url, {"Authorization": f"token {token}"}), ours)


def page_with(config: dict[str, Any]) -> bytes:
    return f"<head>{ELEMENT}{json.dumps(config).replace('<', chr(92) + 'u003c')}</script></head>".encode()


def config_in(page: bytes) -> dict[str, Any]:
    text = page.decode().partition(ELEMENT)[2]
    found: dict[str, Any] = json.loads(text[: text.index("</script>")])
    return found


def test_the_configuration_loses_the_token_and_gains_the_gateways_paths() -> None:
    config = config_in(of().page(page_with(LAB)))
    hub = {"hubPrefix", "hubUser"}
    changed = {name: config[name] for name in LAB if name not in hub and config[name] != LAB[name]}
    assert changed == {
        "baseUrl": "/notebooks/",
        "fullAppUrl": "/notebooks/lab",
        "fullStaticUrl": "/notebooks/static/lab",
        "frontendUrl": "/notebooks/",
        "otherUrl": "/notebooks/other?x=/user/ada/y",
        "quitButton": False,
        "token": "",
        "wsUrl": "",
    }
    assert not hub & set(config)


@pytest.mark.parametrize(
    ("url", "ours", "base"),
    [
        ("http://h:1", "", "/"),
        ("http://h:1", "/notebooks", "/notebooks/"),
        ("http://h:1/user/ada", "", "/"),
        ("http://h:1/user/ada", "/user/ada", "/user/ada/"),
    ],
)
def test_the_base_is_the_gateways_on_either_side(url: str, ours: str, base: str) -> None:
    theirs = url.removeprefix("http://h:1") + "/"
    config = {
        "baseUrl": theirs,
        "fullTreeUrl": f"{theirs}tree",
        "treeUrl": "/tree",
        "fullSettingsUrl": f"{theirs}lab/api/settings",
        "settingsUrl": "/lab/api/settings",
    }
    told = config_in(of(url, ours).page(page_with(config)))
    assert (told["baseUrl"], told["fullTreeUrl"], told["treeUrl"]) == (base, f"{base}tree", "/tree")
    assert (told["fullSettingsUrl"], told["settingsUrl"]) == (f"{base}lab/api/settings", "/lab/api/settings")


@pytest.mark.parametrize("spelled", ["/user/al%40x.org", "/user/al@x.org"])
def test_a_base_path_is_known_in_each_way_it_is_escaped(spelled: str) -> None:
    told = of("http://h:1/user/al%40x.org", "").page(f'<a href="{spelled}/tree">'.encode())
    assert told == b'<a href="/tree">'


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (b'<script src="/user/ada/static/a.js?v=1">', b'<script src="/notebooks/static/a.js?v=1">'),
        (b"<a  HREF = '/user/ada'>", b"<a  HREF = '/notebooks/'>"),
        (b"<form action=/user/ada/login?next=%2Fuser%2Fada>", b"<form action=/notebooks/login?next=%2Fuser%2Fada>"),
        (b'<body data-base-url="/user/ada/">', b'<body data-base-url="/notebooks/">'),
        (b'<a href="/user/adam/">', b'<a href="/user/adam/">'),
        (b'<a href="//cdn.example/user/ada/">', b'<a href="//cdn.example/user/ada/">'),
        (b'<a href="/user/ada//cdn.example">', b'<a href="/user/ada//cdn.example">'),
        (b'<a href="https://h/user/ada/">', b'<a href="https://h/user/ada/">'),
        (b'<a href="static/a.js">', b'<a href="static/a.js">'),
        (b"<p>/user/ada/x</p>", b"<p>/user/ada/x</p>"),
        (b'<img data-src="/user/ada/x" alt="\xff">', b'<img data-src="/user/ada/x" alt="\xff">'),
        (b'<a href="/user/ada/\xff">', b'<a href="/notebooks/\xff">'),
    ],
)
def test_attributes_that_hold_the_servers_paths_lead_to_the_gateway(given: bytes, told: bytes) -> None:
    assert of().page(given) == told


def test_style_sheets_lead_to_the_gateway_too() -> None:
    sheet = b"a { background: url('/user/ada/lab/api/themes/x.svg') } b { background: url(y.svg) url( \"/z\") }"
    assert of().sheet(sheet) == sheet.replace(b"/user/ada", b"/notebooks")


def test_the_token_is_nowhere_in_a_page_in_any_spelling() -> None:
    spellings = [LONG, "0123456789abcdef-%26%27%3C", "0123456789abcdef-&amp;&#x27;&lt;"]
    in_script = json.dumps(LONG)[1:-1]
    for letter in "<&'":
        in_script = in_script.replace(letter, f"\\u00{ord(letter):02x}")
    for spelling in [*spellings, in_script]:
        for page in ("<p>{}</p>", "<a href='/x?token={}'>", "<script>var x = '{}'</script>", "<!-- {} -->"):
            told = of("http://h:1", "").page(page.format(spelling).encode())
            assert b"abcdef" not in told


def test_a_token_that_is_a_word_goes_only_from_where_it_is_a_token() -> None:
    page = '<p id="jupyter">{}</p><body data-jupyter-api-token="jupyter"><a href="/tree?a=1&token=jupyter">'
    page += '<script>x = {"token": "jupyter", b: token = \'jupyter\'}</script><p data="token&#34;: &#34;jupyter">'
    told = of("http://h:1", "", SHORT).page(page.encode()).decode()
    assert told.count("jupyter") == 2
    assert '<p id="jupyter">' in told
    assert 'data-jupyter-api-token=""' in told


def test_a_server_without_a_token_keeps_its_words() -> None:
    page = page_with({"token": "", "baseUrl": "/"})
    told = rewriting(Upstream("http://h:1"), "").page(page + b"<p>token= </p>")
    assert told.endswith(b"<p>token= </p>")


@pytest.mark.parametrize("config", ['{"token": ', "[1]", "x", f"{{}}</script>{ELEMENT}" * 20])
def test_a_configuration_that_makes_no_sense_withholds_the_page(config: str) -> None:
    with pytest.raises(Problem) as refused:
        of().page(f"{ELEMENT}{config}".encode())
    assert refused.value.code is Code.UPSTREAM


def test_only_the_element_of_that_name_is_the_configuration() -> None:
    page = b"<p>jupyter-config-data</p><pre>&lt;script id='jupyter-config-data'></pre><div id='jupyter-config-data'>x"
    assert of().page(page) == page


@pytest.mark.parametrize(
    "piece",
    [
        b"<script ",
        b"<script jupyter-config-data",
        b"<script jupyter-config-data>{}</",
        b" href = ",
        b"token : ",
        b"token",
        b"url( ",
        b" ",
        b"<p jupyter-config-data>",
    ],
)
def test_no_page_takes_long(piece: bytes) -> None:
    page = piece * ((1 << 20) // len(piece))
    started = time.process_time()
    for work in (of().page, of().sheet):
        with suppress(Problem):
            work(page)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("size", [1, 7, 64, 5000])
async def test_a_long_document_is_as_long_as_it_was_without_the_token(size: int) -> None:
    text = f"<p>{'x' * 300}token=jupyter {LONG} jupyter{'y' * 300}".encode() * 3

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    for token, masked in ((LONG, text.replace(LONG.encode(), b"*" * len(LONG))),):
        assert b"".join([piece async for piece in of(token=token).masked(pieces())]) == masked
    short = b"".join([piece async for piece in of(token=SHORT).masked(pieces())])
    assert short == text.replace(b"token=jupyter", b"token=*******")
