"""Plain files larger than the gateway carries, piece by piece: past the API where that is open, or through it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from adapters.oci.models import Receipt
from adapters.oci.par import Detour
from adapters.oci.sight import Sight, Standing
from adapters.oci.workspace import Workspace
from gateway.contents.model import Entry, Span
from gateway.contents.problem import Code, Problem, stale
from gateway.contents.streams import unchanged
from gateway.wire.client import Answer


@dataclass(frozen=True, slots=True)
class LargeStream:
    """The file as it was ``standing``. Bytes may be shown late, so they are not to be older than that; and the last are
    given only when the etag is then still the same."""

    workspace: Workspace
    sight: Sight
    detour: Detour
    standing: Standing

    @property
    def entry(self) -> Entry:
        return self.standing.entry

    def pieces(self, span: Span) -> AsyncGenerator[bytes, None]:
        return unchanged(self._received(span), self._is_unchanged)

    async def aclose(self) -> None:
        """Nothing is held between the pieces of one reader."""

    async def _received(self, span: Span) -> AsyncGenerator[bytes, None]:
        path, size_bytes = self.standing.path, self.standing.facts.size or 0
        if self.detour.is_open(path, size_bytes):
            try:
                async with aclosing(self.detour.pieces(path, span, size_bytes, self._check)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except Problem as problem:  # raised before anything was given
                if problem.code is not Code.UNSUPPORTED:
                    raise
        through = self.workspace.object_as_it_comes(path, span, size_bytes, self._check_answer)
        async with aclosing(through) as pieces:
            async for piece in pieces:
                yield piece

    def _check_answer(self, answer: Answer) -> None:
        self._check(Receipt.of(answer))

    def _check(self, receipt: Receipt) -> None:
        if receipt.is_older_than(self.standing.facts):
            raise stale()

    async def _is_unchanged(self) -> bool:
        standing = await self.sight.standing(self.standing.path)
        return standing is not None and standing.etag == self.standing.etag
