"""Every dialect over every backend: each operation works, or is refused in the dialect's own words."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.s3 import S3Server
from tests.fakes.jupyter import JupyterServer
from tests.gateways import NOTEBOOK, OTHER_TOKEN, Answer, Clients, running_gateway
from tests.matrix.stores import STORES, Servers


@pytest.fixture(params=list(STORES))
async def clients(
    request: pytest.FixtureRequest, s3_server: S3Server, jupyter_server: JupyterServer, tmp_path: Path
) -> AsyncIterator[Clients]:
    async with (
        STORES[request.param](Servers(s3_server, jupyter_server), tmp_path) as mount,
        running_gateway(tmp_path, [{**mount, "name": "m", "homes": True}], nx1_mount="m") as gateway,
    ):
        yield gateway


def _oci_save(text: str) -> dict[str, object]:
    notebook = json.loads(NOTEBOOK)
    notebook["cells"][0]["source"] = text
    return {"type": "notebook", "format": "json", "content": notebook}


def _sources(answer: Answer) -> list[str]:
    """The cells' texts; a store may keep a text as its lines."""
    return ["".join(cell["source"]) for cell in answer.json()["content"]["cells"]]


async def test_one_upload_is_the_same_notebook_with_the_same_etag_in_every_dialect(clients: Clients) -> None:
    uploaded = await clients.upload("a.ipynb")
    assert uploaded.status == 201
    assert uploaded.json()["s3_key"] == "home/ada/a.ipynb"
    in_jupyter = await clients.jupyter("GET", "/contents/m/a.ipynb?hash=1")
    in_oci = await clients.oci("GET", "/Workspace/a.ipynb")
    assert in_jupyter.status == in_oci.status == 200
    assert in_jupyter.etag == in_oci.etag != ""
    assert _sources(in_jupyter) == _sources(in_oci) == ["# one"]
    listed = await clients.nx1("GET", "/notebooks")
    assert [each["s3_key"] for each in listed.json()] == ["home/ada/a.ipynb"]


async def test_a_stale_save_is_refused_in_the_callers_own_words(clients: Clients) -> None:
    await clients.upload("a.ipynb")
    first = (await clients.oci("GET", "/Workspace/a.ipynb")).etag
    saved = await clients.oci("PUT", "/Workspace/a.ipynb", _oci_save("# two"), if_match=first)
    assert saved.status == 200
    assert saved.etag not in ("", first)
    stale_oci = await clients.oci("PUT", "/Workspace/a.ipynb", _oci_save("# three"), if_match=first)
    assert (stale_oci.status, stale_oci.json()["code"]) == (412, "NoEtagMatch")
    stale_jupyter = await clients.jupyter("PUT", "/contents/m/a.ipynb", _oci_save("# four"), If_Match=f'"{first}"')
    assert stale_jupyter.status == 412
    assert set(stale_jupyter.json()) >= {"message", "reason"}
    now = await clients.jupyter("GET", "/contents/m/a.ipynb")
    assert now.etag == saved.etag
    assert "".join(now.json()["content"]["cells"][0]["source"]) == "# two"


async def test_jupyter_saves_renames_copies_lists_and_deletes(clients: Clients) -> None:
    made = await clients.jupyter("PUT", "/contents/m/b.ipynb", _oci_save("# b"))
    assert made.status == 201
    again = await clients.jupyter("PUT", "/contents/m/b.ipynb", _oci_save("# b2"))
    assert again.status == 200
    renamed = await clients.jupyter("PATCH", "/contents/m/b.ipynb", {"path": "m/c d.ipynb"})
    assert (renamed.status, renamed.json()["path"]) == (200, "m/c d.ipynb")
    copied = await clients.jupyter("POST", "/contents/m", {"copy_from": "m/c d.ipynb"})
    assert (copied.status, copied.json()["name"]) == (201, "c d-Copy1.ipynb")
    listing = await clients.jupyter("GET", "/contents/m")
    assert {each["name"] for each in listing.json()["content"]} == {"c d.ipynb", "c d-Copy1.ipynb"}
    deleted = await clients.jupyter("DELETE", "/contents/m/c%20d.ipynb")
    assert deleted.status == 204
    assert (await clients.jupyter("GET", "/contents/m/c%20d.ipynb")).status == 404


async def test_folders_are_made_filled_and_removed(clients: Clients) -> None:
    made = await clients.jupyter("PUT", "/contents/m/f", {"type": "directory"})
    assert made.status == 201
    text = {"type": "file", "format": "text", "content": "héllo"}
    assert (await clients.jupyter("PUT", "/contents/m/f/t.txt", text)).status == 201
    read = await clients.jupyter("GET", "/contents/m/f/t.txt")
    assert read.json()["content"] == "héllo"
    assert (await clients.jupyter("DELETE", "/contents/m/f")).status == 204
    assert (await clients.jupyter("GET", "/contents/m/f?content=0")).status == 404


async def test_a_file_that_comes_in_pieces_is_there_whole_at_the_last(clients: Clients) -> None:
    pieces = [(1, b"\x00\xff first "), (2, b"second "), (-1, b"last\n")]
    for number, piece in pieces:
        assert (await clients.jupyter("GET", "/contents/m/big.bin")).status == 404
        model = {"type": "file", "format": "base64", "chunk": number, "content": base64.b64encode(piece).decode()}
        assert (await clients.jupyter("PUT", "/contents/m/big.bin", model)).status in (200, 201)
    read = await clients.jupyter("GET", "/contents/m/big.bin?format=base64")
    assert base64.b64decode(read.json()["content"]) == b"".join(piece for _, piece in pieces)


async def test_what_has_not_changed_is_not_sent_again(clients: Clients) -> None:
    await clients.upload("a.ipynb")
    first = await clients.jupyter("GET", "/contents/m/a.ipynb")
    again = await clients.jupyter("GET", "/contents/m/a.ipynb", If_None_Match=f'"{first.etag}"')
    assert (again.status, again.body) == (304, b"")
    await clients.jupyter("PUT", "/contents/m/a.ipynb", _oci_save("# two"))
    changed = await clients.jupyter("GET", "/contents/m/a.ipynb", If_None_Match=f'"{first.etag}"')
    assert (changed.status, _sources(changed)) == (200, ["# two"])


async def test_a_file_is_only_made_where_none_stands(clients: Clients) -> None:
    made = await clients.jupyter("PUT", "/contents/m/a.ipynb", _oci_save("# one"), If_None_Match="*")
    assert made.status == 201
    refused = await clients.jupyter("PUT", "/contents/m/a.ipynb", _oci_save("# two"), If_None_Match="*")
    assert refused.status == 412
    assert _sources(await clients.jupyter("GET", "/contents/m/a.ipynb")) == ["# one"]


async def test_untitled_things_get_jupyters_names(clients: Clients) -> None:
    names = [(await clients.jupyter("POST", "/contents/m", {"type": "notebook"})).json()["name"] for _ in range(2)]
    assert names == ["Untitled.ipynb", "Untitled1.ipynb"]
    folder = await clients.jupyter("POST", "/contents/m", {"type": "directory"})
    assert folder.json()["name"] == "Untitled Folder"


async def test_checkpoints_work_or_there_are_none(clients: Clients) -> None:
    await clients.upload("a.ipynb")
    created = await clients.jupyter("POST", "/contents/m/a.ipynb/checkpoints")
    if created.status == 403:
        assert "checkpoints" in created.json()["message"]
        assert (await clients.jupyter("GET", "/contents/m/a.ipynb/checkpoints")).json() == []
        return
    assert created.status == 201
    before = (await clients.jupyter("GET", "/contents/m/a.ipynb?content=0&hash=1")).json()["hash"]
    await clients.jupyter("PUT", "/contents/m/a.ipynb", _oci_save("# changed"))
    restored = await clients.jupyter("POST", f"/contents/m/a.ipynb/checkpoints/{created.json()['id']}")
    assert restored.status == 204
    assert (await clients.jupyter("GET", "/contents/m/a.ipynb?content=0&hash=1")).json()["hash"] == before


async def test_oci_creates_copies_renames_and_deletes(clients: Clients) -> None:
    created = await clients.oci("POST", "/Workspace", {"type": "notebook", "ext": ".ipynb"})
    assert (created.status, created.json()["name"]) == (201, "Untitled.ipynb")
    copied = await clients.oci("POST", "/Workspace", {"copy_from": "/Workspace/Untitled.ipynb"})
    assert copied.status == 201
    moved = await clients.oci("PATCH", "/Workspace/Untitled.ipynb", {"path": "/Workspace/named.ipynb"})
    assert (moved.status, moved.json()["name"]) == (200, "named.ipynb")
    taken = await clients.oci("PATCH", "/Workspace/named.ipynb", {"path": copied.json()["path"]})
    assert taken.status == 409
    assert (await clients.oci("DELETE", "/Workspace/named.ipynb")).status == 204
    missing = await clients.oci("GET", "/Workspace/named.ipynb")
    assert (missing.status, missing.json()["code"]) == (404, "NotAuthorizedOrNotFound")


async def test_oci_delete_keeps_its_condition(clients: Clients) -> None:
    await clients.upload("a.ipynb")
    refused = await clients.oci("DELETE", "/Workspace/a.ipynb", if_match="not-the-etag")
    assert (refused.status, refused.json()["code"]) == (412, "NoEtagMatch")
    etag = (await clients.oci("GET", "/Workspace/a.ipynb")).etag
    assert (await clients.oci("DELETE", "/Workspace/a.ipynb", if_match=etag)).status == 204


async def test_nx1_attaches_by_the_digest_of_the_stored_bytes_or_says_that_there_is_none(clients: Clients) -> None:
    await clients.upload("a.ipynb")
    app = (await clients.nx1("POST", "/app", {"app_name": "x", "app_type": "notebook_pipeline"})).json()
    version = (await clients.nx1("POST", f"/app/{app['id']}/versions", {"version_name": "1.0"})).json()
    attached = await clients.nx1("PUT", f"/app/versions/{version['id']}/notebook", {"s3_key": "home/ada/a.ipynb"})
    if attached.status == 409:
        assert "bytes" in attached.json()["error"]
        return
    assert attached.status == 200
    digest = (await clients.jupyter("GET", "/contents/m/a.ipynb?content=0&hash=1")).json()["hash"]
    assert json.loads(attached.json()["properties_json"])["sha256"] == digest


async def test_another_user_sees_nothing_of_it(clients: Clients) -> None:
    await clients.upload("a.ipynb")
    listing = await clients.jupyter("GET", "/contents/m", token=OTHER_TOKEN)
    assert listing.json()["content"] == []
    assert (await clients.jupyter("GET", "/contents/m/a.ipynb", token=OTHER_TOKEN)).status == 404


@pytest.mark.parametrize("spelling", ["../al", "%2e%2e/al", "..%2Fal", "x%00", "x%5Cy", "%ff", "a%zz", "a//b"])
async def test_hostile_paths_are_refused(clients: Clients, spelling: str) -> None:
    refused = await clients.jupyter("GET", f"/contents/m/{spelling}")
    assert refused.status == 400
    assert refused.json()["message"]
