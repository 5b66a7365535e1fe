"""What the process that makes pages may not do, whatever a notebook makes a library try."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Any

MAX_MEMORY_BYTES = 1 << 30

_FORBIDDEN = (
    "socket.__new__",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
)
_DEATH_OF_PARENT = 1
"""What prctl calls the signal to send when the process that started this one ends; Linux alone has it."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine() -> None:
    """From now on: no network, no further processes, no files but those installed, bounded memory, deaf to Ctrl-C, and
    no life without the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    _bound(resource.RLIMIT_AS, MAX_MEMORY_BYTES)
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_FSIZE, 0)
    places = (*sys.path, sys.prefix, sys.base_prefix)
    installed = tuple(os.path.abspath(place).rstrip(os.sep) + os.sep for place in places if place)  # noqa: PTH100

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN or (event == "open" and not _is_read(installed, *arguments)):
            raise PermissionError(f"{event} is not for this process")

    sys.addaudithook(watch)


def _bound(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _is_read(folders: tuple[str, ...], path: object, _mode: object, flags: object) -> bool:
    if not isinstance(path, (str, bytes)) or (isinstance(flags, int) and flags & _WRITING):
        return False
    return os.path.abspath(os.fsdecode(path)).startswith(folders)  # noqa: PTH100  Path.resolve looks at the files
