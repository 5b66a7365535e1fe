"""The processes that make pages: when they start and end, and what becomes of callers when one does not do well."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from time import monotonic

import pytest

from gateway.contents.problem import Code, Problem
from gateway.exporting.pool import ExportLimits, ExportPool
from tests.exporting.browser import text
from tests.exporting.notebooks import code, display, markdown, notebook, stream
from tests.exporting.processes import is_running, workers_of

SMALL = notebook(markdown("hello"))
ENDLESS = notebook(markdown("\\begin{a}" * 20_000))
"""More work than anybody waits for: nbconvert looks for the end of each beginning."""

LIMITS = ExportLimits(workers=1)


@asynccontextmanager
async def running(limits: ExportLimits = LIMITS) -> AsyncIterator[ExportPool]:
    """A pool whose processes are gone when the block ends."""
    pool = ExportPool(limits)
    try:
        yield pool
    finally:
        await pool.aclose()
        assert workers_of() == []


async def code_of(export: asyncio.Task[str]) -> Code:
    with pytest.raises(Problem) as refused:
        await export
    return refused.value.code


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  what is waited for is another process
            await asyncio.sleep(0.02)


async def test_nothing_runs_before_the_first_export_and_one_process_serves_many() -> None:
    async with running() as pool:
        assert workers_of() == []
        assert text(await pool.html("a", SMALL)) == "hello"
        (first,) = workers_of()
        assert text(await pool.html("b", notebook(markdown("again")))) == "again"
        assert workers_of() == [first]


async def test_exports_run_side_by_side_and_each_caller_gets_its_own() -> None:
    async with running(ExportLimits(workers=2)) as pool:
        bodies = [notebook(markdown(f"number {number}")) for number in range(6)]
        pages = await asyncio.gather(*(pool.html("x", body) for body in bodies))
        assert [text(page) for page in pages] == [f"number {number}" for number in range(6)]
        assert len(workers_of()) == 2


async def test_what_is_no_notebook_is_unprocessable_and_its_worker_is_none_the_worse() -> None:
    async with running() as pool:
        for body in (b"{", b"[" * 100_000, b'{"nbformat": ' + b"7" * 5000 + b"}"):
            with pytest.raises(Problem) as refused:
                await pool.html("x", body)
            assert refused.value.code is Code.UNPROCESSABLE
        (worker,) = workers_of()
        assert text(await pool.html("x", SMALL)) == "hello"
        assert workers_of() == [worker]


async def test_a_notebook_beyond_the_limit_is_refused_before_a_process_starts() -> None:
    async with running(replace(LIMITS, max_notebook_bytes=len(SMALL) - 1)) as pool:
        assert await code_of(asyncio.create_task(pool.html("x", SMALL))) is Code.UNPROCESSABLE
        assert workers_of() == []


async def test_a_worker_that_takes_too_long_is_killed_and_the_next_caller_gets_a_new_one() -> None:
    async with running() as pool:
        await pool.html("x", SMALL)
        (slow,) = workers_of()
        pool._limits = replace(LIMITS, seconds=0.5)  # less than a start takes
        began = monotonic()
        assert await code_of(asyncio.create_task(pool.html("x", ENDLESS))) is Code.UNPROCESSABLE
        assert 0.5 <= monotonic() - began < 2
        await until(lambda: not is_running(slow))
        pool._limits = LIMITS
        assert text(await pool.html("x", SMALL)) == "hello"


async def test_a_worker_that_dies_takes_only_its_own_page_with_it() -> None:
    async with running(ExportLimits(workers=2)) as pool:
        await pool.html("x", SMALL)
        (doomed,) = workers_of()
        broken = asyncio.create_task(pool.html("x", ENDLESS))
        other = asyncio.create_task(pool.html("x", SMALL))
        await until(lambda: len(workers_of()) == 2)
        os.kill(doomed, signal.SIGKILL)
        assert await code_of(broken) is Code.UNPROCESSABLE
        assert text(await other) == "hello"


async def test_a_worker_that_died_while_idle_is_nobodys_loss() -> None:
    async with running() as pool:
        await pool.html("x", SMALL)
        (worker,) = workers_of()
        os.kill(worker, signal.SIGKILL)
        await until(lambda: workers_of() == [])
        await asyncio.sleep(0.2)  # the event loop hears of it a little later
        assert text(await pool.html("x", SMALL)) == "hello"


async def test_a_full_line_refuses_at_once_and_an_impatient_caller_goes_away() -> None:
    async with running(replace(LIMITS, waiting=1, waiting_seconds=0.5)) as pool:
        await pool.html("x", SMALL)
        busy = asyncio.create_task(pool.html("x", ENDLESS))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(pool.html("x", SMALL))
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await pool.html("x", SMALL)
        assert (refused.value.code, refused.value.retryable) == (Code.UNAVAILABLE, True)
        assert refused.value.retry_after_seconds is not None
        assert not waiting.done()
        assert await code_of(waiting) is Code.UNAVAILABLE
        busy.cancel()
        with suppress(asyncio.CancelledError):
            await busy
        assert text(await pool.html("x", SMALL)) == "hello"


async def test_who_waits_in_line_gets_the_page_in_turn() -> None:
    async with running() as pool:
        exports = [asyncio.create_task(pool.html("x", SMALL)) for _ in range(5)]
        assert [text(page) for page in await asyncio.gather(*exports)] == ["hello"] * 5
        assert len(workers_of()) == 1


async def test_a_cancelled_export_leaves_no_work_behind() -> None:
    async with running() as pool:
        await pool.html("x", SMALL)
        (worker,) = workers_of()
        export = asyncio.create_task(pool.html("x", ENDLESS))
        await asyncio.sleep(0.2)
        export.cancel()
        with pytest.raises(asyncio.CancelledError):
            await export
        await until(lambda: not is_running(worker))
        assert text(await pool.html("x", SMALL)) == "hello"


async def test_an_export_cancelled_at_any_moment_leaves_the_pool_whole() -> None:
    async with running() as pool:
        for pause in (0, 0.001, 0.01, 0.1, 0.5):
            export = asyncio.create_task(pool.html("x", SMALL))
            await asyncio.sleep(pause)
            export.cancel()
            with suppress(asyncio.CancelledError):
                await export
        assert text(await pool.html("x", SMALL)) == "hello"
        await until(lambda: len(workers_of()) == 1)


async def test_a_process_that_is_idle_for_long_is_ended() -> None:
    async with running(replace(LIMITS, idle_seconds=0.5)) as pool:
        await pool.html("x", SMALL)
        (worker,) = workers_of()
        await until(lambda: not is_running(worker))
        assert text(await pool.html("x", SMALL)) == "hello"


async def test_a_process_that_has_grown_is_ended() -> None:
    async with running(replace(LIMITS, pages_per_worker=2, large_bytes=10_000)) as pool:
        await pool.html("x", SMALL)
        (first,) = workers_of()
        await pool.html("x", SMALL)
        await until(lambda: not is_running(first))
        await pool.html("x", notebook(markdown("long " * 3_000)))
        await until(lambda: workers_of() == [])


async def test_closing_ends_busy_workers_and_their_callers_hear_of_it() -> None:
    pool = ExportPool(LIMITS)
    await pool.html("x", SMALL)
    busy = asyncio.create_task(pool.html("x", ENDLESS))
    waiting = asyncio.create_task(pool.html("x", SMALL))
    await asyncio.sleep(0.1)
    await pool.aclose()
    assert workers_of() == []
    assert [await code_of(busy), await code_of(waiting)] == [Code.UNAVAILABLE] * 2
    assert await code_of(asyncio.create_task(pool.html("x", SMALL))) is Code.UNAVAILABLE


async def test_a_large_notebook_does_not_hold_up_the_event_loop() -> None:
    picture = "iVBORw0KGgo" + "A" * 10_000_001
    body = notebook(code(display({"image/png": picture}), stream("a line of text\n" * 700_000)))
    async with running() as pool:
        await pool.html("x", SMALL)
        worst, export = 0.0, asyncio.create_task(pool.html("x", body))
        while not export.done():
            began = monotonic()
            await asyncio.sleep(0.005)
            worst = max(worst, monotonic() - began)
        assert picture in await export
        assert worst < 0.5
