"""JupyterLab's own client, ``@jupyterlab/services``, in node: it refuses every model that is not as it should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.compat.node import NodePrograms, installed
from tests.compat.places import ROOT, Place, new_place
from tests.fakes.jupyter import JupyterServer
from tests.gateways import USER, Clients

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="session")
def programs() -> NodePrograms:
    return installed(Path(__file__).parent / "npm_services", "npm-services")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def expected(jupyter_server: JupyterServer, programs: NodePrograms) -> Any:
    """What is told of contents without a gateway."""
    bare = jupyter_server.new_folder()
    told = await seen(programs, "see_contents.js", Place(bare["url"], bare["token"], bare["folder"]))
    # Its 404 is a text where its client expects JSON.
    assert told["deleted"].pop("missing") == {"status": 404, "isExplained": False}
    return told


async def seen(programs: NodePrograms, program: str, place: Place, *more: str) -> Any:
    return json.loads(await programs.run(program, place.url, place.token, place.folder, *more))


@pytest.mark.parametrize("store", [ROOT, "nx1", "local"])
async def test_contents_are_seen_as_on_a_jupyter_server(
    notebooks: Clients, programs: NodePrograms, expected: Any, store: str
) -> None:
    told = await seen(programs, "see_contents.js", await new_place(notebooks, store))
    assert told["deleted"].pop("missing") == {"status": 404, "isExplained": True}
    assert told == expected


async def test_a_workspace_has_a_form_of_its_own_for_notebooks_and_no_checkpoints(
    notebooks: Clients, programs: NodePrograms, expected: Any
) -> None:
    """The refusal of a checkpoint is the one over which JupyterLab opens a file nevertheless."""
    told = await seen(programs, "see_contents.js", await new_place(notebooks, "oci"))
    assert told["checkpoints"] == {"status": 403, "isExplained": True}
    assert told["saved"]["hash"] == told["saved"]["again"] is not None
    assert told["saved"]["content"] == expected["saved"]["content"]
    assert told["moved"]["onto"] == expected["moved"]["onto"]
    for step in ("uploaded", "downloaded", "listed"):
        assert told[step] == expected[step]
    assert told["deleted"] == expected["deleted"] | {"missing": {"status": 404, "isExplained": True}}


async def test_a_notebook_has_a_session_and_a_kernel_until_it_is_closed(
    notebooks: Clients, programs: NodePrograms
) -> None:
    place = await new_place(notebooks, "nx1")
    await notebooks.jupyter("PUT", f"/contents/{place.folder}/a.ipynb", {"type": "notebook"})
    told = await seen(programs, "see_kernels.js", place, "a.ipynb", "b.ipynb")
    assert told == {
        "specs": {"name": "python3", "language": "python", "icon": [200, "image/png"]},
        "started": {"path": f"{place.folder}/a.ipynb", "kernel": "python3"},
        "info": "ipython",
        "printed": {"status": "ok", "outputs": ["hello\n", "42"]},
        "failed": {"status": "error", "outputs": ["ZeroDivisionError"]},
        "completed": True,
        "renamed": [{"path": f"{place.folder}/b.ipynb", "name": "b.ipynb", "type": "notebook"}],
        "restarted": {"status": "ok", "outputs": ["''"]},
        "isListed": True,
        "left": [],
    }


async def test_a_terminal_stands_in_its_folder_until_it_is_closed(notebooks: Clients, programs: NodePrograms) -> None:
    told = await seen(programs, "see_terminals.js", await new_place(notebooks, ROOT))
    assert told == {"isListed": True, "answers": True, "left": []}


async def test_the_server_tells_of_its_user_its_settings_and_what_happens(
    notebooks: Clients, programs: NodePrograms
) -> None:
    told = await seen(programs, "see_server.js", await new_place(notebooks, ROOT))
    assert told == {
        "user": USER,
        "config": {"told": {"once": True}},
        "formats": True,
        "event": {"action": "save", "path": "told by see_server"},
    }
