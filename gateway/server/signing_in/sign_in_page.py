"""The sign-in page: one form, nothing from elsewhere, no script."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #f4f5f7; --card: #fff; --line: #747b85; --accent: #0b5cad;
  --on-accent: #fff; --alarm: #a3121f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #15171a; --card: #1f2226; --line: #8b929c;
  --accent: #7ab8f5; --on-accent: #10243a; --alarm: #ff9a9a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; padding: 2rem; border-radius: .75rem; background: var(--card);
  box-shadow: 0 1px 3px #0003, 0 8px 24px #0002; }
h1 { margin: 0 0 1rem; font-size: 1.375rem; line-height: 1.2; }
label { display: block; margin-bottom: .25rem; font-weight: 600; }
input, button { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; border-radius: .375rem; font: inherit; }
input { border: 1px solid var(--line); color: inherit; background: transparent; }
button { margin-top: 1rem; border: 0; font-weight: 600; color: var(--on-accent); background: var(--accent);
  cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
p { margin: .5rem 0 0; font-size: .875rem; }
p[role] { margin: 0 0 1rem; font-size: 1rem; }
p[role=alert] { color: var(--alarm); font-weight: 600; }
"""

_STYLE_DIGEST = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{_STYLE_DIGEST}'",
        "img-src data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
<h1>Sign in to notebooks</h1>
{message}<form method="post" action="{action}">
<input type="hidden" name="next" value="{target}">
<label for="token">Token</label>
<input type="password" id="token" name="token" required autofocus autocomplete="current-password"
  spellcheck="false" autocapitalize="none" aria-describedby="hint"{invalid}>
<p id="hint">{hint}</p>
<button type="submit">Sign in</button>
</form>
</main>
</body>
</html>
"""

_HINTS = {
    False: "The token you were given, or that the gateway printed when it was started.",
    True: "Your gateway token, or an access token of your organisation's sign-on.",
}


def sign_in_page(action: str, target: str, *, takes_bearer: bool, alarm: str = "", news: str = "") -> str:
    """The form, sent to ``action`` with ``target`` as where to go then; ``alarm`` says what went wrong, ``news`` what
    went well."""
    message = ""
    if alarm or news:
        role = "alert" if alarm else "status"
        message = f'<p role="{role}" id="message">{escape(alarm or news)}</p>\n'
    return _PAGE.format(
        style=_STYLE,
        message=message,
        action=escape(action),
        target=escape(target),
        invalid=' aria-invalid="true" aria-errormessage="message"' if alarm else "",
        hint=_HINTS[takes_bearer],
    )
