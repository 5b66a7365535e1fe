"""Kernels that run only what a caller may not know of: for this caller they do not exist.

Of a kernel without a session nobody knows whose it is: everybody who may run on the server sees it.
"""

from __future__ import annotations

import msgspec

from gateway.contents.fleet import Fleet
from gateway.contents.problem import Problem, not_found
from gateway.contents.server import Server
from gateway.contents.upstream import Forward
from gateway.dialects.jupyter.compute.answers import decoded, expected


class _KernelOf(msgspec.Struct):
    id: str


class _Running(msgspec.Struct):
    path: str
    kernel: _KernelOf | None = None


async def concealed_kernels(fleet: Fleet, server: Server) -> frozenset[str]:
    """Their ids. One question to the server, where it may have any."""
    if not server.conceals:
        return frozenset()
    answer = await fleet.ask(server, Forward("GET", "/api/sessions"))
    sessions = [each for each in decoded(expected(answer, 200).body, list[_Running]) if each.kernel is not None]
    seen = {each.kernel.id for each in sessions if each.kernel and server.path(each.path) is not None}
    return frozenset(each.kernel.id for each in sessions if each.kernel) - seen


async def kernel_holder(fleet: Fleet, kernel_id: str) -> Server:
    """The server that has the kernel; a single one is not asked. NOT_FOUND where no server has it for this caller."""
    if not fleet.servers:
        raise no_such_kernel()
    server = fleet.first
    if len(fleet.servers) > 1:
        server, _ = await fleet.find(f"/api/kernels/{kernel_id}")
    if kernel_id in await concealed_kernels(fleet, server):
        raise no_such_kernel()
    return server


def no_such_kernel() -> Problem:
    return not_found("There is no kernel with that id.")
