"""The Jupyter adapter against a real jupyter_server: what the contract suite cannot know of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from adapters.jupyter.backend import JupyterBackend
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Absent, Caller, Credential, ETag, Matches, sha256_hex
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.service import Contents
from tests.fakes.jupyter import JupyterServer, opened, running_jupyter

parse = ContentPath.parse
ADA = Caller("ada", Credential.TOKEN)
PLAIN = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
CODE: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": "1"}


@dataclass(frozen=True, slots=True)
class Bench:
    """A backend over a fresh folder, and that folder on disk."""

    server: JupyterServer
    backend: JupyterBackend
    name: str

    @property
    def folder(self) -> Path:
        return self.server.root / self.name

    async def as_jupyter_reads(self, path: str) -> dict[str, Any]:
        """The model that another client of the same server gets."""
        url = f"{self.server.url}/api/contents/{self.name}/{path}"
        headers = {"Authorization": f"token {self.server.token}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
            model: dict[str, Any] = await response.json()
            return model


@pytest_asyncio.fixture
async def bench(jupyter_server: JupyterServer) -> AsyncIterator[Bench]:
    options = jupyter_server.new_folder()
    async with opened(options) as backend:
        assert isinstance(backend, JupyterBackend)
        yield Bench(jupyter_server, backend, options["folder"])


async def code_of(options: dict[str, Any]) -> Code:
    with pytest.raises(Problem) as caught:
        async with opened(options):
            pass
    return caught.value.code


def notebook(size: int, mark: str) -> bytes:
    cells = [{**CODE, "id": f"c{number}", "source": mark * 100} for number in range(size)]
    return json.dumps({**PLAIN, "cells": cells}).encode()


async def test_a_wrong_token_fails_the_probe(jupyter_server: JupyterServer) -> None:
    assert await code_of(jupyter_server.new_folder() | {"token": "wrong"}) is Code.UPSTREAM
    assert await code_of(jupyter_server.new_folder() | {"token": None}) is Code.UPSTREAM


async def test_a_folder_that_is_missing_or_a_file_fails_the_probe(bench: Bench) -> None:
    await bench.backend.write(parse("file.txt"), b"x")
    options = {"url": bench.server.url, "token": bench.server.token}
    assert await code_of(options | {"folder": "no/such/folder"}) is Code.UPSTREAM
    assert await code_of(options | {"folder": f"{bench.name}/file.txt"}) is Code.UPSTREAM


async def test_a_write_answers_with_the_digest_of_what_the_server_stored(bench: Bench) -> None:
    written = await bench.backend.write(parse("a.ipynb"), notebook(2, "x"))
    stored = (bench.folder / "a.ipynb").read_bytes()
    assert stored.startswith(b'{\n "cells"')
    assert written.entry.sha256 == written.entry.etag == sha256_hex(stored)
    assert (await bench.backend.read(parse("a.ipynb"))).body == stored


async def test_a_notebook_is_saved_as_one(bench: Bench) -> None:
    """The server makes a first checkpoint of what it takes for a notebook, and of nothing else."""
    await bench.backend.write(parse("a.ipynb"), notebook(1, "x"))
    await bench.backend.write(parse("odd.ipynb"), b"odd")
    assert len(await bench.backend.list_checkpoints(parse("a.ipynb"))) == 1
    assert await bench.backend.list_checkpoints(parse("odd.ipynb")) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"\xff\xfe",
        b'\xef\xbb\xbf{"nbformat": 4}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [], "x": NaN}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {"x": "\\ud800"}, "cells": []}',
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {"x": "\xff"}, "cells": []}',
        json.dumps({**PLAIN, "nbformat": 3, "worksheets": []}).encode(),
        json.dumps({**PLAIN, "nbformat": 5}).encode(),
        json.dumps({"nbformat": 4, "nbformat_minor": 5}).encode(),
        json.dumps({**PLAIN, "cells": [{"x": 1}]}).encode(),
        json.dumps({**PLAIN, "cells": [{"cell_type": "code", "metadata": {}, "source": "x", "id": "a"}]}).encode(),
        json.dumps({**PLAIN, "cells": [CODE]}).encode(),
        json.dumps({**PLAIN, "cells": [{**CODE, "id": "a"}, {**CODE, "id": "a"}]}).encode(),
        b'{"metadata": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
async def test_what_the_server_would_refuse_or_change_as_a_notebook_is_kept_as_bytes(bench: Bench, body: bytes) -> None:
    written = await bench.backend.write(parse("odd.ipynb"), body)
    assert written.created
    assert (bench.folder / "odd.ipynb").read_bytes() == body == (await bench.backend.read(parse("odd.ipynb"))).body


async def test_a_trust_mark_from_outside_does_not_make_the_server_trust(bench: Bench) -> None:
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>evil()</script>"}}
    cell = {**CODE, "id": "a", "metadata": {"trusted": True}, "outputs": [output]}
    await bench.backend.write(parse("a.ipynb"), json.dumps({**PLAIN, "cells": [cell]}).encode())
    (read,) = (await bench.as_jupyter_reads("a.ipynb"))["content"]["cells"]
    assert read["outputs"] == [output]
    assert read["metadata"] == {"trusted": False}


@pytest.mark.parametrize("name", ["checkpoints", "trust"])
async def test_names_that_are_words_of_the_servers_routes_are_names(bench: Bench, name: str) -> None:
    backend, folder, path = bench.backend, parse(name), parse(f"{name}/{name}")
    await backend.make_directory(folder)
    await backend.write(path, b"x")
    checkpoint = await backend.create_checkpoint(path)
    await backend.restore_checkpoint(path, checkpoint.id)
    assert (await backend.read(path)).body == b"x"
    assert [entry.path for entry in (await backend.list(folder)).entries] == [path]
    assert (await backend.move(path, parse(f"{name}/moved"))).path == parse(f"{name}/moved")
    await backend.delete(folder)
    assert not (bench.folder / name).exists()


async def test_a_directory_is_not_deleted_with_hidden_files_in_it(bench: Bench) -> None:
    await bench.backend.make_directory(parse("folder"))
    (bench.folder / "folder" / ".hidden").write_bytes(b"kept")
    with pytest.raises(Problem) as caught:
        await bench.backend.delete(parse("folder"))
    assert caught.value.code is Code.CONFLICT
    assert (bench.folder / "folder" / ".hidden").read_bytes() == b"kept"


async def test_a_server_with_trash_and_base_path_keeps_the_same_promises(tmp_path: Path) -> None:
    async with (
        running_jupyter(tmp_path, "--ServerApp.base_url=/user/ada/") as server,
        opened(server.new_folder()) as backend,
    ):
        await backend.make_directory(parse("folder"))
        await backend.write(parse("folder/a.txt"), b"x")
        await backend.delete(parse("folder"))
        assert (await backend.list(ContentPath.ROOT)).entries == ()


@pytest.mark.parametrize("checkpoint_id", ["nope", "../checkpoint", "a/b", "", "ü"])
async def test_an_unknown_checkpoint_is_not_found(bench: Bench, checkpoint_id: str) -> None:
    await bench.backend.write(parse("a.txt"), b"x")
    for attempt in (bench.backend.restore_checkpoint, bench.backend.delete_checkpoint):
        with pytest.raises(Problem) as caught:
            await attempt(parse("a.txt"), checkpoint_id)
        assert caught.value.code is Code.NOT_FOUND


async def test_readers_and_writers_of_one_notebook_through_the_gateway_always_meet_it_whole(bench: Bench) -> None:
    contents = Contents(Mounts([Mount("jupyter", bench.backend, is_root=True)]), ProcessLocks())
    path, bodies = parse("shared.ipynb"), [notebook(size, mark) for size, mark in ((1, "a"), (300, "b"), (1500, "c"))]
    whole = {(await contents.write(ADA, path, body)).entry.sha256 for body in bodies}

    async def write(first: int) -> None:
        for number in range(4):
            await contents.write(ADA, path, bodies[(first + number) % len(bodies)])

    async def read() -> None:
        for _ in range(8):
            document = await contents.read(ADA, path)
            assert sha256_hex(document.body) == document.entry.etag
            assert document.entry.etag in whole

    await asyncio.gather(write(0), write(1), write(2), read(), read(), read())


async def test_conditions_are_kept_through_the_gateway(bench: Bench) -> None:
    contents = Contents(Mounts([Mount("jupyter", bench.backend, is_root=True)]), ProcessLocks())
    path = parse("race.txt")
    bodies = [str(number).encode() for number in range(8)]
    results = await asyncio.gather(
        *(contents.write(ADA, path, body, Absent()) for body in bodies), return_exceptions=True
    )
    assert sorted(getattr(result, "code", None) is Code.PRECONDITION for result in results) == [False] + [True] * 7
    with pytest.raises(Problem) as caught:
        await contents.write(ADA, path, b"late", Matches(ETag("0" * 64)))
    assert caught.value.code is Code.PRECONDITION
    assert (await contents.read(ADA, path)).body in bodies
