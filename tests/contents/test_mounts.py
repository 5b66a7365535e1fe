"""Mounts: which backend an address means, and who may use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.local.backend import LocalBackend
from gateway.contents.model import Caller, Credential, directory_entry
from gateway.contents.mounts import Action, Mount, Mounts
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem
from tests.contents.stand import ADA, BOB, PLATFORM, parse


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    return LocalBackend(tmp_path)


def refused(mounts: Mounts, caller: Caller, text: str, action: Action = Action.READ) -> Code:
    with pytest.raises(Problem) as caught:
        mounts.place(caller, parse(text), action)
    return caught.value.code


def test_the_first_name_chooses_the_mount(backend: LocalBackend) -> None:
    mounts = Mounts([Mount("one", backend), Mount("two", backend)])
    place = mounts.place(ADA, parse("two/a/b.txt"), Action.READ)
    assert (place.mount.name, str(place.inner), str(place.top)) == ("two", "a/b.txt", "two")
    assert mounts.place(ADA, parse("one"), Action.READ).is_mount_top
    assert not place.is_mount_top
    assert mounts.root is None


def test_without_a_root_mount_other_names_lead_nowhere(backend: LocalBackend) -> None:
    mounts = Mounts([Mount("one", backend)])
    assert refused(mounts, ADA, "three/a.txt") is Code.NOT_FOUND
    assert refused(mounts, ADA, "") is Code.NOT_FOUND


def test_a_root_mount_takes_every_other_name_its_own_included(backend: LocalBackend) -> None:
    mounts = Mounts([Mount("top", backend, is_root=True), Mount("side", backend)])
    assert str(mounts.place(ADA, parse("three/a.txt"), Action.READ).inner) == "three/a.txt"
    assert str(mounts.place(ADA, parse("top/a.txt"), Action.READ).inner) == "top/a.txt"
    assert str(mounts.place(ADA, parse("side/a.txt"), Action.READ).inner) == "a.txt"
    assert mounts.root is not None
    assert [mount.name for mount in mounts.beside_root(ADA)] == ["side"]


def test_only_those_who_are_named_may_read_or_write(backend: LocalBackend) -> None:
    shared = Mount("shared", backend, readers=frozenset({"ada", "role:team"}), writers=frozenset({"ada"}))
    mounts = Mounts([shared])
    assert mounts.place(ADA, parse("shared/a.txt"), Action.WRITE).writable
    assert not mounts.place(BOB, parse("shared/a.txt"), Action.READ).writable
    assert refused(mounts, BOB, "shared/a.txt", Action.WRITE) is Code.FORBIDDEN
    assert refused(mounts, PLATFORM, "shared/a.txt") is Code.FORBIDDEN
    assert mounts.beside_root(PLATFORM) == []


def test_a_platform_key_named_like_a_user_is_not_that_user(backend: LocalBackend) -> None:
    mount = Mount("m", backend, readers=frozenset({"None", "platform"}))
    assert not mount.permits(PLATFORM, Action.READ)


def test_a_homes_mount_shows_each_caller_the_own_home(backend: LocalBackend) -> None:
    mounts = Mounts([Mount("homes", backend, homes=True)])
    place = mounts.place(ADA, parse("homes/a.txt"), Action.READ)
    assert str(place.inner) == "home/ada/a.txt"
    entry = directory_entry(place.inner)
    assert str(place.outward(entry).path) == "homes/a.txt"
    assert place.lock_name == "homes:home/ada/a.txt"
    assert place.at(parse("home/ada/b.txt")).lock_name == "homes:home/ada/b.txt"


def test_who_has_no_name_has_no_home(backend: LocalBackend) -> None:
    assert refused(Mounts([Mount("homes", backend, homes=True)]), PLATFORM, "homes/a.txt") is Code.FORBIDDEN


@pytest.mark.parametrize("username", ["..", ".", "", "a/b", "../ada", "a\\b", "a\0", "n" * 256])
def test_a_username_that_is_no_folder_name_has_no_home(backend: LocalBackend, username: str) -> None:
    caller = Caller(username, Credential.JWT)
    assert refused(Mounts([Mount("homes", backend, homes=True)]), caller, "homes/a.txt") is Code.FORBIDDEN


def test_an_entry_is_writable_where_both_store_and_mount_say_so(backend: LocalBackend) -> None:
    mounts = Mounts([Mount("m", backend, writers=frozenset({"ada"}))])
    for caller, stored, expected in ((ADA, True, True), (ADA, False, False), (BOB, True, False)):
        place = mounts.place(caller, parse("m"), Action.READ)
        assert place.outward(directory_entry(ContentPath.ROOT, writable=stored)).writable is expected
