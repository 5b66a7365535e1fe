"""Notebooks in a real Lab: opened, run, saved, reverted; their kernels interrupted and restarted."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.chromium import IN_BROWSER
from tests.browser.conftest import Visit
from tests.browser.places import Place
from tests.browser.stand import over

pytestmark = IN_BROWSER


@over("jupyter", "s3", "oci", "local")
async def test_a_saved_notebook_comes_back_with_its_output(place: Place, visit: Visit) -> None:
    await place.put_notebook("a.ipynb", "print('untouched')")
    lab = await visit(place)
    notebook = await lab.open_notebook("a.ipynb")
    await notebook.run("print(6 * 7)", "42")
    await notebook.save()
    assert await place.source("a.ipynb") == "print(6 * 7)"
    await lab.reload()
    await notebook.shown("a.ipynb")
    await expect(notebook.output()).to_have_text("42")


@over("s3", "local")
async def test_a_notebook_is_reverted_to_its_checkpoint(place: Place, visit: Visit) -> None:
    await place.put_notebook("a.ipynb", "'first'")
    lab = await visit(place)
    notebook = await lab.open_notebook("a.ipynb")
    await notebook.type("'second'")
    await notebook.save()
    await notebook.type("'third'")
    await notebook.changed()
    await lab.choose("File", "Revert Notebook to Checkpoint…")
    await lab.answer("Revert Notebook to checkpoint", "Revert")
    await expect(notebook.editor()).to_have_text("'second'")
    assert await place.source("a.ipynb") == "'second'"


@over("s3")
async def test_a_kernel_is_interrupted_and_restarted(place: Place, visit: Visit) -> None:
    await place.put_notebook("a.ipynb", "", "")
    lab = await visit(place)
    notebook = await lab.open_notebook("a.ipynb")
    await notebook.run("kept = 'here'; print(kept)", "here")
    await notebook.type("import time; print('asleep', flush=True); time.sleep(60)", cell=1)
    await notebook.start(cell=1)
    await expect(notebook.output(1)).to_have_text("asleep")
    await lab.choose("Kernel", "Interrupt Kernel")
    await expect(notebook.output(1).last).to_contain_text("KeyboardInterrupt")
    await notebook.run("print(kept)", "here", cell=1)
    await lab.choose("Kernel", "Restart Kernel…")
    await lab.answer("Restart Kernel?", "Restart")
    await notebook.ready()
    await notebook.run("print('kept' in globals())", "False", cell=1)
