"""Listing the caller's home (spec nx1 4.2; section 11, vector 18)."""

from __future__ import annotations

from tests.dialects.nx1.driving import BO, PLATFORM, Nx1, notebook


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


async def test_platform_key_has_no_home_to_list(nx1: Nx1) -> None:
    nx1.caller = PLATFORM
    answer = await nx1.send("GET", "/api/notebooks")
    assert (answer.status, answer.json()["code"]) == (403, 403)
