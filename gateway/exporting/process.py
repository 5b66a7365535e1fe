"""The gateway's side of one process that makes pages."""

from __future__ import annotations

import os
import sys
from asyncio import IncompleteReadError
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from contextlib import suppress

from gateway.exporting.frames import REPLY_HEAD, Outcome, Reply, Request, request_frame

WORKER = "gateway.exporting.worker"

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
_READ_BYTES = 1 << 20


class WorkerEndedError(Exception):
    """The process is no more, and the page with it."""


class Worker:
    """One process, which makes one page at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pages = 0

    @classmethod
    async def start(cls, seconds: int) -> Worker:
        """A new process, which would end itself after so many seconds over one page.

        It stands in the root folder and its modules come from nowhere but the installation: the gateway's own current
        folder may be one that callers write to. A signal to the gateway's group is not for it, the gateway's
        credentials are not, either.
        """
        process = await create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            WORKER,
            str(seconds),
            cwd=os.sep,
            env=_environment(),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,
            limit=_READ_BYTES,
        )
        return cls(process)

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def answer(self, request: Request) -> Reply:
        """The process's reply. WorkerEndedError when it ends instead; after a cancellation it is of no more use."""
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None
        assert replies is not None
        try:
            for part in request_frame(request):
                requests.write(part)
            await requests.drain()
            outcome, text_bytes = REPLY_HEAD.unpack(await replies.readexactly(REPLY_HEAD.size))
            text = await replies.readexactly(text_bytes)
        except (OSError, IncompleteReadError) as error:
            raise WorkerEndedError from error
        self.pages += 1
        return Reply(Outcome(outcome), text.decode())

    def kill(self) -> None:
        """End it wherever it is; it holds nothing that must be put in order."""
        if self.is_running:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def ended(self) -> int:
        """Wait for its end; the exit code."""
        return await self._process.wait()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    python = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    return {**kept, **python, "JUPYTER_PREFER_ENV_PATH": "1"}
