"""Listing the caller's home (spec nx1 4.2; section 11, vector 18)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from gateway.contents.model import EPOCH, Caller, Credential, Entry, Kind, Listing, directory_entry
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, not_found
from gateway.dialects.nx1 import operations
from gateway.state.store import StateStore
from tests.dialects.nx1.driving import BO, PLATFORM, Nx1, notebook, running
from tests.fakes.memory import MemoryBackend


async def test_home_nobody_has_written_to_is_an_empty_array(nx1: Nx1) -> None:
    answer = await nx1.send("GET", "/api/notebooks")
    assert (answer.status, answer.json()) == (200, [])


async def test_listing_is_recursive_sorted_and_of_notebooks_only(nx1: Nx1) -> None:
    for name in ("z.ipynb", "sub/deep/b.ipynb", "sub/a.ipynb", "a.txt", "A.IPYNB"):
        nx1.store(f"home/ada/{name}", notebook())
    listed = (await nx1.send("GET", "/api/notebooks/")).json()
    assert [each["s3_key"] for each in listed] == [
        "home/ada/sub/a.ipynb",
        "home/ada/sub/deep/b.ipynb",
        "home/ada/z.ipynb",
    ]
    assert listed[0] == {
        "s3_key": "home/ada/sub/a.ipynb",
        "owner": "ada",
        "size_bytes": len(notebook()),
        "last_modified": "2026-03-01T12:30:00Z",
    }


async def test_listing_leaks_nothing_of_a_longer_username(nx1: Nx1) -> None:
    nx1.caller = BO
    nx1.store("home/bo/mine.ipynb", notebook())
    nx1.store("home/bo2/theirs.ipynb", notebook())
    listed = (await nx1.send("GET", "/api/notebooks")).json()
    assert [each["s3_key"] for each in listed] == ["home/bo/mine.ipynb"]


async def test_checkpoints_and_hidden_files_are_not_listed(nx1: Nx1) -> None:
    nx1.store("home/ada/.ipynb_checkpoints/a-checkpoint.ipynb", notebook())
    nx1.store("home/ada/sub/.ipynb_checkpoints/a-checkpoint.ipynb", notebook())
    nx1.store("home/ada/.secret.ipynb", notebook())
    assert (await nx1.send("GET", "/api/notebooks")).json() == []


async def test_more_than_a_thousand_notebooks_are_all_listed(nx1: Nx1) -> None:
    for number in range(1_100):
        nx1.store(f"home/ada/n{number:04}.ipynb", b"{}")
    assert len((await nx1.send("GET", "/api/notebooks")).json()) == 1_100


async def test_listing_ends_at_ten_thousand(nx1: Nx1) -> None:
    for number in range(10_001):
        nx1.store(f"home/ada/n{number:05}.ipynb", b"{}")
    listed = (await nx1.send("GET", "/api/notebooks")).json()
    assert (len(listed), listed[0]["s3_key"]) == (10_000, "home/ada/n00000.ipynb")


@dataclass(slots=True)
class Fleeting(MemoryBackend):
    """Lists no sizes, and what it lists may have gone by the time it is asked for."""

    gone: frozenset[ContentPath] = frozenset()
    failure: Problem = field(default_factory=not_found)

    async def list(self, path: ContentPath) -> Listing:
        if path in self.gone:
            raise self.failure
        listing = await MemoryBackend.list(self, path)
        return replace(listing, entries=tuple(replace(entry, size=None) for entry in listing.entries))

    async def stat(self, path: ContentPath) -> Entry:
        if path in self.gone:
            raise self.failure
        return await MemoryBackend.stat(self, path)


@pytest.fixture
async def fleeting(store: StateStore) -> AsyncIterator[Nx1]:
    backend = Fleeting()
    async with running(store, backend) as served:
        for name in ("a.ipynb", "b.ipynb", "sub/c.ipynb"):
            served.store(f"home/ada/{name}", notebook())
        yield served


async def test_sizes_are_asked_for_where_a_listing_lacks_them(fleeting: Nx1) -> None:
    listed = (await fleeting.send("GET", "/api/notebooks")).json()
    assert [each["size_bytes"] for each in listed] == [len(notebook())] * 3


async def test_what_goes_while_it_is_listed_is_left_out(fleeting: Nx1) -> None:
    assert isinstance(fleeting.backend, Fleeting)
    fleeting.backend.gone = frozenset({ContentPath.parse("home/ada/a.ipynb"), ContentPath.parse("home/ada/sub")})
    listed = (await fleeting.send("GET", "/api/notebooks")).json()
    assert [each["s3_key"] for each in listed] == ["home/ada/b.ipynb"]


async def test_store_that_fails_half_way_is_no_short_list(fleeting: Nx1) -> None:
    assert isinstance(fleeting.backend, Fleeting)
    fleeting.backend.failure = Problem(Code.UNAVAILABLE, "The storage is down.")
    for failing in ("home/ada/b.ipynb", "home/ada/sub"):
        fleeting.backend.gone = frozenset({ContentPath.parse(failing)})
        assert (await fleeting.send("GET", "/api/notebooks")).status == 503


async def test_only_the_nearest_folders_are_looked_into(nx1: Nx1, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MAX_FOLDERS", 20)
    nx1.store("home/ada/a.ipynb", notebook())
    for number in range(30):
        nx1.store(f"home/ada/{number:02}/{number:02}/b.ipynb", notebook())
        nx1.store(f"home/ada/{number:02}/c.ipynb", notebook())
    listed = [each["s3_key"] for each in (await nx1.send("GET", "/api/notebooks")).json()]
    assert listed == [*(f"home/ada/{number:02}/c.ipynb" for number in range(19)), "home/ada/a.ipynb"]


class Circular(MemoryBackend):
    """Every folder holds one notebook, and itself again: what a symlink to its own folder looks like."""

    async def list(self, path: ContentPath) -> Listing:
        notebook_there = Entry(path.child("a.ipynb"), Kind.NOTEBOOK, EPOCH, EPOCH, size=1)
        return Listing(directory_entry(path), (notebook_there, directory_entry(path.child("self"))))


async def test_folder_that_holds_itself_is_followed_as_far_as_paths_reach(store: StateStore) -> None:
    async with running(store, Circular()) as served:
        listed = (await served.send("GET", "/api/notebooks")).json()
    assert [each["s3_key"] for each in listed[:1]] == ["home/ada/a.ipynb"]
    assert 150 < len(listed) < 250


@pytest.mark.parametrize("username", ["", ".", "..", "a/b", "a\\b", "a\x00b", "a\x1fb", "n" * 256])
async def test_username_that_cannot_name_a_home_has_none(nx1: Nx1, username: str) -> None:
    nx1.caller = Caller(username, Credential.PSK)
    for answer in (await nx1.send("GET", "/api/notebooks"), await nx1.upload_file("a.ipynb")):
        assert (answer.status, answer.json()["code"]) == (403, 403)
    assert nx1.backend.files == {}


async def test_username_is_the_homes_name_byte_for_byte(nx1: Nx1) -> None:
    for username in ("Ada+x@example.org", "service-account-ci", "zoe\u0308", "zo\u00eb", "ADA"):
        nx1.caller = Caller(username, Credential.JWT)
        summary = (await nx1.upload_file("a.ipynb")).json()
        assert (summary["s3_key"], summary["owner"]) == (f"home/{username}/a.ipynb", username)
        assert [each["s3_key"] for each in (await nx1.send("GET", "/api/notebooks")).json()] == [summary["s3_key"]]


async def test_platform_key_has_no_home_to_list(nx1: Nx1) -> None:
    nx1.caller = PLATFORM
    answer = await nx1.send("GET", "/api/notebooks")
    assert (answer.status, answer.json()["code"]) == (403, 403)
