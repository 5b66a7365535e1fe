"""The one HTTP client towards upstreams: pool, deadlines, the read-once-more rule, and faults turned into Problems.

aiohttp's own silent repeat of idempotent requests is switched off: under If-Match a repeated PUT meets the first one's
result and reports a conflict that never was (aiohttp issue 10790; pinned in tests/test_framework.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from gateway.contents.problem import Code, Problem, Source
from gateway.contents.streams import STALL_SECONDS

CONNECT_SECONDS = 2.0
READ_SECONDS = 15.0
WRITE_SECONDS = 30.0
MAX_CONNECTIONS = 256
MAX_CONNECTIONS_PER_HOST = 64

_READS = frozenset({"GET", "HEAD"})
NO_ANSWER = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientOSError,
    aiohttp.ClientConnectionResetError,
    aiohttp.ConnectionTimeoutError,
)
"""The connection was not made, or it broke before an answer began."""
_ENVELOPE_FACTOR = 2
_ENVELOPE_BYTES = 1 << 16
_LARGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer of an upstream; its body is as long as the upstream said it would be."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


class OpenAnswer:
    """An answer whose body comes piece by piece."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers
        self.length_bytes = response.content_length

    @property
    def is_success(self) -> bool:
        return self.status in (200, 206)

    def without_body(self) -> Answer:
        """What it says before its body."""
        return Answer(self.status, self.headers, b"")

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives. TIMEOUT when nothing does for ``STALL_SECONDS``, UNAVAILABLE when it breaks off."""
        try:
            while True:
                async with asyncio.timeout(STALL_SECONDS):
                    piece = await self._response.content.readany()
                if not piece:
                    return
                yield piece
        except TimeoutError as error:
            raise _too_slow() from error
        except aiohttp.ClientError as error:
            raise _unreachable() from error

    def close(self) -> None:
        """Break off what has not come yet; without effect on an answer that is complete."""
        self._response.close()


class UpstreamClient:
    """Sends whole requests and receives whole answers; shared by all adapters of one gateway."""

    def __init__(self, session: aiohttp.ClientSession, *, max_body_bytes: int) -> None:
        self._session = session
        self.max_body_bytes = max_body_bytes
        self._max_answer_bytes = _ENVELOPE_FACTOR * max_body_bytes + _ENVELOPE_BYTES

    async def send(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        repeats: bool = True,
        wants_body: bool = True,
        seconds: float | None = None,
    ) -> Answer:
        """One exchange within ``seconds``, or else the deadline of its method. A read is sent once more when the
        connection failed before an answer began; a write never is, nor is anything without ``repeats``. Redirects are
        answers, not orders.
        Without ``wants_body`` a successful answer is its headers, and what would follow them is not received.

        UNAVAILABLE when the upstream cannot be reached or breaks off, TIMEOUT when it is too slow, TOO_LARGE when its
        answer cannot be that of a document of ``max_body_bytes``, which base64 or JSON's quoting make longer.
        """
        is_read = method in _READS
        usual_seconds = READ_SECONDS if is_read else WRITE_SECONDS
        try:
            async with asyncio.timeout(usual_seconds if seconds is None else seconds):
                try:
                    return await self._exchange(method, url, headers, body, wants_body=wants_body)
                except NO_ANSWER:
                    if not (is_read and repeats):
                        raise
                    return await self._exchange(method, url, headers, body, wants_body=wants_body)
        except aiohttp.ConnectionTimeoutError as error:
            raise _unreachable() from error
        except TimeoutError as error:
            raise _too_slow() from error
        except aiohttp.ClientError as error:
            raise _unreachable() from error

    async def open(self, url: URL, *, headers: Mapping[str, str] | None = None) -> OpenAnswer:
        """A GET whose answer has begun within ``READ_SECONDS``; its body is still to come. Faults as those of ``send``,
        which also says when it is sent once more. Whoever opens an answer closes it."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                try:
                    return await self._begun(url, headers)
                except NO_ANSWER:
                    return await self._begun(url, headers)
        except aiohttp.ConnectionTimeoutError as error:
            raise _unreachable() from error
        except TimeoutError as error:
            raise _too_slow() from error
        except aiohttp.ClientError as error:
            raise _unreachable() from error

    async def _begun(self, url: URL, headers: Mapping[str, str] | None) -> OpenAnswer:
        """Not compressed: its length must be the file's."""
        sent = {**(headers or {}), "Accept-Encoding": "identity"}
        return OpenAnswer(await self._session.get(url, headers=sent, allow_redirects=False))

    async def _exchange(
        self, method: str, url: URL, headers: Mapping[str, str] | None, body: bytes | None, *, wants_body: bool
    ) -> Answer:
        sent = self._session.request(method, url, headers=headers, data=payload(body), allow_redirects=False)
        async with sent as response:
            if not wants_body and response.ok:
                return Answer(response.status, response.headers, b"")
            if (response.content_length or 0) > self._max_answer_bytes:
                raise oversized()
            content = bytearray()
            async for piece in response.content.iter_any():
                content += piece
                if len(content) > self._max_answer_bytes:
                    raise oversized()
            return Answer(response.status, response.headers, bytes(content))


def open_session(
    *,
    auto_decompress: bool = True,
    max_connections: int = MAX_CONNECTIONS,
    max_connections_per_host: int = MAX_CONNECTIONS_PER_HOST,
    skip_auto_headers: Iterable[str] = (),
) -> aiohttp.ClientSession:
    """A session for upstreams: bounded pool (0 is no bound), connect deadline, no cookies, no silent repeats."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=max_connections, limit_per_host=max_connections_per_host),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=auto_decompress,
        skip_auto_headers=skip_auto_headers,
    )
    session._retry_connection = False  # noqa: SLF001  private, and the only switch there is; pinned by a test
    return session


def payload(body: bytes | None) -> bytes | BytesIO | None:
    """The body as aiohttp wants it: a large one as a stream, which it sends piece by piece."""
    return BytesIO(body) if body is not None and len(body) > _LARGE_BYTES else body


def nonsense(detail: str = "The storage behind this mount gave an answer that makes no sense.") -> Problem:
    """The upstream answered, but not with what its protocol promises."""
    return _fault(Code.UPSTREAM, detail)


def refused_credential() -> Problem:
    """The upstream refused the gateway's own credential: not the caller's fault."""
    return _fault(Code.UPSTREAM, "The storage behind this mount refuses the gateway's credential.")


def oversized() -> Problem:
    """What stands there is more than the gateway carries; asking again would not help, so it is no fault of 5xx."""
    return _fault(Code.TOO_LARGE, "What stands there is larger than the gateway serves.")


def _too_slow() -> Problem:
    return _fault(Code.TIMEOUT, "The storage behind this mount did not answer in time.")


def _unreachable() -> Problem:
    return _fault(Code.UNAVAILABLE, "The storage behind this mount cannot be reached.")


def _fault(code: Code, detail: str) -> Problem:
    retry_after = 5 if code is Code.UNAVAILABLE else None
    return Problem(code, detail, source=Source.UPSTREAM, retry_after_seconds=retry_after)
