"""Files that arrive in pieces: in order, whole or not at all, and nothing left behind."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.contents.backend import Capability
from gateway.contents.locks import ProcessLocks
from gateway.contents.model import Absent, Caller, Condition, Entry, Kind, Precondition, Written
from gateway.contents.mounts import Mount
from gateway.contents.operations import UploadChunk
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.contents.service import Contents
from gateway.contents.uploads import UploadKey, Uploads, UploadSession
from tests.contents.stand import ADA, BOB, BareBackend, body_of, contents_of, folder, names, parse
from tests.contract.steps import refused
from tests.fakes.memory import MemoryBackend
from tests.fakes.sessions import MemoryUploadSessions
from tests.services import services_of

MAX_BYTES = 20


class ExpiringSessions(MemoryUploadSessions):
    async def expired(self) -> list[UploadSession]:
        return list(self.sessions.values())


@dataclass
class Stand:
    contents: Contents
    uploads: Uploads
    staged: Path

    async def send(
        self, number: int, body: bytes, *, caller: Caller = ADA, text: str = "m/a.bin", condition: Condition = None
    ) -> Entry | Written:
        services = services_of(self.contents, uploads=self.uploads)
        return await UploadChunk(caller, parse(text), number, body, condition).run(services)

    def left_over(self) -> list[str]:
        return sorted(each.name for each in self.staged.iterdir() if not each.name.startswith("."))


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    contents = contents_of(Mount("m", folder(tmp_path / "m")))
    uploads = Uploads(folder(tmp_path / "staged"), ExpiringSessions(), ProcessLocks(), MAX_BYTES)
    return Stand(contents, uploads, tmp_path / "staged")


async def test_the_last_piece_makes_the_file_at_once(stand: Stand) -> None:
    for number, body in ((1, b"one "), (2, b"two ")):
        entry = await stand.send(number, body)
        assert isinstance(entry, Entry)
        assert (str(entry.path), entry.kind) == ("m/a.bin", Kind.FILE)
        assert entry.size == 4 * number
        assert await names(stand.contents, "m") == []
    written = await stand.send(-1, b"three")
    assert isinstance(written, Written)
    assert written.created
    assert await body_of(stand.contents, "m/a.bin") == b"one two three"
    assert stand.left_over() == []


async def test_a_single_piece_may_be_followed_by_an_empty_last_one(stand: Stand) -> None:
    await stand.send(1, b"all")
    await stand.send(-1, b"")
    assert await body_of(stand.contents, "m/a.bin") == b"all"


async def test_pieces_out_of_order_are_refused(stand: Stand) -> None:
    await refused(stand.send(2, b"x"), Code.INVALID)
    await refused(stand.send(-1, b"x"), Code.INVALID)
    await stand.send(1, b"one")
    await refused(stand.send(3, b"x"), Code.INVALID)
    await stand.send(2, b"two")
    await refused(stand.send(2, b"x"), Code.INVALID)
    await stand.send(-1, b"three")
    assert await body_of(stand.contents, "m/a.bin") == b"onetwothree"
    await refused(stand.send(-1, b"x"), Code.INVALID)


async def test_beginning_anew_forgets_the_earlier_pieces(stand: Stand) -> None:
    await stand.send(1, b"old")
    await stand.send(2, b"old")
    await stand.send(1, b"new")
    assert len(stand.left_over()) == 1
    await stand.send(-1, b"!")
    assert await body_of(stand.contents, "m/a.bin") == b"new!"


async def test_uploads_of_two_callers_and_of_two_files_do_not_mix(stand: Stand) -> None:
    await stand.send(1, b"ada ")
    await stand.send(1, b"bob ", caller=BOB)
    await stand.send(1, b"other ", text="m/b.bin")
    await stand.send(-1, b"end", text="m/b.bin")
    await stand.send(-1, b"end", caller=BOB)
    assert await body_of(stand.contents, "m/a.bin") == b"bob end"
    await stand.send(-1, b"end")
    assert await body_of(stand.contents, "m/a.bin") == b"ada end"
    assert await body_of(stand.contents, "m/b.bin") == b"other end"


async def test_an_upload_too_large_is_dropped(stand: Stand) -> None:
    await stand.send(1, b"x" * MAX_BYTES)
    await refused(stand.send(2, b"x"), Code.TOO_LARGE)
    assert stand.left_over() == []
    await refused(stand.send(-1, b""), Code.INVALID)
    await refused(stand.send(1, b"x" * (MAX_BYTES + 1)), Code.TOO_LARGE)


async def test_the_condition_holds_for_the_whole_file(stand: Stand) -> None:
    await stand.contents.write(ADA, parse("m/a.bin"), b"there already")
    await stand.send(1, b"one")
    await refused(stand.send(-1, b"two", condition=Absent()), Code.PRECONDITION)
    assert await body_of(stand.contents, "m/a.bin") == b"there already"


async def test_nothing_is_kept_for_a_caller_who_may_not_write(stand: Stand, tmp_path: Path) -> None:
    (tmp_path / "read").mkdir()
    readable = Mount("r", folder(tmp_path / "read" / "only"), writers=frozenset({"bob"}))
    readers = Stand(contents_of(readable), stand.uploads, stand.staged)
    await refused(readers.send(1, b"one", text="r/a.bin"), Code.FORBIDDEN)
    assert stand.left_over() == []


async def test_an_upload_to_nowhere_is_refused_at_its_first_piece(stand: Stand) -> None:
    await refused(stand.send(1, b"one", text="m/none/a.bin"), Code.NOT_FOUND)
    await refused(stand.send(1, b"one", text="m"), Code.INVALID)
    await stand.contents.write(ADA, parse("m/file"), b"")
    problem = await refused(stand.send(1, b"one", text="m/file/a.bin"), Code.INVALID)
    assert problem.reason is Reason.BAD_TYPE
    assert stand.left_over() == []


async def test_a_store_that_makes_parents_by_itself_takes_an_upload_to_nowhere(stand: Stand) -> None:
    memory = MemoryBackend(frozenset(Capability))
    implicit = Stand(contents_of(Mount("i", memory)), stand.uploads, stand.staged)
    await implicit.send(1, b"one ", text="i/none/a.bin")
    await implicit.send(-1, b"two", text="i/none/a.bin")
    assert await body_of(implicit.contents, "i/none/a.bin") == b"one two"


async def test_pieces_that_are_gone_end_the_upload_and_a_dead_store_is_told(stand: Stand) -> None:
    await stand.send(1, b"one")
    (only,) = stand.left_over()
    await stand.uploads._staging.delete(parse(f"{only}/000001"))
    await refused(stand.send(-1, b"two"), Code.CONFLICT)
    assert await names(stand.contents, "m") == []
    await stand.send(1, b"one")
    stand.staged.rename(stand.staged.with_name("gone"))
    await refused(stand.send(-1, b"two"), Code.UNAVAILABLE)


async def test_abandoned_uploads_are_swept_away(stand: Stand) -> None:
    await stand.send(1, b"one")
    await stand.uploads.sweep()
    assert stand.left_over() == []
    await refused(stand.send(2, b"two"), Code.INVALID)
    await stand.uploads.sweep()


async def test_what_was_swept_from_outside_is_no_fault_but_a_dead_store_is(stand: Stand) -> None:
    await stand.send(1, b"one")
    (only,) = stand.left_over()
    await stand.uploads._staging.delete(parse(only))
    await stand.uploads.sweep()
    await stand.send(1, b"one")
    stand.staged.rename(stand.staged.with_name("gone"))
    with pytest.raises(Problem) as caught:
        await stand.uploads.sweep()
    assert caught.value.code is Code.UNAVAILABLE


async def test_of_two_requests_with_one_number_only_one_is_stored(stand: Stand) -> None:
    await stand.send(1, b"1")
    results = await asyncio.gather(stand.send(2, b"A"), stand.send(2, b"B"), return_exceptions=True)
    assert sorted(isinstance(result, Problem) for result in results) == [False, True]
    taken = b"B" if isinstance(results[0], Problem) else b"A"
    await stand.send(-1, b"3")
    assert await body_of(stand.contents, "m/a.bin") == b"1" + taken + b"3"


async def test_a_last_piece_without_any_before_replaces_nothing(stand: Stand) -> None:
    await stand.contents.write(ADA, parse("m/a.bin"), b"old")
    await stand.uploads._sessions.start(UploadKey(ADA.key, parse("m/a.bin")))
    await refused(stand.send(-1, b"end"), Code.INVALID)
    assert await body_of(stand.contents, "m/a.bin") == b"old"


async def test_a_piece_that_cannot_be_stored_ends_the_upload(stand: Stand) -> None:
    await stand.send(1, b"1")
    (only,) = stand.left_over()
    shutil.rmtree(stand.staged / only)
    await refused(stand.send(2, b"2"), Code.NOT_FOUND)
    await refused(stand.send(-1, b"3"), Code.INVALID)
    assert await names(stand.contents, "m") == []


async def test_one_upload_that_cannot_be_removed_does_not_keep_the_others(tmp_path: Path) -> None:
    class Stuck(BareBackend):
        failed = False

        async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
            if not self.failed:
                self.failed = True
                raise Problem(Code.UNAVAILABLE, "The store is down.")
            await super().delete(path, precondition=precondition)

    contents = contents_of(Mount("m", folder(tmp_path / "m")))
    stand = Stand(
        contents,
        Uploads(Stuck(folder(tmp_path / "staged")), ExpiringSessions(), ProcessLocks(), MAX_BYTES),
        tmp_path / "staged",
    )
    for text in ("m/a.bin", "m/b.bin", "m/c.bin"):
        await stand.send(1, b"1", text=text)
    await refused(stand.uploads.sweep(), Code.UNAVAILABLE)
    assert len(stand.left_over()) == 1


async def test_a_piece_repeated_while_the_first_attempt_is_at_it_counts_once(stand: Stand) -> None:
    await stand.send(1, b"1")
    results = await asyncio.gather(*(stand.send(2, b"2") for _ in range(4)))
    assert [entry.size for entry in results if isinstance(entry, Entry)] == [2] * 4
    await stand.send(-1, b"3")
    assert await body_of(stand.contents, "m/a.bin") == b"123"


async def test_a_piece_whose_first_attempt_was_cut_off_is_staged_by_the_next(tmp_path: Path) -> None:
    class Slow(BareBackend):
        is_slow = False

        async def write(self, path: ContentPath, body: bytes, *, precondition: Precondition = None) -> Written:
            if self.is_slow:
                await asyncio.sleep(60)
            return await super().write(path, body, precondition=precondition)

    staging, sessions = Slow(folder(tmp_path / "staged")), ExpiringSessions()
    uploads = Uploads(staging, sessions, ProcessLocks(), MAX_BYTES)
    stand = Stand(contents_of(Mount("m", folder(tmp_path / "m"))), uploads, tmp_path / "staged")
    await stand.send(1, b"1")
    staging.is_slow = True
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stand.send(2, b"2"), 0.05)
    staging.is_slow = False
    await stand.send(2, b"2")
    await stand.send(-1, b"3")
    assert await body_of(stand.contents, "m/a.bin") == b"123"


async def test_a_stored_file_is_told_though_its_pieces_cannot_be_removed(tmp_path: Path) -> None:
    class Keeping(BareBackend):
        keeps = True

        async def delete(self, path: ContentPath, *, precondition: Precondition = None) -> None:
            if self.keeps:
                raise Problem(Code.UNAVAILABLE, "The store is down.")
            await super().delete(path, precondition=precondition)

    staging = Keeping(folder(tmp_path / "staged"))
    uploads = Uploads(staging, ExpiringSessions(), ProcessLocks(), MAX_BYTES)
    stand = Stand(contents_of(Mount("m", folder(tmp_path / "m"))), uploads, tmp_path / "staged")
    await stand.send(1, b"1")
    assert isinstance(await stand.send(-1, b"2"), Written)
    staging.keeps = False
    await uploads.sweep()
    assert stand.left_over() == []
