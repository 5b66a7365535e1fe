"""``/files`` on a whole gateway over every kind of store."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.s3 import S3Server
from tests.fakes.jupyter import JupyterServer
from tests.gateways import NOTEBOOK, OTHER_TOKEN, TOKEN, Answer, Clients, running_gateway
from tests.matrix.stores import STORES, Servers

LONG = os.urandom(1 << 20)


@pytest.fixture(params=STORES)
async def clients(
    request: pytest.FixtureRequest, tmp_path: Path, s3_server: S3Server, jupyter_server: JupyterServer
) -> AsyncIterator[Clients]:
    async with (
        STORES[request.param](Servers(s3_server, jupyter_server), tmp_path) as section,
        running_gateway(tmp_path, [{"name": "m", "readers": ["ada"], "writers": ["ada"], **section}]) as clients,
    ):
        yield clients


async def ask(clients: Clients, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await clients.send(method, f"/files/{path}", {"Authorization": f"token {TOKEN}", **named}, body)


async def test_bytes_go_in_and_come_out_whole_and_in_parts(clients: Clients) -> None:
    made = await ask(clients, "PUT", "m/a%20%C3%BC.bin", LONG)
    assert (made.status, made.headers["Location"]) == (201, "/files/m/a%20%C3%BC.bin")
    whole = await ask(clients, "GET", "m/a%20%C3%BC.bin")
    assert (whole.status, whole.body, whole.headers["Content-Length"]) == (200, LONG, str(len(LONG)))
    model = await clients.jupyter("GET", "/contents/m/a%20%C3%BC.bin?content=0")
    for name in ("ETag", "Last-Modified"):
        assert made.headers[name] == whole.headers[name] == model.headers[name]
    part = await ask(clients, "GET", "m/a%20%C3%BC.bin", Range="bytes=300000-300009", If_Range=whole.headers["ETag"])
    assert (part.status, part.body) == (206, LONG[300_000:300_010])
    assert (await ask(clients, "GET", "m/a%20%C3%BC.bin", If_None_Match=whole.headers["ETag"])).status == 304
    head = await ask(clients, "HEAD", "m/a%20%C3%BC.bin")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(LONG)), b"")


async def test_conditions_hold_on_every_store(clients: Clients) -> None:
    made = await ask(clients, "PUT", "m/n.ipynb", NOTEBOOK, If_None_Match="*")
    assert made.status == 201
    assert (await ask(clients, "PUT", "m/n.ipynb", NOTEBOOK, If_None_Match="*")).status == 412
    saved = await ask(clients, "PUT", "m/n.ipynb", NOTEBOOK.replace(b"# one", b"# two"), If_Match=made.headers["ETag"])
    assert saved.status == 200
    for method, body in (("PUT", NOTEBOOK), ("GET", None), ("DELETE", None)):
        assert (await ask(clients, method, "m/n.ipynb", body, If_Match=made.headers["ETag"])).status == 412
    assert b"# two" in (await ask(clients, "GET", "m/n.ipynb", If_Match=saved.headers["ETag"])).body
    assert (await ask(clients, "DELETE", "m/n.ipynb", If_Match=saved.headers["ETag"])).status == 204
    assert (await ask(clients, "GET", "m/n.ipynb")).status == 404


async def test_what_is_no_file_or_not_the_callers_is_refused_in_json(clients: Clients) -> None:
    await clients.jupyter("PUT", "/contents/m/d", {"type": "directory"})
    await ask(clients, "PUT", "m/a.txt", b"hers")
    refusals = {"m/d": 403, "m": 403, "": 403, "m/none": 404, "m/.hidden": 404, "other/a.txt": 404}
    for path, status in refusals.items():
        answer = await ask(clients, "GET", path)
        assert (answer.status, sorted(answer.json())) == (status, ["message", "reason"])
    for headers in ({}, {"Authorization": f"token {OTHER_TOKEN}"}):
        for method in ("GET", "PUT", "DELETE"):
            answer = await clients.send(method, "/files/m/a.txt", headers, b"his" if method == "PUT" else None)
            assert (answer.status, b"hers" in answer.body) == (403, False)
    assert (await ask(clients, "GET", "m/a.txt")).body == b"hers"


async def test_a_file_larger_than_any_body_is_given(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with (tmp_path / "files" / "large.bin").open("wb") as file:
        file.seek(1 << 30)
        file.write(b"end")
    mount = {"name": "m", "kind": "local", "folder": str(tmp_path / "files")}
    async with running_gateway(tmp_path, [mount]) as clients:
        head = await ask(clients, "HEAD", "m/large.bin")
        assert (head.status, head.headers["Content-Length"]) == (200, str((1 << 30) + 3))
        part = await ask(clients, "GET", "m/large.bin", Range="bytes=-4", If_Match=head.headers["ETag"])
        assert (part.status, part.body) == (206, b"\x00end")
        model = await clients.jupyter("GET", "/contents/m/large.bin?content=0")
        assert model.headers["ETag"] == part.headers["ETag"]
