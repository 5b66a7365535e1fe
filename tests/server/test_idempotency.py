"""Retry tokens: the same request acts once, whatever repeats it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.contents.model import Caller, Credential
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.contents.retry_tokens import ABANDONED_SECONDS, MEMORY_SECONDS, StoredAnswer, TokenKey
from gateway.dialects.dialect import Call, Incoming, Route
from gateway.server.idempotency import MADE, RetryTokens
from tests.server.tokens import MemoryTokens

Client = TestClient[web.Request, web.Application]


async def _never_parsed(_incoming: Incoming) -> Call[None]:
    raise AssertionError


ROUTE = Route("POST", "thing", _never_parsed, takes_retry_token=True, identified_by=("x-kind",))
MADE_HERE = ContentPath(("m", "d", "Untitled.ipynb"))


@dataclass
class Counter:
    """A server whose action counts its runs; ``during`` is what a run does before it answers."""

    store: MemoryTokens = field(default_factory=MemoryTokens)
    runs: int = 0
    during: Callable[[], Awaitable[None]] | None = None
    status: int = 201
    standing: set[ContentPath] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    tasks: list[asyncio.Task[object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens = RetryTokens(self.store, patience_seconds=0.4)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        caller = Caller(request.headers.get("x-user", "ada"), Credential.SIGNATURE)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        try:
            return await self.tokens.answer(request, caller, ROUTE, partial(self._act, request), self._stands)
        except Problem as problem:
            self.problems.append(problem)
            return web.Response(status=problem.code.value)

    async def _stands(self, path: ContentPath) -> bool:
        return path in self.standing

    async def _act(self, request: web.Request) -> web.StreamResponse:
        self.runs += 1
        request[MADE] = MADE_HERE
        self.standing.add(MADE_HERE)
        number = self.runs
        if self.during is not None:
            await self.during()
        headers = {"etag": f"e{number}", "Location": f"http://x/{number}", "X-Other": "y"}
        return web.json_response({"run": number}, status=self.status, headers=headers)


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
async def client(counter: Counter) -> AsyncIterator[Client]:
    app = web.Application()
    app.router.add_post("/{tail:.*}", counter.handle)
    async with TestClient(TestServer(app)) as client:
        yield client


async def _post(
    client: Client, token: str | None = "t", path: str = "/a", body: bytes = b"{}", user: str = "ada"
) -> int:
    headers = {"x-user": user} | ({"opc-retry-token": token} if token is not None else {})
    async with client.post(path, data=body, headers=headers) as answer:
        return answer.status


async def test_a_repeated_request_gets_the_first_answer_without_acting(counter: Counter, client: Client) -> None:
    headers = {"opc-retry-token": "t"}
    async with client.post("/a", data=b"{}", headers=headers) as first:
        expected = (first.status, await first.read(), first.headers["etag"], first.headers["Location"])
    async with client.post("/a", data=b"{}", headers=headers) as again:
        assert (again.status, await again.read(), again.headers["etag"], again.headers["Location"]) == expected
        assert again.headers["Content-Type"] == "application/json; charset=utf-8"
        assert again.headers["X-Other"] == "y"
    assert counter.runs == 1


async def test_requests_without_a_token_always_act(counter: Counter, client: Client) -> None:
    assert [await _post(client, token=None) for _ in range(2)] == [201, 201]
    assert counter.runs == 2
    assert not counter.store.records


@pytest.mark.parametrize("other", [{"path": "/b"}, {"path": "/a?x=1"}, {"body": b"[]"}])
async def test_a_token_of_another_request_is_refused(counter: Counter, client: Client, other: dict[str, str]) -> None:
    await _post(client)
    assert await _post(client, **other) == 409  # type: ignore[arg-type]  # one keyword of _post each
    assert counter.problems[0].reason is Reason.RETRY_TOKEN
    assert counter.runs == 1


async def test_callers_do_not_share_tokens(counter: Counter, client: Client) -> None:
    await _post(client)
    assert await _post(client, user="al") == 201
    assert counter.runs == 2


@pytest.mark.parametrize("token", ["", "x" * 65, "é"])
async def test_a_token_of_forbidden_length_or_letters_is_invalid(counter: Counter, client: Client, token: str) -> None:
    assert await _post(client, token=token) == 400
    assert counter.runs == 0


async def test_the_longest_token_is_taken(client: Client) -> None:
    assert await _post(client, token="x" * 64) == 201


async def test_an_answer_is_forgotten_after_a_day(counter: Counter, client: Client) -> None:
    await _post(client)
    counter.store.now += MEMORY_SECONDS - 1
    await _post(client)
    assert counter.runs == 1
    counter.store.now += 1
    await _post(client)
    assert counter.runs == 2


async def test_racing_requests_act_once(counter: Counter, client: Client) -> None:
    async def slowly() -> None:
        await asyncio.sleep(0.1)

    counter.during = slowly
    assert await asyncio.gather(*(_post(client) for _ in range(5))) == [201] * 5
    assert counter.runs == 1


async def test_waiting_too_long_is_busy(counter: Counter, client: Client) -> None:
    release = asyncio.Event()

    async def until_released() -> None:
        await release.wait()

    counter.during = until_released
    first = asyncio.create_task(_post(client))
    await asyncio.sleep(0.05)
    assert await _post(client) == 409
    assert counter.problems[0].reason is Reason.BUSY
    release.set()
    assert await first == 201


async def test_a_refused_first_leaves_the_token_free(counter: Counter, client: Client) -> None:
    counter.status = 404
    assert await _post(client) == 404
    counter.status = 201
    assert await _post(client) == 201
    assert counter.runs == 2


async def test_a_first_that_raised_leaves_the_token_free(counter: Counter, client: Client) -> None:
    async def fail() -> None:
        raise Problem(Code.UNAVAILABLE, "down")

    counter.during = fail
    assert await _post(client) == 503
    assert not counter.store.records
    counter.during = None
    assert await _post(client, body=b"other") == 201


async def test_a_cancelled_first_leaves_the_token_free(counter: Counter, client: Client) -> None:
    began = asyncio.Event()

    async def forever() -> None:
        began.set()
        await asyncio.Event().wait()

    counter.during = forever
    first = asyncio.create_task(_post(client))
    await began.wait()
    counter.tasks[0].cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not counter.store.records
    counter.during = None
    assert await _post(client) == 201


async def test_a_dead_claim_may_be_taken_over(counter: Counter, client: Client) -> None:
    await counter.store.claim(TokenKey("user:ada", "POST thing", "t"), "of a process that died")
    counter.store.now += ABANDONED_SECONDS
    assert await _post(client) == 201


async def test_an_answer_stands_when_it_cannot_be_remembered(client: Client, counter: Counter) -> None:
    class Forgetful(MemoryTokens):
        async def remember(self, key: TokenKey, claim_id: str, answer: StoredAnswer) -> None:
            raise Problem(Code.UNAVAILABLE, "the state store is down")

    counter.tokens = RetryTokens(Forgetful())
    assert await _post(client) == 201


async def test_what_is_gone_is_not_answered_from_memory(client: Client, counter: Counter) -> None:
    await _post(client)
    counter.standing.clear()
    assert await _post(client) == 409
    assert counter.problems[0].reason is Reason.RETRY_TOKEN
    assert counter.runs == 1


@pytest.mark.parametrize(
    ("gone", "owner", "again"),
    [
        (MADE_HERE, None, 409),
        (MADE_HERE.parent, None, 409),
        (MADE_HERE, "user:ada", 409),
        (MADE_HERE, "user:al", 201),
        (ContentPath(("m", "d", "Untitled1.ipynb")), None, 201),
    ],
)
async def test_what_was_vacated_is_not_answered_though_something_stands_there_again(
    client: Client, counter: Counter, gone: ContentPath, owner: str | None, again: int
) -> None:
    await _post(client)
    await counter.tokens.vacated(gone, owner)
    assert await _post(client) == again
    assert counter.runs == 1


async def test_a_failure_to_invalidate_does_not_undo_the_deletion(counter: Counter) -> None:
    class Closed(MemoryTokens):
        async def invalidate(self, gone: ContentPath, owner: str | None) -> None:
            raise Problem(Code.UNAVAILABLE, "the state store is down")

    with structlog.testing.capture_logs() as logs:
        await RetryTokens(Closed()).vacated(MADE_HERE, None)
    assert [line["event"] for line in logs] == ["a retry token could not be settled"]


async def test_an_answer_that_is_streamed_is_not_remembered(client: Client, counter: Counter) -> None:
    async def streamed(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write_eof(b"x")
        return response

    counter._act = streamed  # type: ignore[method-assign]  # an answer nobody can keep
    assert await _post(client) == 200
    assert not counter.store.records


async def test_the_headers_that_say_what_to_do_tell_requests_apart(counter: Counter, client: Client) -> None:
    headers = {"opc-retry-token": "t", "x-kind": "FILE"}
    statuses = []
    for changes in ({}, {}, {"x-other": "y"}, {"x-kind": "FOLDER"}):
        async with client.post("/a", data=b"{}", headers=headers | changes) as answer:
            statuses.append(answer.status)
    assert (statuses, counter.runs) == ([201, 201, 201, 409], 1)
