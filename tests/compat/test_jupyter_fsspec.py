"""``fsspec``'s filesystem ``jupyter://``: folders of the gateway for whatever reads through it, such as pandas."""

from __future__ import annotations

import asyncio

import fsspec  # type: ignore[import-untyped]  # ships without types
import pytest

from tests.compat.places import Place, new_place
from tests.gateways import NOTEBOOK, Clients

pytestmark = pytest.mark.asyncio(loop_scope="session")


def live_through_files(place: Place) -> None:
    files = fsspec.filesystem("jupyter", url=f"{place.url}/?token={place.token}", skip_instance_cache=True)
    folder = f"{place.folder}/ñ b"
    files.mkdir(folder)
    files.pipe_file(f"{folder}/a.csv", b"x,y\n1,2\n")
    with files.open(f"{folder}/a.bin", "wb") as file:
        file.write(b"\x00\xff" * 3)
    with files.open(f"{folder}/a.ipynb", "wb") as file:
        file.write(NOTEBOOK)
    assert sorted(files.ls(folder, detail=False)) == [f"{folder}/{name}" for name in ("a.bin", "a.csv", "a.ipynb")]
    facts = files.info(f"{folder}/a.csv")
    assert (facts["type"], facts["size"]) == ("file", 8)
    assert files.cat_file(f"{folder}/a.csv", 4) == b"1,2\n"
    assert files.cat(f"{folder}/a.bin") == b"\x00\xff" * 3
    with files.open(f"{folder}/a.csv") as file:
        assert file.readlines() == [b"x,y\n", b"1,2\n"]
    files.mv(f"{folder}/a.csv", f"{folder}/b.csv")
    files.rm(folder, recursive=True)
    assert not files.exists(folder)
    with pytest.raises(FileNotFoundError):
        files.cat_file(f"{folder}/b.csv")


@pytest.mark.parametrize("store", ["nx1", "local"])
async def test_files_are_made_listed_read_and_removed(notebooks: Clients, store: str) -> None:
    await asyncio.to_thread(live_through_files, await new_place(notebooks, store))
