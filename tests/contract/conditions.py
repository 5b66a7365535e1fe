"""The contract of preconditions: kept by the store itself, or not declared."""

from __future__ import annotations

from gateway.contents.backend import Backend, Capability
from gateway.contents.model import Absent, ETag, Matches
from gateway.contents.problem import Code
from tests.contract.steps import NOTEBOOK, body_of, is_missing, names, need, parse, put, race, refused

CREATORS = 16
WRITERS = 8


class ConditionsContract:
    """What is true of ``Absent`` and ``Matches`` wherever they are declared."""

    async def test_absent_creates_where_nothing_stands(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_WRITE)
        written = await backend.write(parse("a.ipynb"), NOTEBOOK, precondition=Absent())
        assert written.created
        assert (await backend.stat(parse("a.ipynb"))).etag == written.entry.etag

    async def test_absent_is_refused_where_a_file_stands(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_WRITE)
        await put(backend, "a.txt")
        await refused(backend.write(parse("a.txt"), b"two\n", precondition=Absent()), Code.PRECONDITION)
        assert await body_of(backend, "a.txt") == b"one\n"
        assert await names(backend) == ["a.txt"]

    async def test_absent_is_refused_where_a_directory_stands(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_WRITE)
        await put(backend, "folder/a.txt")
        await refused(backend.write(parse("folder"), b"x", precondition=Absent()), Code.PRECONDITION)
        assert await names(backend, "folder") == ["a.txt"]

    async def test_the_current_etag_is_accepted(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_WRITE)
        first = await put(backend, "a.txt")
        assert first.entry.etag
        second = await backend.write(parse("a.txt"), b"two\n", precondition=Matches(first.entry.etag))
        assert not second.created
        assert second.entry.etag != first.entry.etag
        assert await body_of(backend, "a.txt") == b"two\n"

    async def test_a_stale_etag_is_refused(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_WRITE)
        first = await put(backend, "a.txt")
        assert first.entry.etag
        await put(backend, "a.txt", b"two\n")
        stale = Matches(first.entry.etag)
        await refused(backend.write(parse("a.txt"), b"three\n", precondition=stale), Code.PRECONDITION)
        assert await body_of(backend, "a.txt") == b"two\n"

    async def test_an_etag_of_what_is_missing_is_refused(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_WRITE)
        first = await put(backend, "a.txt")
        assert first.entry.etag
        await backend.delete(parse("a.txt"))
        stale = Matches(first.entry.etag)
        await refused(backend.write(parse("a.txt"), b"two\n", precondition=stale), Code.PRECONDITION)
        assert await is_missing(backend, parse("a.txt"))

    async def test_no_etag_matches_a_directory(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_WRITE)
        await put(backend, "folder/a.txt")
        etag = (await backend.stat(parse("folder"))).etag or ETag("none")
        await refused(backend.write(parse("folder"), b"x", precondition=Matches(etag)), Code.PRECONDITION)

    async def test_of_many_racing_creators_exactly_one_wins(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_WRITE)
        path, bodies = parse("race.txt"), [f"creator {number}\n".encode() for number in range(CREATORS)]
        winners, losers = await race(backend.write(path, body, precondition=Absent()) for body in bodies)
        assert len(winners) == 1
        assert losers == {Code.PRECONDITION: CREATORS - 1}
        assert await body_of(backend, "race.txt") == bodies[winners[0]]
        assert await names(backend) == ["race.txt"]

    async def test_of_many_racing_writers_with_one_etag_exactly_one_wins(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_WRITE)
        first = await put(backend, "race.txt")
        assert first.entry.etag
        path, bodies = parse("race.txt"), [f"writer {number}\n".encode() for number in range(WRITERS)]
        same = Matches(first.entry.etag)
        winners, losers = await race(backend.write(path, body, precondition=same) for body in bodies)
        assert len(winners) == 1
        assert losers == {Code.PRECONDITION: WRITERS - 1}
        assert await body_of(backend, "race.txt") == bodies[winners[0]]

    async def test_a_delete_with_a_stale_etag_is_refused(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_DELETE)
        first = await put(backend, "a.txt")
        assert first.entry.etag
        await put(backend, "a.txt", b"two\n")
        await refused(backend.delete(parse("a.txt"), precondition=Matches(first.entry.etag)), Code.PRECONDITION)
        assert await body_of(backend, "a.txt") == b"two\n"

    async def test_a_delete_with_the_current_etag_is_done(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_DELETE)
        first = await put(backend, "a.txt")
        assert first.entry.etag
        await backend.delete(parse("a.txt"), precondition=Matches(first.entry.etag))
        assert await is_missing(backend, parse("a.txt"))

    async def test_a_conditional_delete_of_what_is_missing_is_refused(self, backend: Backend) -> None:
        need(backend, Capability.CONDITIONAL_DELETE)
        attempt = backend.delete(parse("a.txt"), precondition=Matches(ETag("0" * 32)))
        await refused(attempt, Code.PRECONDITION, Code.NOT_FOUND)
