"""Programs that convert notebooks, in a pipe with ``curl`` between the gateway and itself."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio

from tests.compat.commands import shell
from tests.compat.places import Place, new_place
from tests.gateways import Clients

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

JUPYTEXT = "jupytext==1.19.6"
INSTALL_SECONDS = 90.0
CURL = 'curl --silent --show-error --fail --header "Authorization: token $TOKEN"'
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "# Größe"},
        {
            "cell_type": "code",
            "id": "c",
            "metadata": {},
            "source": "size = 1\nprint(size)",
            "outputs": [],
            "execution_count": None,
        },
    ],
}

_ENVIRONMENTS = Path(__file__).parents[2] / ".venvs"


@pytest.fixture(scope="session")
def jupytext() -> str:
    """The command, from an environment of its own: beside a jupyter_server it would take the place of its contents.

    Made once, which needs PyPI; skips where it cannot be made.
    """
    uv = os.environ.get("UV") or shutil.which("uv") or str(_ENVIRONMENTS / "uv" / "bin" / "uv")
    home = _ENVIRONMENTS / "jupytext"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = home / "done"
        if not done.exists() or done.read_text() != JUPYTEXT:
            _install(uv, home / "venv")
            done.write_text(JUPYTEXT)
    return str(home / "venv" / "bin" / "jupytext")


def _install(uv: str, environment: Path) -> None:
    made = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)]
    filled = [uv, "pip", "install", "--quiet", "--python", str(environment), JUPYTEXT]
    try:
        for command in (made, filled):
            subprocess.run(command, capture_output=True, check=True, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"uv did not install jupytext: {error}")


@pytest_asyncio.fixture(loop_scope="session")
async def place(notebooks: Clients) -> Place:
    """With a notebook in it."""
    place = await new_place(notebooks, "nx1")
    body = {"type": "notebook", "format": "json", "content": NOTEBOOK}
    assert (await notebooks.jupyter("PUT", f"/contents/{place.folder}/a.ipynb", body)).status == 201
    return place


async def test_nbconvert_makes_a_page_of_it(place: Place) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    line = f"{CURL} $FILES/a.ipynb | jupyter nbconvert --log-level ERROR --stdin --to html --stdout"
    page = await shell(line, PATH=path, **place.variables())
    assert page.startswith("<!DOCTYPE html>")
    assert "Größe" in page


async def test_jupytext_makes_a_script_of_it_and_another_notebook_of_that(
    notebooks: Clients, place: Place, jupytext: str
) -> None:
    line = (
        f"{CURL} $FILES/a.ipynb | $JUPYTEXT --from ipynb --to py:percent | sed 's/size = 1/size = 2/'"
        f" | $JUPYTEXT --from py:percent --to ipynb | {CURL} --upload-file - $FILES/b.ipynb"
    )
    await shell(line, JUPYTEXT=jupytext, **place.variables())
    model = (await notebooks.jupyter("GET", f"/contents/{place.folder}/b.ipynb")).json()
    assert [cell["source"] for cell in model["content"]["cells"]] == ["# Größe", "size = 2\nprint(size)"]
