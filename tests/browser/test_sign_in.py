"""The way into Lab and out again: the sign-in page, or an address with the token in it."""

from __future__ import annotations

from playwright.async_api import BrowserContext, expect

from tests.browser.chromium import IN_BROWSER
from tests.browser.conftest import Visit
from tests.browser.places import ROOT, Place
from tests.browser.stand import over
from tests.browser.watch import Watch
from tests.browser.window import LabWindow

pytestmark = IN_BROWSER


@over(ROOT, compared=False)
async def test_who_shows_no_token_is_asked_for_one_and_then_sees_the_page_they_wanted(
    place: Place, context: BrowserContext, watch: Watch
) -> None:
    wanted = f"{place.lab.url}/lab/tree/{place.folder}"
    page = await context.new_page()
    await page.goto(wanted)
    await expect(page).to_have_title("Sign in")
    await page.get_by_label("Token").fill("wrong")
    await page.get_by_label("Token").press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("This token is not accepted.")
    watch.expected("status 403: POST")
    watch.expected("console: Failed to load resource: the server responded with a status of 403")
    await page.get_by_label("Token").fill(place.lab.token)
    await page.get_by_label("Token").press("Enter")
    lab = LabWindow(page, watch)
    await lab.started()
    await lab.files.at(place.folder)
    assert page.url == wanted


@over(ROOT, compared=False)
async def test_a_token_in_the_address_is_not_left_there_and_who_signs_out_is_out(place: Place, visit: Visit) -> None:
    lab = await visit(place)
    assert place.lab.token not in lab.page.url
    assert place.lab.token not in await lab.page.evaluate("performance.getEntries().map(each => each.name).join()")
    await lab.page.goto(f"{place.lab.url}/logout")
    await expect(lab.page.get_by_role("status")).to_have_text("You are signed out.")
    await lab.page.goto(f"{place.lab.url}/lab")
    await expect(lab.page).to_have_title("Sign in")
