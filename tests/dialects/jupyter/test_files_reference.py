"""``/files`` of the dialect beside that of a real jupyter_server: types, names to save under, parts, refusals."""

from __future__ import annotations

import pytest

from tests.dialects.jupyter.driving import Ask, Server
from tests.dialects.jupyter.vectors import folder, notebook, text

NAMES = (
    "a.txt",
    "a.py",
    "a.csv",
    "a.html",
    "a.svg",
    "a.md",
    "a.json",
    "a.png",
    "a.tar.gz",
    "a.tar.bz2",
    "a.unknown",
    "README",
    "A.TXT",
    "it's%20%C3%BC.txt",
)
HEADERS = ("Content-Type", "Content-Disposition", "Content-Length", "Content-Range", "Accept-Ranges", "Cache-Control")


async def both(dialect: Server, reference: Server, given: Ask, ask: Ask) -> list[tuple[int, bytes, list[str | None]]]:
    found = []
    for server in (dialect, reference):
        assert (await server.send(given)).status in (200, 201)
        answer = await server.send(ask)
        found.append((answer.status, answer.body, [answer.headers.get(name) for name in HEADERS]))
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_types_and_names_are_those_of_jupyter(dialect: Server, reference: Server, name: str) -> None:
    ours, theirs = await both(dialect, reference, text(name), Ask("GET", f"/files/{name}?download=1"))
    assert ours == theirs


async def test_a_notebook_is_given_as_jupyter_gives_it(dialect: Server, reference: Server) -> None:
    ours, theirs = await both(dialect, reference, notebook("n.ipynb"), Ask("GET", "/files/n.ipynb"))
    assert ours == theirs


@pytest.mark.parametrize("asked", ["bytes=1-2", "bytes=-2", "bytes=2-", "bytes=1-99", "bytes=3-1,1-2", "bytes=x"])
async def test_parts_are_those_of_jupyter(dialect: Server, reference: Server, asked: str) -> None:
    ours, theirs = await both(dialect, reference, text("a.txt"), Ask("GET", "/files/a.txt", headers={"Range": asked}))
    assert ours == theirs


@pytest.mark.parametrize("asked", ["bytes=5-", "bytes=-0"])
async def test_parts_that_jupyter_refuses_are_refused(dialect: Server, reference: Server, asked: str) -> None:
    ours, theirs = await both(dialect, reference, text("a.txt"), Ask("GET", "/files/a.txt", headers={"Range": asked}))
    assert (ours[0], ours[2][3]) == (theirs[0], theirs[2][3]) == (416, "bytes */5")


@pytest.mark.parametrize("path", ["d", "none.txt", ".hidden.txt"])
async def test_refusals_have_the_status_of_jupyter(dialect: Server, reference: Server, path: str) -> None:
    ours, theirs = await both(dialect, reference, folder("d"), Ask("GET", f"/files/{path}"))
    assert ours[0] == theirs[0] >= 403
