"""What passes through a channel: messages as they are, as fast as the slower side takes them, and pings."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import WSMsgType
from aiohttp.base_protocol import BaseProtocol

from gateway.server.sockets.leg import Leg, Message
from gateway.server.sockets.relay import Patience
from tests.fakes.sockets import Visit, echo, hear_out, running_upstream
from tests.server.relaying import Socket, relaying

MEBIBYTE = 1 << 20
LIMIT_BYTES = MEBIBYTE
LONG_BYTES = 60 * MEBIBYTE
PIECE = b"x" * (MEBIBYTE // 4)
PIECES = 400
HELD_UP_BYTES = 24 * MEBIBYTE
"""What buffers of the system may take on both ways to a peer that reads nothing."""

QUICK = Patience(ping_seconds=0.05, silence_seconds=0.3, parting_seconds=1.0)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 5 * MEBIBYTE])
async def test_messages_keep_their_bytes_and_type_both_ways(size: int) -> None:
    data, text = secrets.token_bytes(size), "ä" * (size // 2)
    async with running_upstream(echo) as fake, relaying(fake.upstream) as gateway, gateway.connect() as client:
        await client.send_bytes(data)
        await client.send_str(text)
        assert await _next(client) == (WSMsgType.BINARY, data)
        assert await _next(client) == (WSMsgType.TEXT, text)


async def test_a_message_as_long_as_the_limit_passes_both_ways() -> None:
    async with (
        running_upstream(echo) as fake,
        relaying(fake.upstream, max_message_bytes=LIMIT_BYTES) as gateway,
        gateway.connect() as client,
    ):
        await client.send_bytes(b"x" * LIMIT_BYTES)
        assert len((await client.receive()).data) == LIMIT_BYTES


@pytest.mark.parametrize("excess_bytes", [1, 30 * MEBIBYTE])
async def test_a_client_that_sends_too_long_a_message_hears_why(excess_bytes: int) -> None:
    async with (
        running_upstream(hear_out) as fake,
        relaying(fake.upstream, max_message_bytes=LIMIT_BYTES) as gateway,
        gateway.connect() as client,
    ):
        await client.send_bytes(b"x" * (LIMIT_BYTES + excess_bytes))
        assert await _next(client) == (WSMsgType.CLOSE, 1009)
        visit = await fake.visits.get()
        await client.close()
        await _ended(visit)
        assert visit.last is not None
        assert visit.last.data == 1001


async def test_a_message_of_the_upstream_that_is_too_long_ends_both_sides_as_such() -> None:
    async def talk(visit: Visit) -> None:
        await visit.socket.send_str("before")
        await visit.socket.send_bytes(b"x" * (LIMIT_BYTES + 1))
        await visit.hear_out()

    async with (
        running_upstream(talk) as fake,
        relaying(fake.upstream, max_message_bytes=LIMIT_BYTES) as gateway,
        gateway.connect() as client,
    ):
        assert await _next(client) == (WSMsgType.TEXT, "before")
        assert await _next(client) == (WSMsgType.CLOSE, 1009)
        await client.close()
        visit = await fake.visits.get()
        await _ended(visit)
        assert visit.last is not None
        assert visit.last.data == 1009


async def test_an_upstream_that_breaks_the_protocol_ends_as_a_failure() -> None:
    async def break_protocol(visit: Visit) -> None:
        assert visit.request.transport is not None
        visit.request.transport.write(b"\xf3\x00")
        await visit.hear_out()

    async with running_upstream(break_protocol) as fake, relaying(fake.upstream) as gateway:
        async with gateway.connect() as client:
            assert await _next(client) == (WSMsgType.CLOSE, 1011)


async def test_an_upstream_is_held_back_by_a_client_that_reads_nothing_and_loses_nothing() -> None:
    sent = 0

    async def talk(visit: Visit) -> None:
        nonlocal sent
        for _ in range(PIECES):
            await visit.socket.send_bytes(PIECE)
            sent += 1
        await visit.hear_out()

    async with running_upstream(talk) as fake, relaying(fake.upstream) as gateway, gateway.connect() as client:
        await _stalls(lambda: sent)
        assert 0 < sent * len(PIECE) < HELD_UP_BYTES
        for _ in range(PIECES):
            assert (await client.receive()).data == PIECE


async def test_a_client_is_held_back_by_an_upstream_that_reads_nothing_and_loses_nothing() -> None:
    sent, reads = 0, asyncio.Event()

    async def read_late(visit: Visit) -> None:
        await reads.wait()
        for _ in range(PIECES):
            assert (await visit.socket.receive()).data == PIECE
        await visit.socket.send_str("all there")
        await visit.hear_out()

    async with running_upstream(read_late) as fake, relaying(fake.upstream) as gateway, gateway.connect() as client:

        async def talk() -> None:
            nonlocal sent
            for _ in range(PIECES):
                await client.send_bytes(PIECE)
                sent += 1

        talking = asyncio.create_task(talk())
        await _stalls(lambda: sent)
        assert 0 < sent * len(PIECE) < HELD_UP_BYTES
        reads.set()
        assert await _next(client) == (WSMsgType.TEXT, "all there")
        await talking


async def test_each_sides_pings_are_answered_with_their_payload() -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def ping(visit: Visit) -> None:
        await visit.socket.ping(b"of the upstream")
        async for message in visit.listen():
            if message.type is WSMsgType.PONG:
                heard.put_nowait(bytes(message.data))

    async with running_upstream(ping) as fake, relaying(fake.upstream) as gateway, gateway.connect() as client:
        await client.ping(b"of the client")
        message = await client.receive()
        assert (message.type, bytes(message.data)) == (WSMsgType.PONG, b"of the client")
        assert await heard.get() == b"of the upstream"


async def test_pings_during_much_output_are_answered_in_between() -> None:
    """A client that pings and waits 20 s for the answer must not take a long output for a dead gateway."""

    async def talk(visit: Visit) -> None:
        for _ in range(PIECES):
            await visit.socket.send_bytes(PIECE)
        await visit.hear_out()

    async with running_upstream(talk) as fake, relaying(fake.upstream) as gateway, gateway.connect() as client:
        await _stalls(fake.visits.qsize)
        await client.ping(b"first")
        await client.ping(b"second")
        messages = [await client.receive() for _ in range(PIECES)]
        answered = [bytes(message.data) for message in messages if message.type is WSMsgType.PONG]
        assert answered[-1] == b"second"


async def test_a_client_that_says_nothing_is_given_up_and_its_upstream_let_go() -> None:
    async with running_upstream(hear_out) as fake, relaying(fake.upstream, patience=QUICK) as gateway:
        async with gateway.connect() as client:
            visit = await fake.visits.get()
            await _ended(visit)
            assert visit.last is not None
            assert visit.last.data == 1001
            await client.close()


async def test_a_client_that_answers_pings_stays() -> None:
    async with running_upstream(echo) as fake, relaying(fake.upstream, patience=QUICK) as gateway:
        async with gateway.connect() as client:
            for _ in range(4 * round(QUICK.silence_seconds / QUICK.ping_seconds)):
                message = await client.receive()
                assert message.type is WSMsgType.PING
                await client.pong(message.data)
            await client.send_str("still here")
            assert await _next(client) == (WSMsgType.TEXT, "still here")


async def test_a_client_that_reads_slowly_stays_and_so_does_its_upstream() -> None:
    """Its pongs stand behind what it has still to read; the upstream's pings behind what the gateway has."""
    pongs = 0

    async def talk(visit: Visit) -> None:
        nonlocal pongs
        talking = asyncio.create_task(_send_pieces(visit))
        async for message in visit.listen():
            pongs += message.type is WSMsgType.PONG
        await talking

    async with running_upstream(talk) as fake, relaying(fake.upstream, patience=QUICK) as gateway:
        async with gateway.connect() as client:
            received = 0
            while received < PIECES // 4:
                message = await client.receive()  # a ping now and then, which is not answered
                assert message.type is WSMsgType.PING or message.data == PIECE
                received += message.type is WSMsgType.BINARY
                await asyncio.sleep(QUICK.silence_seconds / 25)
            assert pongs > 5


async def test_what_is_taken_of_one_long_message_is_a_sign_of_life() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport, protocol = await loop.create_connection(lambda: BaseProtocol(loop), *listener.getsockname())
        peer = listener.accept()[0]
    peer.setblocking(False)
    leg = Leg(Silence(), protocol, transport, keeps=None)
    receiving = asyncio.create_task(leg.receive())
    sending = asyncio.create_task(leg.send(aiohttp.WSMessage(WSMsgType.BINARY, b"x" * LONG_BYTES, None)))
    await asyncio.sleep(0.2)
    silent_seconds = leg.silent_seconds()
    assert silent_seconds >= 0.2
    unsent_bytes = transport.get_write_buffer_size()
    while transport.get_write_buffer_size() == unsent_bytes:
        await loop.sock_recv(peer, MEBIBYTE)
    assert not sending.done()
    assert leg.silent_seconds() < silent_seconds
    transport.abort()
    peer.close()
    await sending
    receiving.cancel()


async def test_a_client_whose_message_takes_its_time_stays() -> None:
    async with running_upstream(echo) as fake, relaying(fake.upstream, patience=QUICK) as gateway:
        async with gateway.connect() as client:
            await _dribble(client._writer.transport, b"\x81\x94" + bytes(4))
            while (message := await client.receive()).type is WSMsgType.PING:
                pass
            assert message.data == "x" * 20


async def test_an_upstream_whose_message_takes_its_time_stays() -> None:
    async def talk(visit: Visit) -> None:
        assert visit.request.transport is not None
        await _dribble(visit.request.transport, b"\x81\x14")
        await visit.hear_out()

    async with running_upstream(talk) as fake, relaying(fake.upstream, patience=QUICK) as gateway:
        async with gateway.connect() as client:
            while (message := await client.receive()).type is WSMsgType.PING:
                await client.pong(message.data)
            assert message.data == "x" * 20


async def test_a_client_that_reads_nothing_at_all_is_given_up() -> None:
    async def talk(visit: Visit) -> None:
        with suppress(ConnectionError):
            await _send_pieces(visit)

    async with running_upstream(talk) as fake, relaying(fake.upstream, patience=QUICK) as gateway:
        async with gateway.connect() as client:
            await _ended(await fake.visits.get())
            await client.close()


async def test_an_upstream_that_says_nothing_is_gone_and_its_client_is_to_come_back() -> None:
    async def sleep(_visit: Visit) -> None:
        await asyncio.sleep(3)

    async with running_upstream(sleep) as fake, relaying(fake.upstream, patience=QUICK) as gateway:
        async with gateway.connect() as client:
            while (message := await client.receive()).type is WSMsgType.PING:
                await client.pong(message.data)
            assert (message.type, message.data) == (WSMsgType.CLOSE, 1012)


async def test_an_upstream_that_only_answers_pings_stays() -> None:
    """As jupyter_server's socket for events, which pings nobody."""
    async with running_upstream(hear_out) as fake, relaying(fake.upstream, patience=QUICK) as gateway:
        async with gateway.connect() as client:
            for _ in range(2 * round(QUICK.silence_seconds / QUICK.ping_seconds)):
                message = await client.receive()
                assert message.type is WSMsgType.PING
                await client.pong(message.data)
            assert not (await fake.visits.get()).ended.is_set()


class Silence:
    """Of which nothing ever comes."""

    async def read(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError


async def _dribble(transport: asyncio.WriteTransport, header: bytes) -> None:
    """Twenty bytes of text over more time than anyone may be silent."""
    transport.write(header)
    for _ in range(20):
        await asyncio.sleep(QUICK.silence_seconds / 6)
        transport.write(b"x")


async def _send_pieces(visit: Visit) -> None:
    for _ in range(PIECES):
        await visit.socket.send_bytes(PIECE)


async def _next(client: Socket) -> tuple[WSMsgType, object]:
    async with asyncio.timeout(10):
        message = await client.receive()
    return message.type, message.data


async def _ended(visit: Visit) -> None:
    async with asyncio.timeout(10):
        await visit.ended.wait()


async def _stalls(count: Callable[[], int]) -> None:
    """Wait until a count stands still: nothing tells that nothing happens any more."""
    before = -1
    while before != (before := count()) or before == 0:  # noqa: ASYNC110  there is no event of it
        await asyncio.sleep(0.3)
