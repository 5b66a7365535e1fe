"""What two tabs, or a tab and another client, make of one notebook; and that a single tab is never asked."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.chromium import IN_BROWSER
from tests.browser.conftest import Visit
from tests.browser.places import Place, notebook_of
from tests.browser.stand import Stand, over

pytestmark = IN_BROWSER

CHANGED = "File Changed"


@over("s3")
async def test_the_later_of_two_tabs_is_asked_before_it_overwrites(place: Place, visit: Visit) -> None:
    await place.put_notebook("a.ipynb", "'first'")
    one, other = await visit(place), await visit(place)
    first, second = await one.open_notebook("a.ipynb"), await other.open_notebook("a.ipynb")
    await first.type("'one'")
    await second.type("'other'")
    await first.save()
    await second.press_save()
    await other.answer(CHANGED, "Cancel")
    assert await place.source("a.ipynb") == "'one'"
    async with second.saving():
        await second.press_save()
        await other.answer(CHANGED, "Revert")
    await expect(second.editor()).to_have_text("'one'")
    await second.type("'again'")
    await second.save()
    await first.press_save()
    await one.answer(CHANGED, "Overwrite")
    await first.saved()
    assert await place.source("a.ipynb") == "'one'"


@over("s3", "oci")
async def test_a_tab_alone_is_never_asked(place: Place, visit: Visit) -> None:
    await place.put_notebook("a.ipynb", "")
    lab = await visit(place, clock=True)
    notebook = await lab.open_notebook("a.ipynb")
    for number in range(3):
        await notebook.run(f"print({number})", str(number))
        await notebook.save()
    await notebook.type("'autosaved'")
    await lab.later(minutes=3)
    await notebook.saved()
    assert await place.source("a.ipynb") == "'autosaved'"
    await lab.later(minutes=90)
    await notebook.type("'after a pause'")
    await notebook.save()
    await lab.reload()
    await notebook.shown("a.ipynb")
    await notebook.type("'after a reload'")
    await notebook.save()
    assert await place.source("a.ipynb") == "'after a reload'"


@over("s3", compared=False)
async def test_a_save_over_an_oci_clients_change_is_asked_about(place: Place, stand: Stand, visit: Visit) -> None:
    await place.put_notebook("a.ipynb", "'first'")
    lab = await visit(place)
    notebook = await lab.open_notebook("a.ipynb")
    await notebook.type("'of the tab'")
    await stand.save_by_oci(place, "a.ipynb", notebook_of("'of an OCI client'"))
    await notebook.press_save()
    await lab.answer(CHANGED, "Revert")
    await expect(notebook.editor()).to_have_text("'of an OCI client'")
    assert await place.source("a.ipynb") == "'of an OCI client'"
