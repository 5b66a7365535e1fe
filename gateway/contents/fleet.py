"""The Jupyter servers that one caller may use, taken as one: whose a name is, who has what, and one list of all."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from cachetools import TTLCache

from gateway.contents.locks import Locks
from gateway.contents.model import Caller
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, not_found
from gateway.contents.server import Server
from gateway.contents.sessions import session_lock
from gateway.contents.upstream import Forward, Forwarded

REMEMBERED_SECONDS = 300.0
_REMEMBERED = 10_000
_SENTENCES = {
    Code.UNAVAILABLE: "The Jupyter server cannot be reached.",
    Code.TIMEOUT: "The Jupyter server did not answer in time.",
    Code.UPSTREAM: "The Jupyter server refuses the gateway's credential.",
}

Whereabouts = TTLCache[tuple[str, str], str]
"""On which mount's server something was seen, by caller and target: who is asked first. It decides no answer."""


def new_whereabouts() -> Whereabouts:
    return TTLCache(_REMEMBERED, REMEMBERED_SECONDS)


@dataclass(frozen=True, slots=True)
class Fleet:
    """``servers`` are home first; ``are_any`` is whether the gateway has some, be they this caller's or not.

    A name (of a kernelspec, of a terminal) is the first server's as it is, and another one's behind its mount:
    ``{mount}.{name}``. So is a name of the first that begins like one of those.
    """

    caller: Caller
    servers: tuple[Server, ...]
    are_any: bool
    whereabouts: Whereabouts
    locks: Locks

    @property
    def first(self) -> Server:
        """Where things run that could run anywhere. UNSUPPORTED without servers, FORBIDDEN where none is the
        caller's."""
        if self.servers:
            return self.servers[0]
        if self.are_any:
            raise Problem(Code.FORBIDDEN, "You may not run kernels here.")
        raise Problem(Code.UNSUPPORTED, "This gateway has no kernels: there is no Jupyter server behind it.")

    def meant(self, name: str) -> tuple[Server, str]:
        """Whose the name is, and how the server has it. UNSUPPORTED and FORBIDDEN as of ``first``."""
        prefix, dot, rest = name.partition(".")
        for server in self.servers:
            if dot and rest and server.mount.name == prefix:
                return server, rest
        return self.first, name

    def called(self, server: Server, name: str) -> str:
        """The way back."""
        is_plain = server is self.first and self.meant(name) == (server, name)
        return name if is_plain else f"{server.mount.name}.{name}"

    def holder_of(self, path: ContentPath) -> Server | None:
        """The server on which the file lies; None where that is none of these."""
        return next((server for server in self.servers if server.holds(path)), None)

    def alone(self, server: Server, address: str) -> AbstractAsyncContextManager[None]:
        """Hold what runs at an address of the server: it finds several sessions for a path as easily as one."""
        return self.locks.hold(session_lock(server.mount, f"path {server.backend.inner(address)}"))

    async def ask(self, server: Server, request: Forward) -> Forwarded:
        """One exchange. UNAVAILABLE or TIMEOUT when there is no answer; UPSTREAM when our credential is refused."""
        try:
            return await server.backend.forward(request)
        except Problem as problem:
            raise Problem(
                problem.code,
                _SENTENCES.get(problem.code, problem.detail),
                source=problem.source,
                retry_after_seconds=problem.retry_after_seconds,
            ) from problem

    async def ask_all(self, target: str) -> list[tuple[Server, Forwarded]]:
        """What each server says, asked all at once. A problem of any is a problem: clients take what is missing from a
        list for dead."""
        answers = await asyncio.gather(*(self.ask(server, Forward("GET", target)) for server in self.servers))
        return list(zip(self.servers, answers, strict=True))

    async def ask_each(self, request: Forward) -> list[Forwarded | Problem]:
        """The same, with the problem of each that has one in its place."""
        return await asyncio.gather(*(self._answer(server, request) for server in self.servers))

    async def _answer(self, server: Server, request: Forward) -> Forwarded | Problem:
        try:
            return await self.ask(server, request)
        except Problem as problem:
            return problem

    async def find(self, target: str) -> tuple[Server, Forwarded]:
        """The server that has what the target names, and what it says of it: whoever says 200 first.

        NOT_FOUND when all have answered and none has it; otherwise the problem of one that has not answered.
        """
        key = (self.caller.key, target)
        likely = [server for server in self.servers if server.mount.name == self.whereabouts.get(key)]
        rest = [server for server in self.servers if server not in likely]
        for group in (likely, rest):
            if (found := await self._found(group, target)) is not None:
                self.whereabouts[key] = found[0].mount.name
                return found
        raise not_found("The Jupyter server knows nothing of that name.")

    async def _found(self, servers: Iterable[Server], target: str) -> tuple[Server, Forwarded] | None:
        """None when all of these have answered that they do not have it."""
        problem: Problem | None = None
        tasks = [asyncio.create_task(self._asked(server, target)) for server in servers]
        try:
            for asked in asyncio.as_completed(tasks):
                try:
                    server, answer = await asked
                except Problem as failure:
                    problem = failure
                    continue
                if answer.status == 200:
                    return server, answer
                if not answer.is_missing:
                    problem = Problem(Code.UPSTREAM, "The Jupyter server failed.")
        finally:
            await _cancelled(tasks)
        if problem is not None:
            raise problem
        return None

    async def _asked(self, server: Server, target: str) -> tuple[Server, Forwarded]:
        return server, await self.ask(server, Forward("GET", target))


async def _cancelled(tasks: Collection[asyncio.Task[tuple[Server, Forwarded]]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # heard, as nobody asks any more
