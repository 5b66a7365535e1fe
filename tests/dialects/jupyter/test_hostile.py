"""No hostile name gets through in any field that holds a path, whichever way it is spelled."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.dialects.jupyter.driving import Ask, Server
from tests.dialects.jupyter.vectors import folder, text
from tests.fakes.memory import MemoryBackend

NAMES = [
    "..",
    ".",
    "../a.txt",
    "../../etc/passwd",
    "f/../../a.txt",
    "f/./a.txt",
    "f//a.txt",
    "..\\a.txt",
    "C:\\a.txt",
    "a\x00.txt",
    "a\n.txt",
    "a\x7f.txt",
    "a\r\nX-Evil: 1",
    ".hidden",
    "f/.hidden/a.txt",
    "x" * 256,
    "/".join(["x" * 200] * 6),
]
RAW = [
    "%2e%2e/a.txt",
    "..%2fa.txt",
    "%2e%2e%2fa.txt",
    "f/%2e%2e/%2e%2e/a.txt",
    "%5c..%5ca",
    "%ff",
    "%ed%a0%80",
    "a%",
    "%0",
]


def in_urls(name: str) -> list[Ask]:
    url = f"/api/contents/{name}"
    return [
        Ask("GET", url),
        Ask("GET", f"{url}?content=0"),
        text(name, "evil"),
        text(name, "evil", chunk=1),
        folder(name),
        Ask("POST", url, {}),
        Ask("POST", url, {"copy_from": "a.txt"}),
        Ask("PATCH", url, {"path": "b.txt"}),
        Ask("DELETE", url),
        Ask("GET", f"{url}/checkpoints"),
        Ask("POST", f"{url}/checkpoints"),
        Ask("POST", f"{url}/checkpoints/x"),
        Ask("DELETE", f"{url}/checkpoints/x"),
    ]


def in_bodies(name: str) -> list[Ask]:
    encoded = quote(name, safe="")
    return [
        Ask("POST", "/api/contents", {"copy_from": name}),
        Ask("PATCH", "/api/contents/a.txt", {"path": name}),
        text("b.txt", "evil", path=name),
        Ask("POST", "/api/contents", {"ext": f"/{name}"}),
        Ask("POST", f"/api/contents/a.txt/checkpoints/{encoded}"),
        Ask("DELETE", f"/api/contents/a.txt/checkpoints/{encoded}"),
    ]


async def _refused(asks: list[Ask], dialect: Server, backend: MemoryBackend) -> None:
    for given in (text("a.txt"), folder("f"), text("f/a.txt")):
        assert (await dialect.send(given)).status == 201
    files, directories = dict(backend.files), dict(backend.directories)
    for asked in asks:
        answer = await dialect.send(asked)
        assert 400 <= answer.status < 500, (asked, answer)
        assert sorted(answer.json()) == ["message", "reason"]
        assert "X-Evil" not in answer.headers
    assert (backend.files, backend.directories) == (files, directories)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_a_hostile_name_in_a_url_is_refused(name: str, dialect: Server, backend: MemoryBackend) -> None:
    await _refused(in_urls(quote(name, safe="/")), dialect, backend)


@pytest.mark.parametrize("raw", RAW)
async def test_a_hostile_spelling_of_a_url_is_refused(raw: str, dialect: Server, backend: MemoryBackend) -> None:
    await _refused(in_urls(raw), dialect, backend)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_a_hostile_name_in_a_body_is_refused(name: str, dialect: Server, backend: MemoryBackend) -> None:
    await _refused(in_bodies(name), dialect, backend)


async def test_an_unpaired_surrogate_in_a_body_is_refused(dialect: Server, backend: MemoryBackend) -> None:
    fields = ('{"path": "\\ud800"}', '{"copy_from": "\\ud800"}', '{"ext": ".\\ud800"}')
    methods = ("PATCH", "POST", "POST")
    asks = [Ask(method, "/api/contents", field.encode()) for method, field in zip(methods, fields, strict=True)]
    await _refused(asks, dialect, backend)
