"""The project's documents, as tests read them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMPLIANCE = ROOT / "docs" / "compliance"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def everything() -> str:
    """What a reader of README and docs can find."""
    return "\n".join(page.read_text() for page in PAGES)


def fenced(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [found[2] for found in _FENCE.finditer(page.read_text()) if found[1] == language]


def without_code(page: Path) -> str:
    """The page's prose."""
    return _FENCE.sub("", page.read_text())
