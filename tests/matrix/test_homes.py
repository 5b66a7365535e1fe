"""Homes: nobody reads, lists, writes, copies, moves, attaches or deletes what is in another's, in any dialect.

Each user keeps notebooks with words of its own in them. Every request goes out against another user, one whose name
begins alike among them, in every spelling of the other's home; the words must not come back, and what the other has
must not change.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.demo.s3 import S3Server
from tests.fakes.jupyter import JupyterServer
from tests.gateways import NOTEBOOK, Answer
from tests.matrix.households import Member, running_household
from tests.matrix.stores import STORES, Servers

SECRET = "secret.ipynb"
SPELLINGS = [
    SECRET,
    "../{victim}/secret.ipynb",
    "../../home/{victim}/secret.ipynb",
    "./../{victim}/secret.ipynb",
    "f/../../{victim}/secret.ipynb",
    "..\\{victim}\\secret.ipynb",
    "../{victim}/f/deep.ipynb",
    "{victim}/secret.ipynb",
    "home/{victim}/secret.ipynb",
    "/home/{victim}/secret.ipynb",
    "%2e%2e/{victim}/secret.ipynb",
    "..%2F{victim}%2Fsecret.ipynb",
    "..%252F{victim}%252Fsecret.ipynb",
    "\u2025/{victim}/secret.ipynb",
    "../{victim}\x00/secret.ipynb",
    "../{victim}",
    "..",
]
Household = dict[str, Member]


@pytest.fixture(params=list(STORES))
async def household(
    request: pytest.FixtureRequest, s3_server: S3Server, jupyter_server: JupyterServer, tmp_path: Path
) -> AsyncIterator[Household]:
    async with (
        STORES[request.param](Servers(s3_server, jupyter_server), tmp_path) as mount,
        running_household(tmp_path, mount) as members,
    ):
        for member in members.values():
            await settle(member)
        yield members


async def settle(member: Member) -> None:
    """Give the user a notebook at the top and one in a folder, and one that the others have a namesake of."""
    assert (await member.upload("own.ipynb")).status == 201
    assert (await member.jupyter("PUT", "/contents/m/f", {"type": "directory"})).status == 201
    for path in (SECRET.replace("secret", f"{member.name}-secret"), "f/deep.ipynb"):
        made = await member.jupyter("PUT", f"/contents/m/{path}", save(canary(member)))
        assert made.status == 201


def canary(member: Member) -> str:
    return f"only {member.name}@home may see this"


def save(text: str) -> dict[str, object]:
    content = json.loads(NOTEBOOK)
    content["cells"][0]["source"] = text
    return {"type": "notebook", "format": "json", "content": content}


def spellings(victim: Member) -> list[str]:
    name = SECRET.replace("secret", f"{victim.name}-secret")
    return [spelling.format(victim=victim.name).replace(SECRET, name) for spelling in SPELLINGS]


def pairs(household: Household) -> Iterator[tuple[Member, Member]]:
    """Attackers with their victims."""
    return ((household[one], household[other]) for one, other in (("ada", "al"), ("al", "alice"), ("alice", "al")))


async def state_of(member: Member) -> object:
    """Everything in the user's home: names, etags, and the words of the notebooks."""
    found = {}
    for folder in ("", "/f"):
        listing = (await member.jupyter("GET", f"/contents/m{folder}")).json()
        for entry in listing["content"]:
            if entry["type"] == "notebook":
                answer = await member.jupyter("GET", f"/contents/{quote(entry['path'])}?hash=1")
                found[entry["path"]] = (answer.etag, answer.body)
    return found


def told_nothing(answer: Answer, victim: Member) -> None:
    assert answer.status < 500, answer.body
    assert canary(victim).encode() not in answer.body
    assert canary(victim).encode() not in json.dumps(dict(answer.headers)).encode()


def refused(answer: Answer, victim: Member) -> None:
    told_nothing(answer, victim)
    assert answer.status in (400, 403, 404, 405, 409), answer.body


async def test_jupyter_reaches_nothing_of_another(household: Household) -> None:
    before = {name: await state_of(member) for name, member in household.items()}
    for one, other in pairs(household):
        for spelling in spellings(other):
            address, in_url = f"m/{spelling}", f"/contents/m/{quote(spelling, safe='/%.')}"
            refused(await one.jupyter("GET", in_url), other)
            refused(await one.jupyter("GET", f"{in_url}?content=0&hash=1"), other)
            told_nothing(await one.jupyter("GET", f"{in_url}/checkpoints"), other)
            refused(await one.jupyter("POST", "/contents/m", {"copy_from": address}), other)
            refused(await one.jupyter("PATCH", in_url, {"path": "m/taken.ipynb"}), other)
            refused(await one.jupyter("POST", f"{in_url}/checkpoints"), other)
            refused(await one.jupyter("DELETE", in_url), other)
    assert {name: await state_of(member) for name, member in household.items()} == before


async def test_jupyter_writes_nothing_at_anothers(household: Household) -> None:
    for one, other in pairs(household):
        before = await state_of(other)
        for spelling in spellings(other):
            address, in_url = f"m/{spelling}", f"/contents/m/{quote(spelling, safe='/%.')}"
            told_nothing(await one.jupyter("PUT", in_url, save("overwritten")), other)
            piece = {"type": "file", "format": "text", "content": "x", "chunk": 1}
            told_nothing(await one.jupyter("PUT", in_url, piece), other)
            told_nothing(await one.jupyter("POST", in_url, {"type": "notebook"}), other)
            told_nothing(await one.jupyter("POST", in_url, {"copy_from": "m/own.ipynb"}), other)
            told_nothing(await one.jupyter("PATCH", "/contents/m/own.ipynb", {"path": address}), other)
        assert await state_of(other) == before


async def test_oci_reaches_nothing_of_another(household: Household) -> None:
    before = {name: await state_of(member) for name, member in household.items()}
    for one, other in pairs(household):
        for spelling in spellings(other):
            address = f"/Workspace/{spelling}"
            for in_url in (quote(address, safe=""), f"/Workspace/{quote(spelling, safe='/%.')}"):
                refused(await one.oci("GET", in_url), other)
                refused(await one.oci("PATCH", in_url, {"path": "/Workspace/taken.ipynb"}), other)
                refused(await one.oci("DELETE", in_url), other)
            refused(await one.oci("POST", "%2FWorkspace", {"copy_from": address}), other)
    assert {name: await state_of(member) for name, member in household.items()} == before


async def test_oci_writes_nothing_at_anothers(household: Household) -> None:
    for one, other in pairs(household):
        before = await state_of(other)
        for spelling in spellings(other):
            address = f"/Workspace/{spelling}"
            for in_url in (quote(address, safe=""), f"/Workspace/{quote(spelling, safe='/%.')}"):
                told_nothing(await one.oci("PUT", in_url, save("overwritten")), other)
                told_nothing(await one.oci("POST", in_url, {"type": "notebook", "ext": ".ipynb"}), other)
                told_nothing(await one.oci("POST", in_url, {"copy_from": "/Workspace/own.ipynb"}), other)
            told_nothing(await one.oci("PATCH", "%2FWorkspace%2Fown.ipynb", {"path": address}), other)
        assert await state_of(other) == before


async def test_nx1_neither_lists_uploads_nor_attaches_at_anothers(household: Household) -> None:
    app = {"app_name": "x", "app_type": "notebook_pipeline"}
    app_id = (await household["ada"].nx1("POST", "/app", app)).json()["id"]
    version = (await household["ada"].nx1("POST", f"/app/{app_id}/versions", {"version_name": "1"})).json()["id"]
    for one, other in pairs(household):
        listed = await one.nx1("GET", "/notebooks")
        assert {each["owner"] for each in listed.json()} == {one.name}
        assert {each["s3_key"].split("/")[1] for each in listed.json()} == {one.name}
        for spelling in spellings(other):
            for key in (spelling, f"home/{one.name}/{spelling}", f"home/{other.name}/{SECRET}", f"home/{other.name}"):
                refused(await one.nx1("PUT", f"/app/versions/{version}/notebook", {"s3_key": key}), other)
        theirs = {"s3_key": f"home/{other.name}/f/deep.ipynb"}
        assert (await one.nx1("PUT", f"/app/versions/{version}/notebook", theirs)).status == 403
    for one, other in pairs(household):
        before = await state_of(other)
        for spelling in spellings(other):
            told_nothing(await one.upload(spelling), other)
        assert await state_of(other) == before


async def test_each_has_a_notebook_of_the_same_name_to_themselves(household: Household) -> None:
    for member in household.values():
        assert (await member.jupyter("PUT", "/contents/m/own.ipynb", save(canary(member)))).status == 200
    for member in household.values():
        (cell,) = (await member.jupyter("GET", "/contents/m/own.ipynb")).json()["content"]["cells"]
        assert "".join(cell["source"]) == canary(member)
        assert canary(member).encode() in (await member.oci("GET", "%2FWorkspace%2Fown.ipynb")).body


@pytest.mark.parametrize("link", ["../al", "..", "../al/f", "../../home/al", "../al/al-secret.ipynb"])
async def test_a_symlink_out_of_a_home_leads_nowhere(tmp_path: Path, link: str) -> None:
    files = tmp_path / "files"
    files.mkdir()
    async with running_household(tmp_path, {"kind": "local", "folder": str(files)}) as members:
        for member in members.values():
            await settle(member)
        ada, al = members["ada"], members["al"]
        name = "link.ipynb" if link.endswith(".ipynb") else "link"
        (files / "home" / "ada" / name).symlink_to(link)
        before = await state_of(al)
        for path in (name, f"{name}/al-secret.ipynb", f"{name}/al/al-secret.ipynb", f"{name}/deep.ipynb"):
            refused(await ada.jupyter("GET", f"/contents/m/{path}"), al)
            refused(await ada.jupyter("POST", "/contents/m", {"copy_from": f"m/{path}"}), al)
            told_nothing(await ada.jupyter("PUT", f"/contents/m/{path}", save("overwritten")), al)
            told_nothing(await ada.jupyter("DELETE", f"/contents/m/{path}"), al)
            refused(await ada.oci("GET", quote(f"/Workspace/{path}", safe="")), al)
        keys = [each["s3_key"] for each in (await ada.nx1("GET", "/notebooks")).json()]
        assert keys == ["home/ada/ada-secret.ipynb", "home/ada/f/deep.ipynb", "home/ada/own.ipynb"]
        assert await state_of(al) == before
