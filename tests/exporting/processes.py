"""The worker processes as the system sees them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.exporting.process import WORKER


def workers_of(parent: int | None = None) -> list[int]:
    """The ids of the workers that ``parent``, or this process, has running."""
    parent = parent or os.getpid()
    return [child for child in _children(parent) if WORKER in _command_line(child)]


def is_running(process: int) -> bool:
    """Whether it is there, and no mere remainder that waits to be collected."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def comes_true(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it is true within so many seconds. Holds the thread."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _children(parent: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{parent}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found.extend(map(int, (thread / "children").read_text().split()))
    return found


def _command_line(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []
