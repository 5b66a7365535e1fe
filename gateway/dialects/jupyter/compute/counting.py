"""How many kernels run, and how many sockets lead to them, as ``/api/status`` tells it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from gateway.contents.model import Caller
from gateway.contents.operations import Services
from gateway.contents.problem import Problem
from gateway.contents.upstream import Forward, Forwarded
from gateway.dialects.jupyter.compute.answers import decoded

LOOK_SECONDS = 2.0


class Running(msgspec.Struct):
    """What is counted."""

    kernels: int = 0
    connections: int = 0


@dataclass(frozen=True, slots=True)
class CountRunning:
    """On all servers of the caller that answer soon: one question to each."""

    caller: Caller

    async def run(self, services: Services) -> Running:
        fleet = services.servers.fleet(self.caller)
        answers = await fleet.ask_each(Forward("GET", "/api/status", seconds=LOOK_SECONDS))
        counts = [_count(answer) for answer in answers]
        return Running(sum(each.kernels for each in counts), sum(each.connections for each in counts))


def _count(answer: Forwarded | Problem) -> Running:
    if isinstance(answer, Problem) or answer.status != 200:
        return Running()
    try:
        return decoded(answer.body, Running)
    except Problem:
        return Running()
