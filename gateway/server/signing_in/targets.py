"""Where a browser may be sent: to pages of the gateway itself, by nothing that could be read as another address."""

from __future__ import annotations

import re

from gateway.contents.paths import decode
from gateway.contents.problem import Problem
from gateway.dialects.jupyter.passing import query_without_token

MAX_TARGET_LENGTH = 2048

_TARGET = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%|^\[\]/-]*(\?[A-Za-z0-9._~!$&'()*+,;=:@%|^\[\]/?-]*)?")
_SIGNING = frozenset({"login", "logout"})


def own_target(text: str, base_path: str = "") -> str | None:
    """Path and query below ``base_path`` as they may stand in a Location; None for whatever is not plainly our own.

    So it begins with exactly one slash, has no segment that is empty, ``.`` or ``..``, hides no slash, backslash or
    control character behind an escape, and is not where people sign in. A token in it is left out: it would sign its
    owner in.
    """
    if len(text) > MAX_TARGET_LENGTH or not text.startswith(f"{base_path}/"):
        return None
    below = text[len(base_path) :]
    path, _, query = below.partition("?")
    try:
        if not _TARGET.fullmatch(below) or not _is_plain(path):
            return None
        rest = query_without_token(query)
    except Problem:
        return None
    return f"{path}?{rest}" if rest else path


def _is_plain(path: str) -> bool:
    *names, last = (decode(segment) for segment in path.split("/")[1:])
    if not all(names) or (not names and last in _SIGNING):
        return False
    return all(name not in (".", "..") and not re.search(r"[/\\\x00-\x1f\x7f]", name) for name in (*names, last))
