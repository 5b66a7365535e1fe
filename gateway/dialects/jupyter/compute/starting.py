"""Where a session is to run, where there are several servers: with its kernel, with its file, or on the first."""

from __future__ import annotations

from gateway.contents.fleet import Fleet
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from gateway.contents.server import Server
from gateway.contents.upstream import Forward, Forwarded
from gateway.dialects.jupyter.compute.answers import Model, decoded, text_of
from gateway.dialects.jupyter.compute.concealed import concealed_kernels
from gateway.dialects.jupyter.compute.kernelspecs import is_known
from gateway.dialects.jupyter.compute.questions import KernelFields
from gateway.dialects.jupyter.compute.session_models import session_model

LOOK_SECONDS = 5.0
"""How long a server is asked whether the file runs there already: one that is down keeps nobody from working."""


async def running_session(fleet: Fleet, path: ContentPath) -> Model | None:
    """The session of that path on whichever server; a single one finds its own."""
    if len(fleet.servers) == 1:
        return None
    answers = await fleet.ask_each(Forward("GET", "/api/sessions", seconds=LOOK_SECONDS))
    for server, answer in zip(fleet.servers, answers, strict=True):
        if not isinstance(answer, Forwarded) or answer.status != 200:
            continue
        for found in decoded(answer.body, list[Model]):
            model = session_model(fleet, server, found)
            if model is not None and text_of(model, "path") == str(path):
                return model
    return None


async def chosen_server(fleet: Fleet, path: ContentPath, kernel: KernelFields) -> tuple[Server, str | None]:
    """The server, and the name of the kernel there, None for its usual one."""
    if kernel.id and (holder := await _server_with(fleet, kernel.id)) is not None:
        return holder, None
    if kernel.name:
        server, name = fleet.meant(kernel.name)
        if name != kernel.name:
            return server, name
    own = fleet.holder_of(path)
    if own is not None and own is not fleet.first and (not kernel.name or await is_known(fleet, own, kernel.name)):
        return own, kernel.name
    return fleet.first, kernel.name


async def check_kernel(fleet: Fleet, server: Server, kernel_id: str) -> None:
    """CONFLICT for a kernel that is somebody else's: a session on it would show it."""
    if kernel_id in await concealed_kernels(fleet, server):
        raise Problem(Code.CONFLICT, "A kernel with that id exists already.")


async def _server_with(fleet: Fleet, kernel_id: str) -> Server | None:
    """None when no server has the kernel: one is then started under this id."""
    server = fleet.first
    if len(fleet.servers) > 1:
        try:
            server, _ = await fleet.find(f"/api/kernels/{kernel_id}")
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            return None
    await check_kernel(fleet, server, kernel_id)
    return server
