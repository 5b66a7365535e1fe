"""A page that somebody has stored does nothing in the name of whoever opens it."""

from __future__ import annotations

from playwright.async_api import BrowserContext, expect

from tests.browser.chromium import IN_BROWSER
from tests.browser.conftest import Visit
from tests.browser.places import Place
from tests.browser.stand import over
from tests.browser.watch import Watch

pytestmark = IN_BROWSER

_ATTACK = """<!doctype html><body>before<script>
const tried = async () => {
  const taken = [];
  try { taken.push('cookie ' + document.cookie) } catch (error) { taken.push('no cookie') }
  for (const path of ['/api/contents', '/api/me'])
    try {
      const answer = await fetch(path, {credentials: 'include'});
      taken.push(answer.ok ? 'read ' + await answer.text() : 'refused');
    } catch (error) { taken.push('no answer') }
  try {
    await fetch('/api/contents', {method: 'POST', body: '{}', credentials: 'include', mode: 'no-cors'});
  } catch (error) {}
  document.body.textContent = taken.join(', ');
};
tried();
</script>"""


@over("s3")
async def test_a_stored_page_cannot_act_as_the_user(
    place: Place, visit: Visit, context: BrowserContext, watch: Watch
) -> None:
    await place.put("attack.html", {"type": "file", "format": "text", "content": _ATTACK})
    lab = await visit(place)
    before = await place.lab.call("GET", "/contents")
    watch.allow("console|status 40|failed", because="the page complains of what it is refused: that is the point")
    page = await context.new_page()
    await page.goto(
        f"{lab.page.url.partition('/lab')[0]}/files/{place.path('attack.html')}?_xsrf={await _xsrf(context)}"
    )
    await expect(page.locator("body")).not_to_contain_text("read")
    await expect(page.locator("body")).to_have_text("no cookie, no answer, no answer")
    assert await place.lab.call("GET", "/contents") == before


async def _xsrf(context: BrowserContext) -> str:
    return next((each.get("value", "") for each in await context.cookies() if each.get("name") == "_xsrf"), "")
