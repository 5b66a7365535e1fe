"""The wire of one OCI workspace: its addresses and its signed requests (spec oci 2, 4, 6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from uuid import uuid4

import msgspec
from structlog.contextvars import get_contextvars
from yarl import URL

from adapters.oci.addresses import Address, segment
from adapters.oci.errors import is_in_the_way, is_unsure, pause_before_again, problem_from
from adapters.oci.models import Object, ObjectPage, decoded
from adapters.oci.operations import ended
from adapters.oci.signer import Signer
from gateway.contents.model import ETag, Span
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.wire.client import Answer, OpenAnswer, UpstreamClient, nonsense
from gateway.wire.conditions import received_etag
from gateway.wire.partial import received

PAGE_SIZE = 100

_READS = frozenset({"GET", "HEAD"})
_JSON = {"accept": "application/json", "content-type": "application/json"}
_MAX_SERVED_ID = 100
_BYTES = {"accept": "*/*", "content-type": "application/octet-stream"}


class Workspace:
    """Signed requests to one workspace. Every unsuccessful answer is raised as its Problem.

    ``etags_apart`` once it is known that the objects API has etags of its own for what contents have.
    """

    def __init__(self, client: UpstreamClient, signer: Signer, where: Address, folder: ContentPath) -> None:
        self.client = client
        self.signer = signer
        self.where = where
        self.folder = folder
        self.etags_apart = False
        self._etag_dress: tuple[str, str] | None = None

    def address(self, path: ContentPath) -> str:
        """The service's own absolute path, ``/Workspace/...``."""
        return "/" + str(self.folder.join(path))

    def inner(self, text: str) -> ContentPath | None:
        """The service's own path as the mount has it; None for what lies outside the folder."""
        try:
            path = ContentPath.parse(text)
        except Problem:
            return None
        return path.relative_to(self.folder) if path.starts_with(self.folder) else None

    async def contents(
        self, method: str, path: ContentPath, query: str = "", *, body: object = None, etag: ETag | None = None
    ) -> Answer:
        """One contents call. The path travels as a single segment, its leading slash encoded too (spec oci 2.1)."""
        headers = {"if-match": await self.dressed(path, etag)} if etag is not None else {}
        return await self.send(method, self.contents_target(path, query), headers, _encoded(body))

    def contents_target(self, path: ContentPath, query: str = "") -> str:
        return f"/notebook/api/contents/{segment(self.address(path))}{query}"

    async def object(
        self, method: str, path: ContentPath, *, body: bytes = b"", if_match: str | None = None, wants_body: bool = True
    ) -> Answer:
        """One call of an object by its path; ``if_match`` travels as it is."""
        headers = _BYTES if if_match is None else _BYTES | {"if-match": if_match}
        target = f"/objects/{segment(self.address(path))}"
        return await self.send(method, target, headers, body, wants_body=wants_body)

    async def object_as_it_comes(
        self, path: ContentPath, span: Span, size_bytes: int, check: Callable[[Answer], None]
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of the span of a file of that size. ``check`` sees what the answer says before them.

        Whether the service keeps to ranges is unpublished: the whole file will do.
        """

        def accept(answer: OpenAnswer) -> None:
            if not answer.is_success:
                raise problem_from(answer.without_body())
            check(answer.without_body())

        url = URL(f"{self.where.workspace}/objects/{segment(self.address(path))}", encoded=True)
        headers = {**_BYTES, "opc-request-id": _request_id()}
        signed = {**headers, **await self.signer.sign("GET", url, headers, b"")}
        async with aclosing(received(self.client, url, signed, span, size_bytes, accept)) as pieces:
            async for piece in pieces:
                yield piece

    async def objects(self, path: ContentPath) -> list[Object]:
        """All objects directly in the folder, over all pages."""
        answers = await self.pages("/objects", f"path={segment(self.address(path))}&")
        return [item for answer in answers for item in decoded(answer, ObjectPage).items]

    async def pages(self, target: str, query: str = "") -> list[Answer]:
        """All pages of a list, in order. UPSTREAM when they never end."""
        answers: list[Answer] = []
        page, seen = "", set[str]()
        while True:
            token = f"&page={segment(page)}" if page else ""
            answers.append(await self.send("GET", f"{target}?{query}limit={PAGE_SIZE}{token}"))
            page = answers[-1].headers.get("opc-next-page", "")
            if not page:
                return answers
            if page in seen:
                raise nonsense("The storage behind this mount repeats the pages of a listing.")
            seen.add(page)

    async def create(self, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """A POST that creates something, under a retry token (spec oci 3.3).

        When its answer is lost it is sent once more with the same token: the service then tells of what it has made
        already. Where it says instead that something stands there, nobody knows whose that is, and the first problem
        stays.
        """
        named = {**headers, "opc-retry-token": uuid4().hex}
        try:
            return await self.send("POST", target, named, body)
        except Problem as problem:
            if not is_unsure(problem) or problem.code is Code.TIMEOUT:
                raise
            lost = problem
        try:
            return await self.send("POST", target, named, body)
        except Problem as problem:
            raise (lost if is_in_the_way(problem) else problem) from problem

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        wants_body: bool = True,
    ) -> Answer:
        """Sign and send; ``target`` begins after the workspace's own address. A change has ended when this returns."""
        answer = await self.exchange(method, self.where.workspace + target, headers, body, wants_body=wants_body)
        if not 200 <= answer.status < 300:
            raise problem_from(answer)
        if answer.status == 202:
            await ended(answer, self._operation)
        return answer

    async def exchange(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        wants_body: bool = True,
    ) -> Answer:
        """The answer, whatever its status. At most two requests: ``pause_before_again`` says which go twice."""
        url = URL(address, encoded=True)
        given = {**_JSON, "opc-request-id": _request_id(), **(headers or {})}
        try:
            answer = await self._sent(method, url, given, body, wants_body=wants_body)
        except Problem as problem:
            if method not in _READS or problem.code is not Code.UNAVAILABLE:
                raise
        else:
            pause = pause_before_again(method, answer)
            if pause is None:
                return answer
            await asyncio.sleep(pause)
        return await self._sent(method, url, given, body, wants_body=wants_body)

    def etag_of(self, answer: Answer) -> ETag | None:
        """The contents etag, unquoted. How the service dresses it is remembered, to hand it back as it came."""
        text = answer.headers.get("etag", "").strip()
        bare = received_etag(text)
        if bare is not None:
            start = len(text.rstrip('"')) - len(bare)
            self._etag_dress = (text[:start], text[start + len(bare) :])
        return bare

    async def dressed(self, path: ContentPath, etag: ETag) -> str:
        """The etag as the service would write it; a gateway that has seen none of its etags yet looks at one first."""
        if self._etag_dress is None:
            self.etag_of(await self.contents("GET", path, "?content=0"))
        before, after = self._etag_dress or ("", "")
        return f"{before}{etag}{after}"

    async def _operation(self, key: str) -> Answer:
        answer = await self.exchange("GET", f"{self.where.platform}/asyncOperations/{segment(key)}")
        if answer.status != 200:
            raise problem_from(answer)
        return answer

    async def _sent(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes, *, wants_body: bool
    ) -> Answer:
        signed = {**headers, **await self.signer.sign(method, url, headers, body)}
        return await self.client.send(
            method, url, headers=signed, body=body or None, repeats=False, wants_body=wants_body
        )


def _request_id() -> str:
    """A name for one call and its repetition, which begins with that of the request which the gateway is serving."""
    served = str(get_contextvars().get("request_id", "nbgw"))
    return f"{served.replace('/', '-')[:_MAX_SERVED_ID]}-{uuid4().hex[:16]}"


def _encoded(body: object) -> bytes:
    return b"" if body is None else msgspec.json.encode(body)
