"""Objects piece by piece: one GET, of the very revision that a HEAD has told of."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from adapters.nx1.keys import key_of
from adapters.nx1.objects import Facts, Objects, unquoted
from gateway.contents.model import Entry, Span
from gateway.contents.paths import ContentPath
from gateway.contents.problem import stale
from gateway.contents.streams import complete
from gateway.wire.client import nonsense
from gateway.wire.ranges import range_header, received_part


@dataclass(frozen=True, slots=True)
class ObjectStream:
    """The revision that ``facts`` are of."""

    objects: Objects
    path: ContentPath
    facts: Facts

    @property
    def entry(self) -> Entry:
        return self.facts.entry(self.path)

    async def pieces(self, span: Span) -> AsyncGenerator[bytes, None]:
        """Not every store keeps the condition, so the answer must say that it is of this revision."""
        if not span.size_bytes:
            return
        asked = {"IfMatch": self.objects.honoured.spelled(self.facts.etag)}
        if span != self._whole:
            asked["Range"] = range_header(span)
        async with self.objects.store.streamed(key_of(self.path), **asked) as (answer, received):
            self._check(answer, span)
            async with aclosing(complete(received, span.size_bytes)) as pieces:
                async for piece in pieces:
                    yield piece

    async def aclose(self) -> None:
        """Nothing is held between the pieces of one reader."""

    @property
    def _whole(self) -> Span:
        return Span(0, self.facts.size)

    def _check(self, answer: Mapping[str, Any], span: Span) -> None:
        if unquoted(answer.get("ETag")) != self.facts.etag:
            raise stale()
        part = received_part(answer.get("ContentRange"))
        given = part[0] if part is not None else self._whole
        if given != span or answer.get("ContentLength") != span.size_bytes:
            raise nonsense("The storage behind this mount gave other bytes than it was asked for.")
