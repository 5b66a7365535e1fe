"""The file browser of a real Lab: renaming under a running kernel, folders, large uploads and downloads."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from playwright.async_api import expect

from tests.browser.chromium import IN_BROWSER
from tests.browser.conftest import Visit
from tests.browser.places import ROOT, Place
from tests.browser.stand import Stand, over

pytestmark = IN_BROWSER

LARGE_BYTES = 11 << 20
"""Eleven of Lab's chunks; above fifteen it asks first."""


@over(ROOT, "s3")
async def test_a_renamed_notebook_keeps_its_kernel(place: Place, visit: Visit) -> None:
    await place.put_notebook("a.ipynb", "")
    lab = await visit(place)
    notebook = await lab.open_notebook("a.ipynb")
    await notebook.run("kept = 'here'; print(kept)", "here")
    await notebook.save()
    await lab.files.rename("a.ipynb", "b.ipynb")
    await expect(notebook.tab).to_have_text("b.ipynb")
    await notebook.run("print(kept * 2)", "herehere")
    await notebook.save()
    assert await place.source("b.ipynb") == "print(kept * 2)"
    assert [each["path"] for each in await place.sessions()] == [place.path("b.ipynb")]


@over("oci")
async def test_a_file_is_moved_into_a_new_folder(place: Place, visit: Visit) -> None:
    await place.put("a.txt", {"type": "file", "format": "text", "content": "moved"})
    lab = await visit(place)
    await lab.files.new_folder("deep")
    await lab.files.cut("a.txt")
    await lab.files.enter("deep")
    await lab.files.paste()
    await expect(lab.files.entry("a.txt")).to_be_visible()
    assert await place.names() == ["deep"]
    assert (await place.model("deep/a.txt"))["content"] == "moved"


@over("s3", compared=False)
async def test_a_notebook_is_moved_to_another_store(place: Place, stand: Stand, visit: Visit) -> None:
    await place.put_notebook("a.ipynb", "'moved'")
    other = await Place.new(stand.lab(ROOT), ROOT)
    lab = await visit(place)
    await lab.files.cut("a.ipynb")
    await lab.files.go_home()
    for mount in ("s3", "oci", "local"):
        await expect(lab.files.entry(mount)).to_be_visible()
    await lab.files.enter(other.folder)
    await lab.files.paste()
    await expect(lab.files.entry("a.ipynb")).to_be_visible()
    assert await place.names() == []
    assert await other.source("a.ipynb") == "'moved'"


@over(ROOT, "s3")
async def test_a_large_file_comes_back_as_it_was_uploaded(place: Place, visit: Visit, tmp_path: Path) -> None:
    content = os.urandom(LARGE_BYTES)
    (tmp_path / "large.bin").write_bytes(content)
    lab = await visit(place)
    await lab.files.upload(tmp_path / "large.bin")
    await expect(lab.files.entry("large.bin")).to_have_attribute("title", re.compile("Size: 11 MB"), timeout=30_000)
    model = await place.model("large.bin", "?content=0&hash=1")
    assert (model["size"], model["hash"]) == (LARGE_BYTES, hashlib.sha256(content).hexdigest())
    assert await lab.files.download("large.bin") == content
