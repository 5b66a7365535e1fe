"""Who makes pages when: a few processes, started when needed and ended when not, and the line in front of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from gateway.contents.problem import Code, Problem
from gateway.exporting.frames import Outcome, Reply, Request
from gateway.exporting.process import Worker, WorkerEndedError

_RETRY_AFTER_SECONDS = 5

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """How many pages at once, how many callers in line, for how long, and until when all of it must be done: before
    the 30 s are over that the gateway's own client grants an export.

    A process that has made ``pages_per_worker``, or one of a notebook of ``large_bytes``, has grown and is ended.
    """

    workers: int = 2
    waiting: int = 8
    waiting_seconds: float = 10
    seconds: float = 25
    idle_seconds: float = 180
    pages_per_worker: int = 100
    large_bytes: int = 8 << 20
    max_notebook_bytes: int = 64 << 20


class ExportPool:
    """Makes pages in processes of their own. For one event loop; nothing runs before the first export."""

    def __init__(self, limits: ExportLimits = ExportLimits()) -> None:
        self._limits = limits
        self._free = asyncio.Semaphore(limits.workers)
        self._waiting = 0
        self._workers: set[Worker] = set()
        self._idle: dict[Worker, asyncio.TimerHandle] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def html(self, title: str, notebook: bytes) -> str:
        """See ``Exports``."""
        if len(notebook) > self._limits.max_notebook_bytes:
            raise Problem(Code.UNPROCESSABLE, "The notebook is too large to be shown as HTML.")
        try:
            async with asyncio.timeout(self._limits.seconds), self._turn():
                reply = await self._reply(Request(title, notebook))
        except TimeoutError as error:
            raise Problem(Code.UNPROCESSABLE, "Showing the notebook as HTML takes too long.") from error
        if reply.outcome is not Outcome.SHOWN:
            raise Problem(Code.UNPROCESSABLE, reply.text)
        return reply.text

    async def aclose(self) -> None:
        """End all processes; who still waits for a page gets UNAVAILABLE."""
        self._is_closed = True
        for worker in [*self._workers]:
            self._end(worker)
        while self._endings:
            await asyncio.wait(self._endings)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait in line for one of the processes, and have it for the block. UNAVAILABLE when the line is too long."""
        if self._free.locked() and self._waiting >= self._limits.waiting:
            raise _unavailable("Too many exports are under way.")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.waiting_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise _unavailable("Too many exports are under way.") from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()

    async def _reply(self, request: Request) -> Reply:
        """A worker's reply. One that is late, broken or not wanted any more is ended: nobody knows where it stands."""
        worker = await self._worker()
        is_done = False
        try:
            reply = await worker.answer(request)
            is_done = True
        except WorkerEndedError as error:
            _log.warning("an export broke down", notebook_bytes=len(request.notebook))
            if self._is_closed:
                raise _unavailable("Exports are over.") from error
            raise Problem(Code.UNPROCESSABLE, "Showing the notebook as HTML takes more than there is.") from error
        finally:
            self._give_back(worker, is_fit=is_done and self._is_fit(worker, request))
        return reply

    async def _worker(self) -> Worker:
        """The one that was busy last, so that the others come to rest, or a new one."""
        if self._is_closed:
            raise _unavailable("The gateway is stopping.")
        while self._idle:
            worker, rest = self._idle.popitem()
            rest.cancel()
            if worker.is_running:
                return worker
            self._end(worker)
        try:
            worker = await Worker.start(math.ceil(self._limits.seconds) + 1)
        except OSError as error:
            raise _unavailable("Exports cannot be made now.") from error
        self._workers.add(worker)
        if self._is_closed:
            self._end(worker)
        return worker

    def _is_fit(self, worker: Worker, request: Request) -> bool:
        is_small = len(request.notebook) < self._limits.large_bytes
        return is_small and worker.pages < self._limits.pages_per_worker and not self._is_closed

    def _give_back(self, worker: Worker, *, is_fit: bool) -> None:
        if is_fit:
            loop = asyncio.get_running_loop()
            self._idle[worker] = loop.call_later(self._limits.idle_seconds, self._end, worker)
        else:
            self._end(worker)

    def _end(self, worker: Worker) -> None:
        """At once for the process; whoever cares can wait for the rest in ``aclose``."""
        if rest := self._idle.pop(worker, None):
            rest.cancel()
        worker.kill()
        ending = asyncio.create_task(self._ended(worker))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _ended(self, worker: Worker) -> None:
        await worker.ended()
        self._workers.discard(worker)


def _unavailable(detail: str) -> Problem:
    return Problem(Code.UNAVAILABLE, detail, retry_after_seconds=_RETRY_AFTER_SECONDS)
