"""Takes docs/images/file-browser.png, a real Lab over stores of each kind: ``make picture``. Needs chromium."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser

from tests.browser.chromium import running_chromium
from tests.browser.places import ROOT, Lab, Place, notebook_of
from tests.browser.stand import running_stand
from tests.browser.upstream import running_lab
from tests.browser.watch import Watch
from tests.browser.window import LabWindow
from tests.fakes.s3 import running_s3

FILE = Path(__file__).parent.parent / "docs" / "images" / "file-browser.png"
WIDTH, HEIGHT = 960, 480
MAX_BYTES = 150_000

_CHART = """\
churn = {"Q1": 31, "Q2": 27, "Q3": 18, "Q4": 12}
for quarter, customers in churn.items():
    print(quarter, "█" * customers, customers)"""
_SUM = 'f"{sum(churn.values())} customers left"'


async def main() -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="nbgw-picture-")))
        (folder / "upstream").mkdir()
        upstream = await stack.enter_async_context(running_lab(folder / "upstream"))
        s3 = await stack.enter_async_context(running_s3())
        stand = await stack.enter_async_context(running_stand(folder, upstream, s3))
        lab = stand.lab(ROOT)
        await _fill(lab)
        browser = await stack.enter_async_context(running_chromium())
        await _take(browser, Place(lab, "s3"))
    size = FILE.stat().st_size
    if size > MAX_BYTES:
        raise SystemExit(f"{FILE} has {size} bytes, which is more than {MAX_BYTES}.")


async def _fill(lab: Lab) -> None:
    for name in ("data", "reports"):
        await lab.call("PUT", f"/contents/{name}", {"type": "directory"})
    for name in ("README.md", "requirements.txt"):
        await lab.call("PUT", f"/contents/{name}", {"type": "file", "format": "text", "content": name})
    model = {"type": "notebook", "format": "json", "content": notebook_of("1 + 1")}
    await lab.call("PUT", "/contents/model.ipynb", model)
    await lab.call("PUT", "/contents/s3/churn.ipynb", {**model, "content": notebook_of(_CHART, _SUM)})


async def _take(browser: Browser, place: Place) -> None:
    """The notebook in the S3 store, which has just been run, beside the top of the file browser."""
    context = await browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    watch = Watch()
    await watch.begin(context)
    lab = await LabWindow.at(context, watch, place)
    notebook = await lab.open_notebook("churn.ipynb")
    for cell, last in enumerate(("12", "left'")):
        await notebook.start(cell)
        await notebook.output(cell).get_by_text(last).wait_for()
    await notebook.save()
    await lab.files.go_home()
    await lab.files.entry("s3").click()
    if watch.unexpected():
        raise SystemExit("\n".join(watch.unexpected()))
    FILE.parent.mkdir(exist_ok=True)
    await lab.page.screenshot(path=FILE)


if __name__ == "__main__":
    asyncio.run(main())
