"""Changes that the service has begun and not yet ended: a 202 names an operation to ask about (quirk 13)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from adapters.oci.errors import busy, problem_of
from adapters.oci.models import decoded
from gateway.contents.problem import Code, Problem, Source
from gateway.wire.client import Answer, nonsense

_KEY_HEADERS = ("aidp-async-operation-key", "datalake-async-operation-key")
PATIENCE_SECONDS = 25.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0


class _Operation(msgspec.Struct, rename="camel"):
    status: str = ""
    error_code: str | None = None


async def ended(answer: Answer, ask: Callable[[str], Awaitable[Answer]]) -> None:
    """Wait until what the 202 has begun is done; ``ask`` reads the operation of that key.

    The problem of an operation that failed is that of its error code. CONFLICT (busy) when somebody has cancelled it,
    TIMEOUT when it is still going on after 25 s: then it may end either way. A 202 that names none is taken for done.
    """
    key = next((answer.headers[name] for name in _KEY_HEADERS if answer.headers.get(name)), None)
    if key is None:
        return
    pause, give_up = _FIRST_PAUSE_SECONDS, time.monotonic() + PATIENCE_SECONDS
    while True:
        operation = decoded(await ask(key), _Operation)
        match operation.status:
            case "SUCCEEDED":
                return
            case "FAILED":
                raise problem_of(operation.error_code) or nonsense("The storage behind this mount could not do it.")
            case "CANCELED" | "CANCELLED":
                raise busy("Somebody has cancelled it in the storage behind this mount; try again.")
        if time.monotonic() + pause > give_up:
            detail = "The storage behind this mount is still at it."
            raise Problem(Code.TIMEOUT, detail, source=Source.UPSTREAM)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
