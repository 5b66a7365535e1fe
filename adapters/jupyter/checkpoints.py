"""Checkpoints over the REST API, where the server answers 500 for whatever is missing (spec jupyter A3)."""

from __future__ import annotations

import re

from adapters.jupyter.errors import problem_from
from adapters.jupyter.models import CheckpointModel, decoded, to_checkpoint
from adapters.jupyter.server import Server, expected
from gateway.contents.model import Checkpoint, Kind
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason, invalid, not_found
from gateway.wire.client import Answer

_ID = re.compile(r"[\w-]+")


class Checkpoints:
    """The saved states of one server's files; as it comes, jupyter_server keeps one of each."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def list(self, path: ContentPath) -> tuple[Checkpoint, ...]:
        """One call; the order is the server's."""
        try:
            answer = await self._server.get(path, "/checkpoints")
        except Problem as problem:
            if problem.code is Code.NOT_FOUND:
                return ()
            raise
        return tuple(to_checkpoint(model) for model in decoded(answer, list[CheckpointModel]))

    async def create(self, path: ContentPath) -> Checkpoint:
        """One call; a second one says what was wrong when it failed."""
        answer = await self._server.change("POST", path, "/checkpoints")
        if answer.status == 500:
            if (await self._server.facts(path)).type is Kind.DIRECTORY:
                raise invalid("A directory has no checkpoints.", reason=Reason.BAD_TYPE)
            raise problem_from(answer)
        return to_checkpoint(decoded(expected(answer, 201), CheckpointModel))

    async def restore(self, path: ContentPath, checkpoint_id: str) -> None:
        """One call; a second one says what was wrong when it failed."""
        answer = await self._one("POST", path, checkpoint_id)
        if answer.status == 500 and all(known.id != checkpoint_id for known in await self.list(path)):
            raise _unknown()
        expected(answer, 204)

    async def delete(self, path: ContentPath, checkpoint_id: str) -> None:
        answer = await self._one("DELETE", path, checkpoint_id)
        if answer.status == 500 and all(known.id != checkpoint_id for known in await self.list(path)):
            raise _unknown()
        expected(answer, 204)

    async def _one(self, method: str, path: ContentPath, checkpoint_id: str) -> Answer:
        if not _ID.fullmatch(checkpoint_id) or not checkpoint_id.isascii():
            raise _unknown()
        return await self._server.change(method, path, f"/checkpoints/{checkpoint_id}")


def _unknown() -> Problem:
    return not_found("No such checkpoint.")
