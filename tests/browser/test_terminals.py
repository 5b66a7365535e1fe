"""A terminal of the Jupyter server behind Lab."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.chromium import IN_BROWSER
from tests.browser.conftest import Visit
from tests.browser.places import Place
from tests.browser.stand import over

pytestmark = IN_BROWSER


@over("jupyter")
async def test_a_terminal_runs_commands_until_it_is_closed(place: Place, visit: Visit) -> None:
    lab = await visit(place)
    await lab.choose("File", "New", "Terminal")
    screen = lab.page.locator(".jp-Terminal .xterm-accessibility")
    await expect(screen).to_contain_text(re.compile("[$#]"))  # the prompt of a user, or of root
    await lab.page.locator(".jp-Terminal .xterm-screen").click()
    await lab.page.keyboard.type("echo $((6 * 7))-answers\n")
    await expect(screen).to_contain_text("42-answers")
    [terminal] = await place.lab.call("GET", "/terminals")
    await lab.page.keyboard.type("exit\n")
    await expect(lab.page.locator(".jp-Terminal")).to_have_count(0)
    assert terminal not in await place.lab.call("GET", "/terminals")
