"""opc-retry-token at the dialect: one file per token, and no answer about what is no longer there (spec oci 3.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.dialects.oci.app import Answer, Oci
from tests.gateways import OTHER_TOKEN, Clients, running_gateway
from tests.gateways import Answer as Whole

INVALIDATED = (409, "InvalidatedRetryToken")
MADE = "d%2FUntitled.ipynb"


@pytest.fixture
async def oci(oci: Oci) -> Oci:
    (oci.root / "d").mkdir()
    return oci


async def create(oci: Oci, token: str = "t", kind: str = "notebook") -> Answer:
    return await oci("POST", "d", {"type": kind}, opc_retry_token=token)


def said(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["code"]


async def test_a_repeated_create_makes_one_file(oci: Oci) -> None:
    first, again = await create(oci), await create(oci)
    assert (first.status, first.body, first.etag) == (again.status, again.body, again.etag)
    assert first.headers["Location"] == again.headers["Location"]
    assert first.headers["opc-request-id"] != again.headers["opc-request-id"]
    assert [each.name for each in (oci.root / "d").iterdir()] == ["Untitled.ipynb"]


async def test_racing_creates_with_one_token_make_one_file(oci: Oci) -> None:
    answers = await asyncio.gather(*(create(oci) for _ in range(24)))
    assert {(each.status, each.body) for each in answers} == {(201, answers[0].body)}
    assert [each.name for each in (oci.root / "d").iterdir()] == ["Untitled.ipynb"]


async def test_a_token_serves_one_request_only(oci: Oci) -> None:
    await create(oci)
    assert said(await create(oci, kind="file")) == INVALIDATED
    assert said(await oci("POST", "%2Fd", {"type": "notebook"}, opc_retry_token="t")) == INVALIDATED


async def test_a_refused_create_leaves_its_token_free(oci: Oci) -> None:
    assert (await create(oci, kind="cat")).status == 400
    assert (await create(oci)).status == 201


async def test_a_token_means_nothing_on_a_save(oci: Oci) -> None:
    for _ in range(2):
        assert (await oci.put_notebook("a.ipynb", opc_retry_token="t")).status == 200
    assert (await create(oci)).status == 201


async def _delete(oci: Oci) -> None:
    assert (await oci("DELETE", MADE)).status == 204


async def _rename(oci: Oci) -> None:
    assert (await oci("PATCH", MADE, {"path": "d/named.ipynb"})).status == 200


async def _rename_its_folder(oci: Oci) -> None:
    assert (await oci("PATCH", "d", {"path": "e"})).status == 200
    (oci.root / "d").mkdir()


async def _remove_behind_the_gateway(oci: Oci) -> None:
    (oci.root / "d" / "Untitled.ipynb").unlink()


VANISHINGS = [_delete, _rename, _rename_its_folder, _remove_behind_the_gateway]


@pytest.mark.parametrize("vanish", VANISHINGS)
async def test_a_token_is_invalid_once_what_it_made_is_gone(oci: Oci, vanish: Callable[[Oci], Awaitable[None]]) -> None:
    await create(oci)
    await vanish(oci)
    assert said(await create(oci)) == INVALIDATED
    assert not (oci.root / "d" / "Untitled.ipynb").exists()
    assert (await create(oci, "another")).status == 201


@pytest.mark.parametrize("vanish", VANISHINGS[:3])
async def test_what_another_made_in_its_place_is_not_given_out_as_the_first_ones(
    oci: Oci, vanish: Callable[[Oci], Awaitable[None]]
) -> None:
    await create(oci)
    await vanish(oci)
    assert (await create(oci, "another")).json()["path"] == "d/Untitled.ipynb"
    assert said(await create(oci)) == INVALIDATED
    assert (await create(oci, "another")).status == 201


async def test_a_token_stays_good_while_what_it_made_is_changed_in_place(oci: Oci) -> None:
    first = await create(oci)
    await oci.put_notebook(MADE)
    assert (await oci("DELETE", MADE, if_match="stale")).status == 412
    assert (await oci("PATCH", MADE, {"path": "d/Untitled.ipynb"})).status == 200
    again = await create(oci)
    assert (again.status, again.body) == (201, first.body)


# -- the whole gateway: replicas, and the other dialects ------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["homes", "shared"])
def mount(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, object]:
    (tmp_path / "files").mkdir()
    return {"name": "m", "kind": "local", "folder": str(tmp_path / "files"), "homes": request.param}


async def untitled(gateway: Clients, token: str = "t") -> Whole:
    return await gateway.oci("POST", "/Workspace", {"type": "notebook"}, opc_retry_token=token)


async def test_a_token_is_known_to_every_replica_and_after_a_restart(mount: dict[str, object], tmp_path: Path) -> None:
    async with running_gateway(tmp_path, [mount]) as one, running_gateway(tmp_path, [mount]) as two:
        answers = await asyncio.gather(*(untitled((one, two)[n % 2]) for n in range(24)))
    async with running_gateway(tmp_path, [mount]) as restarted:
        answers.append(await untitled(restarted))
    assert {(each.status, each.body) for each in answers} == {(201, answers[0].body)}
    assert [each.name for each in (tmp_path / "files").rglob("*.ipynb")] == ["Untitled.ipynb"]


async def test_a_deletion_in_another_dialect_counts_too(mount: dict[str, object], tmp_path: Path) -> None:
    async with running_gateway(tmp_path, [mount]) as gateway:
        await untitled(gateway)
        assert (await gateway.jupyter("DELETE", "/contents/m/Untitled.ipynb")).status == 204
        assert (await gateway.jupyter("POST", "/contents/m", {"type": "notebook"})).status == 201
        again = await untitled(gateway)
        assert (again.status, again.json()["code"]) == INVALIDATED


async def test_a_deletion_counts_for_others_only_where_they_mean_the_same_file(
    mount: dict[str, object], tmp_path: Path
) -> None:
    async with running_gateway(tmp_path, [mount]) as gateway:
        await untitled(gateway)
        if mount["homes"]:
            await gateway.jupyter("POST", "/contents/m", {"type": "notebook"}, token=OTHER_TOKEN)
        assert (await gateway.jupyter("DELETE", "/contents/m/Untitled.ipynb", token=OTHER_TOKEN)).status == 204
        assert (await untitled(gateway)).status == (201 if mount["homes"] else 409)
