"""Requests to one jupyter_server: addresses, the token, and whole answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec
from yarl import URL

from adapters.jupyter.errors import problem_from
from adapters.jupyter.models import Facts, decoded
from gateway.contents.finishing import to_its_end
from gateway.contents.model import Kind, Span
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, not_found
from gateway.contents.upstream import Forward, Upstream
from gateway.wire.client import Answer, OpenAnswer, UpstreamClient, nonsense
from gateway.wire.partial import received

_NO_SERVER = "There is no Jupyter server at this address."
_NO_FOLDER = "The configured folder does not exist on the Jupyter server."
_ROUTE_WORDS = {"checkpoints": "%63heckpoints", "trust": "%74rust"}
"""Names that the server's routes take for its own unless they are spelled so; it decodes after routing."""


class Server:
    """The contents API of one server, below ``folder``. Only the gateway's own token is ever sent."""

    def __init__(self, client: UpstreamClient, url: str, token: str | None, folder: ContentPath) -> None:
        self._client = client
        self._token = token
        self._headers = {"Authorization": f"token {token}"} if token else {}
        self._folder = folder
        self.upstream = Upstream(url.rstrip("/"), self._headers)
        self.max_body_bytes = client.max_body_bytes

    def at(self, url: str) -> Server:
        """The same folder of another server, which takes the same token."""
        return Server(self._client, url, self._token, self._folder)

    def address(self, path: ContentPath) -> str:
        """The path as the server counts it, from its own root."""
        return str(self._folder.join(path))

    async def get(self, path: ContentPath, query: str) -> Answer:
        """A read that must succeed. NOT_FOUND also below a file, where the server answers 500: asked of the parent."""
        answer = await self.ask(path, query)
        if answer.status == 500 and len(path.segments) > 1 and not await self.is_directory(path.parent):
            raise not_found()
        if answer.status == 404 and path.is_root:
            raise nonsense(_NO_SERVER if self._folder.is_root else _NO_FOLDER)
        return expected(answer, 200)

    async def facts(self, path: ContentPath) -> Facts:
        """What stands there, of any type, without digest. One call."""
        return decoded(await self.get(path, "?content=0"), Facts)

    async def standing(self, path: ContentPath) -> Facts | None:
        """The same, or None when nothing stands there."""
        try:
            return await self.facts(path)
        except Problem as problem:
            if problem.code is Code.NOT_FOUND:
                return None
            raise

    async def is_directory(self, path: ContentPath) -> bool:
        facts = await self.standing(path)
        return facts is not None and facts.type is Kind.DIRECTORY

    async def ask(self, path: ContentPath, tail: str) -> Answer:
        """A read. ``tail`` is a query, or what follows the path."""
        return await self._client.send("GET", self._url(path, tail), headers=self._headers)

    def bytes_of(self, path: ContentPath, span: Span, size_bytes: int) -> AsyncGenerator[bytes, None]:
        """The bytes of the span of a file of that size as they come, past the contents API, which reads files whole."""
        url = URL(f"{self.upstream.url}/files/{self._folder.join(path).url()}", encoded=True)
        return received(self._client, url, self._headers, span, size_bytes, _accept)

    async def change(self, method: str, path: ContentPath, tail: str = "", *, body: bytes | None = None) -> Answer:
        """A request that changes something; even a cancelled caller waits for its end.

        The server writes in place, so whoever holds a lock for the write must not let go of it while that goes on.
        """
        headers = self._headers if body is None else self._headers | {"Content-Type": "application/json"}
        return await to_its_end(self._client.send(method, self._url(path, tail), headers=headers, body=body))

    async def call(self, method: str, resource: str, *, body: bytes | None = None) -> Answer:
        """A request to another part of the API than contents."""
        return await self.exchange(Forward(method, f"/api/{resource}", body))

    async def exchange(self, request: Forward) -> Answer:
        """A request to any part of the server."""
        headers = self._headers if request.body is None else self._headers | {"Content-Type": "application/json"}
        url = URL(self.upstream.url + request.target, encoded=True)
        return await self._client.send(request.method, url, headers=headers, body=request.body, seconds=request.seconds)

    def inner(self, text: str) -> ContentPath | None:
        """The server's own path as the mount has it; None for what lies outside the folder."""
        try:
            path = ContentPath.parse(text)
        except Problem:
            return None
        return path.relative_to(self._folder) if path.starts_with(self._folder) else None

    def _url(self, path: ContentPath, tail: str) -> URL:
        names = self._folder.join(path).url().split("/")
        spelled = "/".join(_ROUTE_WORDS.get(name, name) for name in names)
        return URL(f"{self.upstream.url}/api/contents/{spelled}".rstrip("/") + tail, encoded=True)


def _accept(answer: OpenAnswer) -> None:
    """Outside its API the server answers a missing file with a page."""
    if not answer.is_success:
        raise not_found() if answer.status == 404 else problem_from(answer.without_body())


def expected(answer: Answer, *statuses: int) -> Answer:
    """The answer when it is one of these; the problem it stands for otherwise."""
    if answer.status not in statuses:
        raise problem_from(answer)
    return answer


def json_body(**fields: str) -> bytes:
    return msgspec.json.encode(fields)
