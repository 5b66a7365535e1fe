"""The installed ``nbgw`` as a process of its own, in a folder and a home of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

NBGW = str(Path(sys.executable).with_name("nbgw"))
ANNOUNCEMENT = "nbgateway serves at "

_LEFT_OUT = ("NBGW_", "AWS_", "XDG_", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


@dataclass(slots=True)
class Serving:
    """A running ``nbgw serve``; ``said`` is what it printed up to and with its address."""

    process: subprocess.Popen[str]
    errors: Path
    said: str = ""
    url: str = field(default="", init=False)

    def wait_until_it_serves(self) -> None:
        assert self.process.stdout is not None
        while not self.url:
            line = self.process.stdout.readline()
            assert line, f"it ended with {self.process.wait()}: {self.errors.read_text()}"
            self.said += line
            if line.startswith(ANNOUNCEMENT):
                self.url = line.removeprefix(ANNOUNCEMENT).strip()

    def read(self, lines: int) -> str:
        assert self.process.stdout is not None
        return "".join(self.process.stdout.readline() for _ in range(lines))

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """The exit code, and the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(with_signal)
        return self.process.wait(30), time.monotonic() - started

    @property
    def log(self) -> str:
        return self.errors.read_text()


def environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings of its own, and with its state in ``folder``.

    Byte code is kept, as in a user's installation, even where the tests' own machine keeps none.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    return {
        **kept,
        "PYTHONPYCACHEPREFIX": _byte_code_folder(),
        "XDG_STATE_HOME": str(folder / "state-home"),
        "COLUMNS": "100",
        **(extra or {}),
    }


def run(folder: Path, *arguments: str | Path, extra: Mapping[str, str] | None = None) -> Outcome:
    """One command, to its end."""
    done = subprocess.run(
        [NBGW, *map(str, arguments)],
        cwd=folder,
        env=environment(folder, extra),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@cache
def _byte_code_folder() -> str:
    folder = tempfile.mkdtemp(prefix="nbgw-byte-code-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def started(folder: Path, *arguments: str | Path, extra: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """``nbgw serve`` while the block runs, perhaps still starting."""
    errors = folder.parent / f"{folder.name}.log"
    with errors.open("w") as log:
        process = subprocess.Popen(
            [NBGW, "serve", *map(str, arguments)],
            cwd=folder,
            env=environment(folder.parent, extra),
            stdout=subprocess.PIPE,
            stderr=log,
            stdin=subprocess.DEVNULL,
            text=True,
        )
    try:
        yield Serving(process, errors)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def serving(folder: Path, *arguments: str | Path, extra: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """``nbgw serve`` on a free port, once it serves."""
    with started(folder, "--port", "0", *arguments, extra=extra) as running:
        running.wait_until_it_serves()
        yield running


def ask(url: str, *, method: str = "GET", body: bytes | None = None, tls: ssl.SSLContext | None = None) -> Answer:
    """One exchange as a stranger's client would have it."""
    request = urllib.request.Request(url, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20, context=tls) as response:
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Answer(refusal.code, refusal.read())
