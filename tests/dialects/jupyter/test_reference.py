"""The same requests to a whole gateway, on each of its mounts, and to a real jupyter_server: the answers agree.

The Jupyter server behind the gateway is its root; the other stores are folders beside that server's own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.dialects.jupyter.cases import CASES, Case, comparable, is_json, location, run
from tests.dialects.jupyter.driving import Answer, Ask, Server
from tests.fakes.jupyter import running_jupyter
from tests.fakes.s3 import running_s3
from tests.gateways import TOKEN, running_gateway
from tests.matrix.stores import STORES, Servers

INTENDED: dict[tuple[str, str], int] = {
    # a bucket has folders wherever a key has slashes
    ("nx1", "patch_to_missing_directory"): 200,
    # a workspace takes only notebooks under a notebook's name
    ("oci", "put_text_over_notebook"): 400,
    ("oci", "post_file_of_notebook_extension"): 400,
    # it keeps no checkpoints; 403 is what JupyterLab opens a notebook over
    ("oci", "checkpoint_made"): 403,
    ("oci", "checkpoint_deleted_unknown"): 501,
}
"""The status where a store differs, and why."""

NOT_POSSIBLE = {("oci", "get_unreadable_notebook")}
"""What cannot be put there to begin with."""

WRITTEN_ANEW = ("size", "hash", "hash_algorithm")
"""What a workspace has of its own: it writes notebooks in another form, and lists no sizes."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "upstream").mkdir()
    async with AsyncExitStack() as stack:
        servers = Servers(
            await stack.enter_async_context(running_s3()),
            await stack.enter_async_context(running_jupyter(folder / "upstream")),
        )
        mounts = []
        for name, store in STORES.items():
            section = await stack.enter_async_context(store(servers, folder))
            mounts.append({"name": name, "root": name == "jupyter", **section})
        clients = await stack.enter_async_context(running_gateway(folder, mounts))
        yield Server(clients.session, clients.url, {"Authorization": f"token {TOKEN}"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def jupyter(reference_url: str) -> AsyncIterator[Server]:
    async with aiohttp.ClientSession() as session:
        yield Server(session, reference_url, {"Authorization": "token reference"})


@pytest.fixture(scope="module")
def known() -> dict[str, Answer]:
    """What the reference has answered already."""
    return {}


PAIRS = [(case, store) for case in CASES for store in STORES if (store, case.name) not in NOT_POSSIBLE]


@pytest.mark.parametrize(("case", "store"), PAIRS, ids=lambda each: each.name if isinstance(each, Case) else each)
async def test_the_dialect_answers_as_jupyter_does(
    case: Case, store: str, gateway: Server, jupyter: Server, known: dict[str, Answer]
) -> None:
    if case.name not in known:
        known[case.name] = await run(case, jupyter)
    theirs = known[case.name]
    below = "" if store == "jupyter" else f"{store}/"
    ours = await run(case, gateway, below)
    if (status := INTENDED.get((store, case.name))) is not None:
        assert (ours.status, theirs.status == status) == (status, False)
        return
    assert ours.status == theirs.status, ours.body
    assert (location(ours) or "").replace(below, "") == (location(theirs) or "")
    if is_json(theirs):
        body = json.loads(json.dumps(comparable(case, ours)).replace(f'"{below}case', '"case'))
        assert _of_the_store(store, body) == _of_the_store(store, comparable(case, theirs))


def _of_the_store(store: str, body: Any) -> Any:
    """The body without what the store has of its own."""
    if store != "oci" or not isinstance(body, dict) or "name" not in body:
        return body
    kept = {name: value for name, value in body.items() if name not in WRITTEN_ANEW}
    if isinstance(body["content"], list):
        kept["content"] = [_of_the_store(store, each) for each in body["content"]]
    if isinstance(body["content"], str) and body["name"].endswith(".ipynb"):
        kept["content"] = "a notebook's own bytes"
    return kept


@pytest.mark.parametrize("path", ["/api/me", "/api/status", "/api"])
async def test_the_server_says_the_same_things_of_itself(path: str, gateway: Server, jupyter: Server) -> None:
    ours, theirs = [(await server.send(Ask("GET", path))).json() for server in (gateway, jupyter)]
    assert _shape(ours) == _shape(theirs)


def _shape(value: Any) -> Any:
    """The names in a JSON value, and what kind of thing stands under each; null fits text."""
    if isinstance(value, Mapping):
        return {name: _shape(each) for name, each in value.items()}
    if value is None or isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "number"
