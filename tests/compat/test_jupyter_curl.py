"""``curl`` alone: what a new user types first."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.compat.commands import shell
from tests.compat.places import ROOT, Place, new_place
from tests.gateways import NOTEBOOK, Clients

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

CURL = 'curl --silent --show-error --header "Authorization: token $TOKEN"'


async def curl(place: Place, arguments: str) -> str:
    """``$FILES`` and ``$CONTENTS`` are the addresses of the place, and a refusal is a failure."""
    return await shell(f"{CURL} --fail {arguments}", **place.variables())


def joined(notebook: bytes) -> Any:
    """Without regard to how its lines are kept, as some stores write notebooks in a form of their own."""
    return nbformat.reads(notebook.decode(), 4)  # type: ignore[no-untyped-call]  # nbformat is typed in part


async def listed(place: Place) -> list[str]:
    content: list[dict[str, Any]] = json.loads(await curl(place, "$CONTENTS"))["content"]
    return sorted(model["name"] for model in content)


@pytest.mark.parametrize("store", [ROOT, "nx1", "oci", "local"])
async def test_a_notebook_is_put_listed_got_renamed_and_removed(notebooks: Clients, tmp_path: Path, store: str) -> None:
    place = await new_place(notebooks, store)
    (tmp_path / "a.ipynb").write_bytes(NOTEBOOK)
    await curl(place, f"--upload-file {tmp_path}/a.ipynb $FILES/a.ipynb")
    assert await listed(place) == ["a.ipynb"]
    await curl(place, f"--output {tmp_path}/b.ipynb $FILES/a.ipynb")
    assert joined((tmp_path / "b.ipynb").read_bytes()) == joined(NOTEBOOK)
    await curl(place, r"""--request PATCH --data "{\"path\": \"$FOLDER/c.ipynb\"}" $CONTENTS/a.ipynb""")
    assert await listed(place) == ["c.ipynb"]
    await curl(place, "--request DELETE $CONTENTS/c.ipynb")
    assert await listed(place) == []


@pytest.mark.parametrize("store", [ROOT, "nx1", "local"])
async def test_an_interrupted_download_goes_on_and_a_checkpoint_brings_back_what_was(
    notebooks: Clients, tmp_path: Path, store: str
) -> None:
    place, file = await new_place(notebooks, store), tmp_path / "a.bin"
    file.write_bytes(bytes(range(256)) * 300)
    await curl(place, f"--upload-file {file} $FILES/a.bin")
    await curl(place, f"--range 0-9999 --output {tmp_path}/got.bin $FILES/a.bin")
    assert (tmp_path / "got.bin").stat().st_size == 10_000
    await curl(place, f"--continue-at - --output {tmp_path}/got.bin $FILES/a.bin")
    assert (tmp_path / "got.bin").read_bytes() == file.read_bytes()
    checkpoint = json.loads(await curl(place, "--request POST $CONTENTS/a.bin/checkpoints"))["id"]
    await curl(place, "--request PUT --data-binary changed $FILES/a.bin")
    assert await curl(place, "$FILES/a.bin") == "changed"
    await curl(place, f"--request POST $CONTENTS/a.bin/checkpoints/{checkpoint}")
    await curl(place, f"--output {tmp_path}/again.bin $FILES/a.bin")
    assert (tmp_path / "again.bin").read_bytes() == file.read_bytes()


async def test_what_somebody_else_has_changed_is_not_overwritten(notebooks: Clients) -> None:
    place = await new_place(notebooks, "nx1")
    await curl(place, "--request PUT --data-binary one $FILES/a.txt")
    etag = (await curl(place, "--output /dev/null --write-out '%header{etag}' $FILES/a.txt")).strip()
    await curl(place, "--request PUT --data-binary two $FILES/a.txt")
    refused = f'{CURL} --header "If-Match: $ETAG" --request PUT --data-binary three --write-out "%{{http_code}}"'
    status = await shell(f"{refused} --output /dev/null $FILES/a.txt", ETAG=etag, **place.variables())
    assert (status, await curl(place, "$FILES/a.txt")) == ("412", "two")
