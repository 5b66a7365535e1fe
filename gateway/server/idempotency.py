"""Requests that carry a retry token: the repetition gets the first one's answer (spec oci 3.3)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable

import structlog
from aiohttp import hdrs, web

from gateway.contents.model import Caller
from gateway.contents.offload import offloaded
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.contents.retry_tokens import (
    Claimed,
    ClaimResult,
    InProgress,
    Remembered,
    StoredAnswer,
    TokenKey,
    TokenStore,
    checked_token,
)
from gateway.dialects.dialect import Route
from gateway.dialects.oci.headers import RETRY_TOKEN_HEADER

PATIENCE_SECONDS = 20.0

MADE = web.RequestKey("made", ContentPath)
"""What a request has made."""

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_NOT_KEPT = frozenset({hdrs.CONTENT_LENGTH, hdrs.DATE, hdrs.SERVER, hdrs.CONNECTION})
"""What belongs to one answer and not to what it says."""

_log = structlog.get_logger()


class RetryTokens:
    """Answers repeated requests from what all replicas remember."""

    def __init__(self, store: TokenStore, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._store = store
        self._patience_seconds = patience_seconds
        self._settling: set[asyncio.Task[None]] = set()

    async def answer(
        self,
        request: web.Request,
        caller: Caller,
        route: Route,
        act: Callable[[], Awaitable[web.StreamResponse]],
        stands: Callable[[ContentPath], Awaitable[bool]],
    ) -> web.StreamResponse:
        """What ``act`` answers, or what it answered when the same request came with this token before.

        CONFLICT (retry token) when the token came with another request, or when what it made (``request[MADE]``) no
        longer ``stands``; CONFLICT (busy) when the first one is still under way after ``patience_seconds``. An attempt
        that fails or is cancelled leaves the token free.
        """
        token = request.headers.get(RETRY_TOKEN_HEADER)
        if token is None:
            return await act()
        key = TokenKey(caller.key, f"{route.method} {route.template}", checked_token(token))
        match await self._claim(key, await _fingerprint(request, route.identified_by)):
            case Claimed(claim_id):
                return await self._act(key, claim_id, request, act)
            case Remembered(answer):
                if answer.made is not None and not await stands(answer.made):
                    raise _invalidated()
                return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)
            case InProgress():
                raise Problem(
                    Code.CONFLICT,
                    "The first request with this retry token is still under way; try again later.",
                    reason=Reason.BUSY,
                )
        raise _invalidated()

    async def vacated(self, path: ContentPath, owner: str | None) -> None:
        """Something was deleted or renamed away: whoever made it is not to be told again that it is there."""
        await self._settle(self._store.invalidate(path, owner))

    async def _claim(self, key: TokenKey, fingerprint: str) -> ClaimResult:
        """Claim the token, waiting while the same request is under way elsewhere."""
        clock = asyncio.get_running_loop().time
        give_up_at, pause = clock() + self._patience_seconds, _FIRST_PAUSE_SECONDS
        while True:
            result = await self._store.claim(key, fingerprint)
            if not isinstance(result, InProgress) or clock() + pause > give_up_at:
                return result
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _act(
        self, key: TokenKey, claim_id: str, request: web.Request, act: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        answer: StoredAnswer | None = None
        try:
            response = await act()
            answer = _kept(response, request.get(MADE))
            return response
        finally:
            if answer is None:
                await self._settle(self._store.forget(key, claim_id))
            else:
                await self._settle(self._store.remember(key, claim_id, answer))

    async def _settle(self, step: Coroutine[None, None, None]) -> None:
        """Finish the step even when the client goes away meanwhile.

        What was done is done: when the store fails now, the answer stands and only its memory is lost.
        """
        task = asyncio.create_task(_logged(step))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        await asyncio.shield(task)


async def _logged(step: Coroutine[None, None, None]) -> None:
    try:
        await step
    except Problem as problem:
        _log.warning("a retry token could not be settled", detail=problem.detail)


async def _fingerprint(request: web.Request, names: Iterable[str]) -> str:
    """What makes two requests the same: method, path and query as sent, the headers of those names, and the body."""
    content = await request.read()
    body = await offloaded(len(content), hashlib.sha256, content)
    facts = (request.method, request.raw_path, *(request.headers.get(name) for name in names), body.hexdigest())
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _invalidated() -> Problem:
    detail = "This retry token was used for another request, or what its request made has been deleted or renamed."
    return Problem(Code.CONFLICT, detail, reason=Reason.RETRY_TOKEN)


def _kept(response: web.StreamResponse, made: ContentPath | None) -> StoredAnswer | None:
    """The answer to remember: a whole one that reports success."""
    if response.status >= 400 or not isinstance(response, web.Response):
        return None
    body = response.body or b""
    if not isinstance(body, bytes):
        return None
    headers = tuple((name.lower(), value) for name, value in response.headers.items() if name not in _NOT_KEPT)
    return StoredAnswer(response.status, headers, body, made)
