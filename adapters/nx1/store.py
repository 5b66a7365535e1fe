"""The connection to one bucket: one lazily opened client, deadlines, the read-once-more rule, faults as Problems."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import get_session
from botocore.exceptions import NoCredentialsError
from botocore.utils import parse_timestamp

from adapters.nx1.errors import BROKEN_CONNECTION, FAULTS, problem_from, too_slow
from gateway.contents.problem import Code, Problem
from gateway.contents.streams import PIECE_BYTES, STALL_SECONDS
from gateway.wire.client import (
    CONNECT_SECONDS,
    MAX_CONNECTIONS_PER_HOST,
    READ_SECONDS,
    WRITE_SECONDS,
    nonsense,
    oversized,
    payload,
)

P = ParamSpec("P")
R = TypeVar("R")
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where the bucket is and who we are there; without keys the usual AWS_* chain applies."""

    bucket: str
    endpoint_url: str | None
    region: str
    access_key_id: str | None = field(repr=False)
    secret_access_key: str | None = field(repr=False)
    session_token: str | None = field(repr=False)
    addressing_style: str
    max_body_bytes: int


class PlainSession(AIOHTTPSession):  # type: ignore[misc]  # aiobotocore ships without types
    """aiobotocore's HTTP session without what aiohttp would do by itself: repeat a request, follow a redirect.

    A conditional PUT that is stored and then repeated would be answered 412, a write that was refused by itself; and
    whoever redirects is not the store that was configured.
    """

    async def _get_session(self, proxy_url: str | None) -> _PlainRequests:
        session: aiohttp.ClientSession = await super()._get_session(proxy_url)
        session._retry_connection = False  # noqa: SLF001  private, and the only switch there is; pinned by a test
        return _PlainRequests(session)


@dataclass(frozen=True, slots=True)
class _PlainRequests:
    """The one method of a session that aiobotocore calls."""

    session: aiohttp.ClientSession

    async def request(self, method: str, *, data: Any = None, **arguments: Any) -> aiohttp.ClientResponse:
        body = payload(data) if isinstance(data, bytes) else data
        return await self.session.request(method, data=body, allow_redirects=False, **arguments)


def within(seconds: float) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """One deadline for all calls that an operation makes: TIMEOUT after it."""

    def limited(work: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        @wraps(work)
        async def run(*args: P.args, **kwargs: P.kwargs) -> R:
            async with _deadline(seconds):
                return await work(*args, **kwargs)

        return run

    return limited


class Store:
    """Calls S3 operations on one bucket. Every fault is a Problem."""

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: Any = None

    async def ask(self, operation: str, **arguments: Any) -> Answer:
        """A call that changes nothing: sent once more when the connection failed before an answer began."""
        client = await self._opened()
        async with _deadline(READ_SECONDS), _as_problems():
            return await _twice(lambda: _call(client, operation, self.settings.bucket, arguments))

    async def fetch(self, key: str) -> tuple[Answer, bytes]:
        """The object's facts and all its bytes. TOO_LARGE when there are more than the gateway carries, UPSTREAM when
        there are fewer than the store announced."""
        client = await self._opened()
        async with _deadline(READ_SECONDS), _as_problems():
            facts = await _twice(lambda: _call(client, "get_object", self.settings.bucket, {"Key": key}))
            async with facts["Body"] as stream:
                announced = facts.get("ContentLength")
                if announced is None:
                    raise nonsense("The storage behind this mount does not say how long a file is.")
                if announced > self.settings.max_body_bytes:
                    raise oversized()
                body: bytes = await stream.read()
        if len(body) != announced:
            raise nonsense()
        return facts, body

    @asynccontextmanager
    async def streamed(self, key: str, **arguments: Any) -> AsyncIterator[tuple[Answer, AsyncGenerator[bytes, None]]]:
        """The object's facts, and its bytes as they come while the block runs. No deadline but for silence."""
        client = await self._opened()
        async with _deadline(READ_SECONDS), _as_problems():
            facts = await _twice(lambda: _call(client, "get_object", self.settings.bucket, {"Key": key, **arguments}))
        async with facts["Body"] as stream:
            yield facts, _pieces(stream)

    async def change(self, operation: str, **arguments: Any) -> Answer:
        """A call that changes something: sent exactly once, whatever happens."""
        client = await self._opened()
        async with _deadline(WRITE_SECONDS), _as_problems():
            return await _call(client, operation, self.settings.bucket, arguments)

    async def aclose(self) -> None:
        await self._stack.aclose()

    async def _opened(self) -> Any:
        if self._client is None:
            async with self._opening, _deadline(READ_SECONDS), _as_problems():
                if self._client is None:
                    client = await self._stack.enter_async_context(await self._new_client())
                    client.meta.events.register_last("before-parameter-build.s3", _stay_here)
                    self._client = client
        return self._client

    async def _new_client(self) -> Any:
        try:
            session = await asyncio.to_thread(_warm_session, self.settings)
        except ValueError as error:
            detail = "The S3 settings of this mount cannot be used: the endpoint is no address, or the region none."
            raise Problem(Code.INTERNAL, detail) from error
        return _new_client(session, self.settings)


def _stay_here(context: Answer, **_: object) -> None:
    """Keep botocore from looking for the bucket elsewhere: a store that always redirects sends it round for ever."""
    context["s3_redirect"]["redirected"] = True


def _warm_session(settings: StoreSettings) -> Any:
    """A session that has made such a client before, in this thread: what that reads from files it remembers, so that
    the event loop will not wait for them."""
    session = get_session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_date)

    async def make_one() -> None:
        async with _new_client(session, settings):
            if settings.access_key_id is None and await session.get_credentials() is None:
                raise NoCredentialsError

    asyncio.run(make_one())
    return session


def _date(text: str) -> datetime:
    """A date in an answer. botocore's own way would take a second of the event loop for a listing of 10,000 keys."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        date: datetime = parse_timestamp(text)
        return date


def _new_client(session: Any, settings: StoreSettings) -> Any:
    return session.create_client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.region,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        aws_session_token=settings.session_token,
        config=AioConfig(
            http_session_cls=PlainSession,
            retries={"total_max_attempts": 1},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=MAX_CONNECTIONS_PER_HOST,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": settings.addressing_style},
        ),
    )


async def _call(client: Any, operation: str, bucket: str, arguments: Answer) -> Answer:
    facts: Answer = await getattr(client, operation)(Bucket=bucket, **arguments)
    return facts


async def _pieces(stream: Any) -> AsyncGenerator[bytes, None]:
    while True:
        async with _deadline(STALL_SECONDS), _as_problems():
            piece: bytes = await stream.read(PIECE_BYTES)
        if not piece:
            return
        yield piece


async def _twice(call: Callable[[], Awaitable[Answer]]) -> Answer:
    try:
        return await call()
    except BROKEN_CONNECTION:
        return await call()


@asynccontextmanager
async def _as_problems() -> AsyncIterator[None]:
    try:
        yield
    except FAULTS as error:
        raise problem_from(error) from error


@asynccontextmanager
async def _deadline(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise too_slow() from error
