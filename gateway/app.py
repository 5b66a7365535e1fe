"""create_app(settings): the only place that wires parts together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial

import structlog
from aiohttp import web

from gateway.contents.locks import Locks, ProcessLocks
from gateway.contents.model import Credential
from gateway.contents.mounts import Mount, Mounts
from gateway.contents.notebook import load_schemas
from gateway.contents.operations import Services
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem
from gateway.contents.servers import Servers
from gateway.contents.service import Contents
from gateway.contents.sessions import Sessions
from gateway.contents.streams import Streams
from gateway.contents.trust import Trust
from gateway.contents.uploads import Uploads
from gateway.dialects.dialect import Dialect
from gateway.dialects.jupyter import jupyter_dialect
from gateway.dialects.nx1 import nx1_dialect
from gateway.dialects.oci import oci_dialect
from gateway.exporting.pool import ExportPool
from gateway.identity import gate
from gateway.registry import create_backend
from gateway.server.carrying.carrier import HttpCarrier, carrying
from gateway.server.health import Health, add_health_routes
from gateway.server.idempotency import RetryTokens
from gateway.server.middleware import middlewares
from gateway.server.road import ROAD, Road, RouteTable, expect, travel
from gateway.server.signing_in.browsers import renew
from gateway.server.signing_in.sign_in import SIGN_IN, SignIn, sign_in_routes
from gateway.settings import Settings
from gateway.state.apps import StateApps
from gateway.state.journal import StateJournal
from gateway.state.locks import StateLocks
from gateway.state.retry_tokens import StateTokens
from gateway.state.store import StateStore
from gateway.state.trust import StateVouchers
from gateway.state.uploads import StateUploadSessions
from gateway.wire.client import UpstreamClient, open_session

FIRST_PROBE_SECONDS = 5.0
PROBE_SECONDS = 30.0
SWEEP_SECONDS = 600.0
RESUME_SECONDS = 15.0
UPLOADS_BELOW = ".nbgw-uploads"

CARRIER = web.AppKey("carrier", HttpCarrier)
HEALTH = web.AppKey("health", Health)

Work = Callable[[], Awaitable[None]]

_log = structlog.get_logger()


def create_app(settings: Settings) -> web.Application:
    """The gateway as one aiohttp application; nothing is opened until it starts."""
    table = RouteTable(_dialects(settings), settings.server.base_path)
    health = Health()
    app = web.Application(
        middlewares=middlewares(table.dialect_of, health.metrics, settings.server.base_path),
        client_max_size=settings.server.max_body_bytes,
    )
    app[HEALTH] = health
    add_health_routes(app, health)
    app.router.add_route("*", r"/{tail:[\s\S]*}", travel, expect_handler=expect)
    app.on_response_prepare.append(renew)
    app.on_shutdown.append(_leave)
    app.cleanup_ctx.append(partial(_opened, settings=settings, table=table, health=health))
    return app


def _dialects(settings: Settings) -> list[Dialect]:
    dialects = []
    if settings.nx1 is not None:
        nx1 = settings.nx1
        dialects.append(
            nx1_dialect(
                nx1.mount,
                notebook_app_types=frozenset(nx1.notebook_app_types),
                max_upload_bytes=nx1.max_upload_bytes,
                manager_role=nx1.manager_role,
            )
        )
    workspaces = {(w.platform_id, w.workspace_key): ContentPath.parse(w.folder) for w in settings.workspaces}
    oci = oci_dialect(
        workspaces, generations=settings.oci.generations, lists_directories=settings.oci.lists_directories
    )
    return [*dialects, oci, _jupyter(settings)]


def _jupyter(settings: Settings) -> Dialect:
    """For browsers, too, where there are pages for them."""
    base_path = settings.server.base_path
    if settings.home() is None:
        return jupyter_dialect(base_path=base_path)
    if settings.jupyter.login == "upstream":
        return jupyter_dialect(carries=True, base_path=base_path, credentials=(Credential.UPSTREAM,))
    credentials = (Credential.TOKEN, Credential.JWT, Credential.COOKIE)
    return jupyter_dialect(carries=True, base_path=base_path, sign_in=sign_in_routes(), credentials=credentials)


async def _opened(
    app: web.Application, *, settings: Settings, table: RouteTable, health: Health
) -> AsyncIterator[None]:
    """Open what the gateway holds while it runs, in order; give it back in reverse."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session())
        client = UpstreamClient(session, max_body_bytes=settings.server.max_body_bytes)
        await asyncio.to_thread(load_schemas)
        store = await StateStore.open(settings.state.url)
        stack.push_async_callback(store.aclose)
        mounts = await _mounts(settings, client, stack)
        locks: Locks = StateLocks(store) if settings.state.shared_locks else ProcessLocks()
        uploads = await _uploads(settings, client, store, mounts, locks, stack)
        tokens = RetryTokens(StateTokens(store))
        by_name = Mounts(mounts)
        contents = Contents(by_name, locks, tokens.vacated, StateJournal(store))
        sessions = Sessions(by_name, locks, tokens.vacated)
        exports = ExportPool()
        stack.push_async_callback(exports.aclose)
        servers = Servers(by_name, settings.home(), locks, home_signs_in=settings.jupyter.login == "upstream")
        streams = Streams(by_name, locks)
        trust = Trust(StateVouchers(store))
        services = Services(contents, StateApps(store), uploads, sessions, exports, servers, trust, streams)
        carrier = await stack.enter_async_context(carrying(settings.server))
        app[CARRIER] = carrier
        entrance = await gate(settings, session, client, store)
        if isinstance(entrance, SignIn):
            app[SIGN_IN] = entrance
        app[ROAD] = Road(table, entrance, services, tokens, carrier)
        health.watch({mount.name: mount.backend for mount in mounts}, store)
        with suppress(TimeoutError):
            await asyncio.wait_for(health.probe_all(), FIRST_PROBE_SECONDS)
        for work, first_seconds, seconds in _background(health, contents, uploads, store):
            stack.push_async_callback(_cancelled, asyncio.create_task(_repeated(work, first_seconds, seconds)))
        yield


async def _leave(app: web.Application) -> None:
    """Sockets would hold up the end for as long as their clients like."""
    await app[CARRIER].shut_down()


async def _mounts(settings: Settings, client: UpstreamClient, stack: AsyncExitStack) -> list[Mount]:
    """Every configured mount; one whose store is down is there all the same, and probed again later."""
    mounts = []
    for each in settings.mounts:
        try:
            backend = create_backend(each.kind, client, each.options())
        except Problem as problem:
            raise Problem(problem.code, f"mount {each.name!r}: {problem.detail}") from problem
        stack.push_async_callback(backend.aclose)
        store, folder = each.stands_on()
        mounts.append(
            Mount(
                each.name,
                backend,
                each.homes,
                each.root,
                readers=frozenset(each.readers),
                writers=frozenset(each.writers),
                runners=frozenset(each.who_may_run()),
                is_personal=each.is_personal,
                store=store,
                below=ContentPath.parse(folder),
            )
        )
    return mounts


async def _uploads(
    settings: Settings,
    client: UpstreamClient,
    store: StateStore,
    mounts: list[Mount],
    locks: Locks,
    stack: AsyncExitStack,
) -> Uploads:
    """Uploads staged in a folder of this machine, or, for replicas that share no folder, out of sight in a mount."""
    sessions, max_bytes = StateUploadSessions(store), settings.server.max_body_bytes
    for mount in mounts:
        if mount.name == settings.state.uploads_mount:
            return Uploads(mount.backend, sessions, locks, max_bytes, below=ContentPath((UPLOADS_BELOW,)))
    folder = settings.state.uploads_folder
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    staging = create_backend("local", client, {"root": str(folder)})
    stack.push_async_callback(staging.aclose)
    return Uploads(staging, sessions, locks, max_bytes)


def _background(
    health: Health, contents: Contents, uploads: Uploads, store: StateStore
) -> tuple[tuple[Work, float, float], ...]:
    """What is done now and then, after how many seconds first and every how many seconds then."""
    return (
        (health.probe_all, PROBE_SECONDS, PROBE_SECONDS),
        (contents.resume_moves, 0.0, RESUME_SECONDS),
        (uploads.sweep, SWEEP_SECONDS, SWEEP_SECONDS),
        (store.sweep, SWEEP_SECONDS, SWEEP_SECONDS),
    )


async def _repeated(work: Work, first_seconds: float, seconds: float) -> None:
    """Run ``work`` now and then; a Problem in one round does not end the next."""
    await asyncio.sleep(first_seconds)
    while True:
        try:
            await work()
        except Problem as problem:
            _log.warning("background work failed", work=getattr(work, "__qualname__", ""), detail=problem.detail)
        await asyncio.sleep(seconds)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
