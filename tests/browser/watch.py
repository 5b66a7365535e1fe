"""Everything that a page complains of: its console, errors, failed requests, refusals, dialogs, notifications."""

from __future__ import annotations

import re

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Request, Response, WebError

_REPORT_DIALOGS = """
const seen = new WeakSet();
function report(dialog) {
  const part = name => dialog.querySelector(`.jp-Dialog-${name}`)?.textContent ?? '';
  if (!seen.has(dialog)) reportFinding(`dialog: ${part('header')}: ${part('body')}`);
  seen.add(dialog);
}
new MutationObserver(changes => {
  for (const dialog of document.querySelectorAll('.jp-Dialog'))
    if (dialog.querySelector('.jp-Dialog-header')?.textContent) report(dialog);  // Lab fills it in a moment later
    else setTimeout(() => report(dialog), 300);
  for (const change of changes)
    for (const node of change.addedNodes)
      if (node instanceof HTMLElement && node.matches('.Toastify__toast--error, .Toastify__toast--warning'))
        reportFinding(`notification: ${node.textContent}`);
}).observe(document, {childList: true, subtree: true});
"""


class Watch:
    """What went wrong in the pages of a context, one line each; ``unexpected`` is what no test has allowed."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    async def begin(self, context: BrowserContext) -> None:
        await context.expose_binding("reportFinding", lambda _source, text: self.findings.append(text))
        await context.add_init_script(_REPORT_DIALOGS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("requestfailed", self._on_failure)
        context.on("response", self._on_response)
        context.on("dialog", self._on_dialog)

    def allow(self, pattern: str, *, because: str) -> None:
        """From now on and before, findings that ``pattern`` matches from their start are no fault."""
        assert because, "an exception without a reason"
        self._allowed.append(re.compile(pattern))

    def expected(self, start: str) -> None:
        """Strike out one finding that begins so, which must be there."""
        matching = [each for each in self.findings if each.startswith(start)]
        assert matching, f"not found: {start}"
        self.findings.remove(matching[0])

    def unexpected(self) -> list[str]:
        return [each for each in self.findings if not any(pattern.match(each) for pattern in self._allowed)]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.findings.append(f"console: {message.text} ({message.location['url']})")

    def _on_error(self, error: WebError) -> None:
        self.findings.append(f"page error: {error.error}")

    def _on_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # by the page itself, which leaves its polls and turns to downloads
            self.findings.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.findings.append(f"status {response.status}: {response.request.method} {response.url}")

    async def _on_dialog(self, dialog: Dialog) -> None:
        self.findings.append(f"browser dialog: {dialog.type}: {dialog.message}")
        await dialog.accept()
