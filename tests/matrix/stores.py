"""A fresh, empty store of each kind, as the mount section of a configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

KINDS = ("local",)


@asynccontextmanager
async def mount_of(kind: str, folder: Path) -> AsyncIterator[dict[str, Any]]:
    """The mount's settings, without its name."""
    files = folder / "files"
    files.mkdir()
    yield {"kind": kind, "folder": str(files)}
