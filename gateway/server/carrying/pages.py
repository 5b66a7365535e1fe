"""What is changed in a Jupyter server's pages before a browser gets them: its credential goes, and its paths become the
gateway's."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

from gateway.contents.problem import Problem
from gateway.contents.upstream import Upstream
from gateway.server.carrying.bases import Bases, bases_of
from gateway.wire import json
from gateway.wire.client import nonsense

MAX_PAGE_BYTES = 4 << 20
"""Pages of applications are some KiB. What is larger is somebody's document, from which only the credential goes."""
WORD_BYTES = 16
"""A credential of fewer bytes may be an ordinary word of the page. It goes only from where it is called a token."""

_CONFIG_ID = b"jupyter-config-data"
_TAG_BYTES = 1024
_MAX_CONFIGS = 8
"""A page has one."""
_ATTRIBUTE = re.compile(
    rb"""(?i)([\s"'](?:src|href|action|formaction|data-base-url)\s{0,8}=\s{0,8}["']?)(/[^\s"'>]*)"""
)
_ADDRESS = re.compile(rb"""(?i)(\burl\(\s{0,8}["']?)(/[^\s"')]*)""")
_CALLED_TOKEN = rb"""(?i:token(?:["']|&quot;|&#34;)?\s{0,8}[:=]\s{0,8}(?:["']|&quot;|&#34;)?)"""
_LABEL_BYTES = 48
_FULL = re.compile(r"full\w*Url")
_SCRIPT_ESCAPES = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"), (b"'", b"\\u0027"))
_OPTIONS: dict[str, object] = {"token": "", "wsUrl": "", "quitButton": False}
"""No credential; sockets where the page came from; and nobody ends a server that the gateway refuses to end."""
_HUB = frozenset({"hubHost", "hubPrefix", "hubServerName", "hubUser", "shareUrl"})
"""With these, Lab offers the pages of a JupyterHub, which is not behind the gateway."""


class Rewriting:
    """The changes for one server."""

    def __init__(self, bases: Bases, secrets: tuple[str, ...]) -> None:
        self._bases = bases
        self._secrets = tuple(spelling for secret in secrets for spelling in _spellings(secret))
        self._leaks = _leaks(self._secrets)

    @property
    def moves(self) -> bool:
        """Whether paths change."""
        return self._bases.differ

    def page(self, body: bytes) -> bytes:
        """A whole page. UPSTREAM when the configuration in it makes no sense: nobody knows what it would give away."""
        body = self._configured(body)
        if self._bases.differ:
            body = _ATTRIBUTE.sub(self._moved, body)
        return self._without_leaks(body, lambda leak: leak["before"] or b"")

    def sheet(self, body: bytes) -> bytes:
        """A whole style sheet."""
        return _ADDRESS.sub(self._moved, body)

    def leaks(self, header: str) -> bool:
        """Whether a header's value gives the credential away."""
        return self._leaks is not None and self._leaks.search(header.encode("utf-8", "surrogatepass")) is not None

    async def masked(self, pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
        """A page of any length, as it comes: as long as it was, with the credential crossed out."""
        if self._leaks is None:
            async for piece in pieces:
                yield piece
            return
        kept_bytes = max(map(len, self._secrets)) + _LABEL_BYTES
        waiting = b""
        async for piece in pieces:
            waiting = self._without_leaks(waiting + piece, _crossed_out)
            if len(waiting) > kept_bytes:
                yield waiting[:-kept_bytes]
                waiting = waiting[-kept_bytes:]
        if waiting:
            yield waiting

    def _without_leaks(self, body: bytes, left: Callable[[re.Match[bytes]], bytes]) -> bytes:
        """Few bodies hold a secret at all, and to see that takes a hundredth of the time."""
        if self._leaks is None or not any(secret in body for secret in self._secrets):
            return body
        return self._leaks.sub(left, body)

    def _moved(self, found: re.Match[bytes]) -> bytes:
        path = found[2].decode("utf-8", "surrogateescape")
        return found[1] + self._bases.ours_of(path).encode("utf-8", "surrogateescape")

    def _configured(self, body: bytes) -> bytes:
        """The body with each element of ``jupyter-config-data`` written anew; searched by hand, in one pass."""
        result: list[bytes] = []
        done, at = 0, body.find(_CONFIG_ID)
        while at >= 0:
            start, end = _element(body, at)
            if start < end:
                if len(result) > 2 * _MAX_CONFIGS:
                    raise _nonsense()
                result += [body[done:start], self._config(body[start:end])]
                done = end
            at = body.find(_CONFIG_ID, max(end, at + 1))
        return b"".join([*result, body[done:]]) if result else body

    def _config(self, body: bytes) -> bytes:
        try:
            config = json.decode(body, dict[str, Any])
        except Problem as problem:
            raise _nonsense() from problem
        kept = {name: self._option(name, value, config) for name, value in config.items() if name not in _HUB}
        encoded = json.encode(kept | _OPTIONS)
        for letter, escaped in _SCRIPT_ESCAPES:
            encoded = encoded.replace(letter, escaped)
        return encoded

    def _option(self, name: str, value: object, config: Mapping[str, object]) -> object:
        """Lab counts ``appUrl``, ``treeUrl`` and their like from the base; for each there is a full one beside it."""
        if not isinstance(value, str) or not name.endswith("Url"):
            return value
        counts_from_base = f"full{name[:1].upper()}{name[1:]}" in config
        is_known = name in ("baseUrl", "frontendUrl") or _FULL.fullmatch(name)
        if counts_from_base or not (is_known or self._bases.theirs[0]):
            return value
        return self._bases.ours_of(value)


@lru_cache(maxsize=1024)
def _rewriting(url: str, ours: str, secrets: tuple[str, ...]) -> Rewriting:
    return Rewriting(bases_of(url, ours), secrets)


def rewriting(upstream: Upstream, base_path: str) -> Rewriting:
    """The changes for pages of this server in a gateway at ``base_path``. Its credential is what follows the scheme."""
    secrets = tuple(value.split(" ", 1)[-1].strip() for value in upstream.headers.values())
    return _rewriting(upstream.url, base_path, secrets)


def _element(body: bytes, at: int) -> tuple[int, int]:
    """Where the text of the script begins and ends in whose opening tag ``at`` lies; nothing where it is no script."""
    opened = body.rfind(b"<", max(0, at - _TAG_BYTES), at)
    start = body.find(b">", at, at + _TAG_BYTES) + 1
    if opened < 0 or not start or body[opened : opened + 7].lower() != b"<script":
        return at, at
    end = body.find(b"</", start)
    return (start, end) if end >= 0 else (start, len(body))


def _nonsense() -> Problem:
    return nonsense("The Jupyter server's page cannot be understood.")


def _spellings(secret: str) -> tuple[bytes, ...]:
    """The secret as pages have it: in URLs, in HTML, in JSON."""
    if not secret:
        return ()
    in_script = json.encode(secret)[1:-1]
    for letter, escaped in _SCRIPT_ESCAPES:
        in_script = in_script.replace(letter, escaped)
    texts = (secret, quote(secret, safe=""), quote(secret), escape(secret), escape(secret, quote=False))
    return tuple(dict.fromkeys([*(text.encode() for text in texts), in_script]))


def _leaks(secrets: tuple[bytes, ...]) -> re.Pattern[bytes] | None:
    """Finds the credential, after the name ``before`` it where there is one."""
    if not secrets:
        return None
    anyhow = [re.escape(secret) for secret in secrets if len(secret) >= WORD_BYTES]
    named = b"|".join(re.escape(secret) for secret in secrets)
    return re.compile(b"|".join([rb"(?P<before>" + _CALLED_TOKEN + rb")(?:" + named + rb")", *anyhow]))


def _crossed_out(leak: re.Match[bytes]) -> bytes:
    before = leak["before"] or b""
    return before + b"*" * (len(leak[0]) - len(before))
