"""How a channel ends: what each side hears of the other's end, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from gateway.contents.upstream import Destination
from gateway.server.sockets.endings import Close, End
from gateway.server.sockets.leg import Leg, Message
from gateway.server.sockets.relay import Patience, Relay
from tests.fakes.sockets import Behaviour, Visit, echo, hear_out, running_upstream
from tests.server.relaying import Relaying, Socket, relaying

MEBIBYTE = 1 << 20
MANY_PIECES = 400
PIECE = b"x" * (MEBIBYTE // 4)


@pytest.mark.parametrize(
    ("frame", "heard"),
    [
        ((1000, "done"), (1000, "done")),
        ((1001, "bye"), (1012, "bye")),
        ((1008, "no"), (1008, "no")),
        ((1011, ""), (1011, "")),
        ((1012, "again"), (1012, "again")),
        ((3000, "ä" * 50), (3000, "ä" * 50)),
        ((4999, ""), (4999, "")),
        ((5000, "odd"), (1012, "odd")),
        ((1006, "lie"), (1012, "lie")),
    ],
)
async def test_the_upstreams_close_code_reaches_the_client(frame: tuple[int, str], heard: tuple[int, str]) -> None:
    """1001 of a server means that it stops; JupyterLab would never come back after it, and does after 1012."""

    async def close(visit: Visit) -> None:
        await visit.socket.close(code=frame[0], message=frame[1].encode())

    async with _joined(close) as (_, client, _visit):
        assert await _closed(client) == heard


async def test_a_close_frame_without_a_code_stays_one() -> None:
    async def close(visit: Visit) -> None:
        await visit.socket.send_frame(b"", WSMsgType.CLOSE)
        await visit.hear_out()

    async with _joined(close) as (_, client, visit):
        assert await _closed(client) == (0, "")
        await client.close()
        await _ended(visit)
        assert visit.last is not None
        assert visit.last.data == 0


async def test_what_the_upstream_said_before_it_closed_is_heard_first() -> None:
    async def say(visit: Visit) -> None:
        for number in range(500):
            await visit.socket.send_str(str(number))
        await visit.socket.close(code=1000)

    async with _joined(say) as (_, client, _visit):
        for number in range(500):
            assert (await client.receive()).data == str(number)
        assert await _closed(client) == (1000, "")


@pytest.mark.parametrize("is_abrupt", [True, False])
async def test_an_upstream_that_breaks_off_is_one_to_come_back_to(*, is_abrupt: bool) -> None:
    async def break_off(visit: Visit) -> None:
        assert visit.request.transport is not None
        if is_abrupt:
            visit.request.transport.abort()
        else:
            visit.request.transport.close()

    async with _joined(break_off) as (_, client, _visit):
        assert (await _closed(client))[0] == 1012


@pytest.mark.parametrize("frame", [(1000, ""), (1001, "tab closed"), (3001, "mine"), (4000, "ä")])
async def test_the_clients_close_code_reaches_the_upstream_and_comes_back(frame: tuple[int, str]) -> None:
    async with _joined(hear_out) as (_, client, visit):
        await client.send_str("last words")
        await client._writer.close(*frame)
        assert await _closed(client) == frame
        await _ended(visit)
        assert visit.last is not None
        assert (visit.last.data, visit.last.extra) == frame


@pytest.mark.parametrize("is_abrupt", [True, False])
async def test_a_client_that_vanishes_frees_the_upstream_at_once(*, is_abrupt: bool) -> None:
    async with _joined(hear_out) as (_, client, visit):
        transport = client._writer.transport
        if is_abrupt:
            transport.abort()
        else:
            transport.close()
        await _ended(visit, seconds=1)
        assert visit.last is not None
        assert visit.last.data == 1001


async def test_a_client_that_vanishes_while_the_upstream_holds_it_back_is_noticed() -> None:
    async def read_nothing(visit: Visit) -> None:
        assert visit.request.transport is not None
        visit.request.transport.pause_reading()
        while not visit.request.transport.is_closing():
            await asyncio.sleep(0.02)
            visit.request.transport.write(b"\x89\x00")

    patience = Patience(ping_seconds=0.05, parting_seconds=0.2)
    async with _joined(read_nothing, patience) as (_, client, visit):
        talking = asyncio.create_task(_talk(client))
        await asyncio.wait({talking}, timeout=0.5)
        client._writer.transport.abort()
        await _ended(visit)
        with pytest.raises(ConnectionError):
            await talking


async def test_closing_all_sends_every_client_away_to_come_back_within_a_second() -> None:
    """Whether it answers, falls silent, or reads nothing of a long output."""
    told = asyncio.Event()

    async def talk(visit: Visit) -> None:
        if visit.request.query.get("talks"):
            for _ in range(MANY_PIECES):
                await visit.socket.send_bytes(PIECE)
        await visit.hear_out()

    async with running_upstream(talk) as fake, relaying(fake.upstream) as gateway:
        async with gateway.connect() as lively, gateway.connect() as silent, gateway.connect("/?talks=1") as stuck:
            visits = [await fake.visits.get() for _ in range(3)]
            await asyncio.sleep(0.3)  # until the output stands still

            async def hear() -> None:
                assert await _closed(lively) == (1012, "The gateway restarts.")
                await lively.close()
                told.set()

            hearing = asyncio.create_task(hear())
            started = time.monotonic()
            await gateway.channels.close_all()
            assert time.monotonic() - started < 1
            assert told.is_set()
            await hearing
            for visit in visits:
                await _ended(visit, seconds=1)
            assert await _closed(silent) == (1012, "The gateway restarts.")
            await stuck.close()


async def test_closing_all_refuses_those_who_are_just_joining_and_those_who_would() -> None:
    thinking = asyncio.Event()

    async def think(_request: web.Request) -> web.StreamResponse:
        thinking.set()
        await asyncio.sleep(60)
        return web.Response()

    async with running_upstream(hear_out) as fake, relaying(fake.upstream) as gateway:
        fake.answer = think
        joining = asyncio.create_task(_status(gateway))
        await thinking.wait()
        await gateway.channels.close_all()
        assert await joining == 503
        assert await _status(gateway) == 503
        assert len(fake.asked) == 1


async def test_the_end_leaves_no_task_behind() -> None:
    async with running_upstream(echo) as fake, relaying(fake.upstream) as gateway:
        before = asyncio.all_tasks()
        for _ in range(3):
            async with gateway.connect() as client:
                await client.send_str("x")
                assert (await client.receive()).data == "x"
                await client._writer.close()
                assert await _closed(client) == (1000, "")
        async with gateway.connect() as client:
            client._writer.transport.abort()
        async with asyncio.timeout(5):
            while asyncio.all_tasks() - before:  # noqa: ASYNC110  connections end in their own time
                await asyncio.sleep(0.02)


async def test_a_handler_that_is_cancelled_hangs_up_on_both_sides() -> None:
    handlers: list[asyncio.Task[object]] = []
    async with running_upstream(hear_out) as fake, relaying(fake.upstream) as gateway:

        async def join(request: web.Request) -> web.WebSocketResponse:
            task = asyncio.current_task()
            assert task is not None
            handlers.append(task)
            return await gateway.channels.join(request, Destination(fake.upstream, "/socket"))

        app = web.Application()
        app.router.add_get("/", join)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with gateway.session.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}/") as client:
            visit = await fake.visits.get()
            handlers[0].cancel()
            assert (await client.receive()).type is WSMsgType.CLOSED
            await _ended(visit)
        await asyncio.wait(handlers)
        assert handlers[0].cancelled()
        await runner.cleanup()


async def test_an_error_in_one_direction_ends_both_and_is_raised() -> None:
    client, upstream = FailingLeg(), WaitingLeg()
    with pytest.raises(RuntimeError, match="crash"):
        await Relay(client, upstream, Patience(), "test").run()
    assert client.said == Close(1011)
    assert upstream.said == Close(1001)


async def test_a_channel_that_breaks_is_logged_without_its_query(capsys: pytest.CaptureFixture[str]) -> None:
    async def break_off(visit: Visit) -> None:
        visit.break_off()

    async with running_upstream(break_off) as fake, relaying(fake.upstream) as gateway:
        async with gateway.connect("/api/kernels/1/channels?session_id=of-ada") as client:
            await _closed(client)
    written = capsys.readouterr().out
    assert "/api/kernels/1/channels" in written
    assert "of-ada" not in written


class WaitingLeg(Leg):
    """Nothing ever comes of it."""

    def __init__(self) -> None:
        self.said: Close | None = None

    async def receive(self) -> Message | End:
        await asyncio.Event().wait()
        raise AssertionError

    async def end(self, close: Close | None, seconds: float) -> None:
        self.said = close

    def cut(self) -> None:
        assert self.said is not None


class FailingLeg(WaitingLeg):
    """Reading from it fails as nobody foresaw."""

    async def receive(self) -> Message | End:
        raise RuntimeError("crash")


@asynccontextmanager
async def _joined(
    behaviour: Behaviour, patience: Patience | None = None
) -> AsyncIterator[tuple[Relaying, Socket, Visit]]:
    async with running_upstream(behaviour) as fake, relaying(fake.upstream, patience=patience) as gateway:
        async with gateway.connect() as client:
            yield gateway, client, await fake.visits.get()


async def _closed(client: Socket) -> tuple[int, str]:
    async with asyncio.timeout(10):
        message = await client.receive()
    assert message.type is WSMsgType.CLOSE
    return message.data, message.extra or ""


async def _ended(visit: Visit, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        await visit.ended.wait()


async def _talk(client: Socket) -> None:
    while True:
        await client.send_bytes(PIECE)


async def _status(gateway: Relaying) -> int:
    try:
        async with gateway.connect():
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status
