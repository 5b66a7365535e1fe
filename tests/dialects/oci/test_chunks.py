"""Notebooks in chunks: whole or not at all, in order, as their digest says, on any replica (spec oci 4.8)."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.s3 import S3Server
from tests.dialects.oci.app import MAX_UPLOAD_BYTES, NOTEBOOK, Answer, Oci
from tests.fakes.s3 import new_bucket
from tests.gateways import Clients, running_gateway

BYTES = json.dumps(NOTEBOOK, indent=3).encode()
PIECES = (BYTES[:50], BYTES[50:51], BYTES[51:])
FIELDS = ("upload_id", "upload_chunk_index", "total_chunks", "total_size_bytes", "sha256")


def chunk(index: int, body: bytes, *, upload: str = "u-1", **changes: Any) -> dict[str, Any]:
    """A chunk of BYTES in three; a change to None takes a field out."""
    fields = {
        "type": "notebook",
        "format": "json",
        "content": base64.b64encode(body).decode(),
        "upload_id": upload,
        "upload_chunk_index": index,
        "total_chunks": 3,
        "total_size_bytes": len(BYTES),
        "sha256": hashlib.sha256(BYTES).hexdigest(),
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


async def put(oci: Oci, *indexes: int, path: str = "n.ipynb", **changes: Any) -> list[Answer]:
    pieces = {1: PIECES[0], 2: PIECES[1], -1: PIECES[2]}
    return [await oci("PUT", path, chunk(index, pieces[index], **changes)) for index in indexes]


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["code"]


INVALID = (400, "InvalidParameter")


async def test_the_last_chunk_makes_the_notebook_byte_for_byte(oci: Oci) -> None:
    first, second = await put(oci, 1, 2)
    assert ((await oci("GET", "n.ipynb")).status, list(oci.root.glob("*.ipynb"))) == (404, [])
    for number, (answer, size) in enumerate(((first, 50), (second, 51)), start=1):
        model = answer.json()
        assert (answer.status, model["path"], model["type"], model["size"]) == (200, "n.ipynb", "notebook", size)
        assert {name: model[name] for name in FIELDS} == {
            name: value for name, value in chunk(number, b"").items() if name in FIELDS
        }
        assert "etag" not in answer.headers
        assert "Location" not in answer.headers
    (last,) = await put(oci, -1)
    assert (last.status, last.json()["upload_chunk_index"], last.json()["size"]) == (200, -1, len(BYTES))
    assert (oci.root / "n.ipynb").read_bytes() == BYTES
    assert (await oci("GET", "n.ipynb?content=0")).etag == last.etag


async def test_chunks_posted_to_a_directory_make_an_untitled_notebook(oci: Oci) -> None:
    (oci.root / "d").mkdir()
    (oci.root / "d" / "Untitled.ipynb").write_text("{}")
    answers = [
        await oci("POST", "d", chunk(index, piece, type=None)) for index, piece in zip((1, 2, -1), PIECES, strict=True)
    ]
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert answers[-1].json()["path"] == "d/Untitled1.ipynb"
    assert answers[-1].headers["Location"].endswith("d%2FUntitled1.ipynb")
    assert (oci.root / "d" / "Untitled1.ipynb").read_bytes() == BYTES


async def test_one_chunk_may_be_all(oci: Oci) -> None:
    only = await oci("PUT", "n.ipynb", chunk(-1, BYTES, total_chunks=1))
    assert (only.status, (oci.root / "n.ipynb").read_bytes()) == (200, BYTES)


@pytest.mark.parametrize("sent", [(2,), (-1,), (1, 3), (1, 2, 1, -1), (1, 2, 2, 4)])
async def test_chunks_out_of_order_are_refused(oci: Oci, sent: tuple[int, ...]) -> None:
    pieces = {1: PIECES[0], 2: PIECES[1], -1: PIECES[2]}
    answers = [await oci("PUT", "n.ipynb", chunk(index, pieces.get(index, b"x"), total_chunks=9)) for index in sent]
    assert refusal(answers[-1]) == INVALID
    assert not (oci.root / "n.ipynb").exists()


async def test_a_chunk_that_comes_twice_counts_once(oci: Oci) -> None:
    """As a client sends it whose answer was lost; another chunk of that number is no repetition."""
    answers = await put(oci, 1, 2, 2, -1)
    assert [answer.status for answer in answers] == [200, 200, 200, 200]
    assert (oci.root / "n.ipynb").read_bytes() == BYTES
    await put(oci, 1, 2)
    assert refusal(await oci("PUT", "n.ipynb", chunk(2, b"other"))) == INVALID


async def test_a_last_chunk_that_comes_twice_is_answered_from_what_stands_there(oci: Oci) -> None:
    *_, first = await put(oci, 1, 2, -1)
    (again,) = await put(oci, -1)
    assert (again.status, again.etag) == (200, first.etag)
    (oci.root / "n.ipynb").write_text("{}")
    assert refusal((await put(oci, -1))[0]) == INVALID


@pytest.mark.parametrize(
    "lie",
    [
        {"total_chunks": 4},
        {"total_chunks": 2},
        {"total_size_bytes": len(BYTES) + 1},
        {"sha256": "0" * 64},
    ],
)
async def test_a_whole_that_is_not_what_was_said_is_not_stored(oci: Oci, lie: dict[str, Any]) -> None:
    await put(oci, 1, 2)
    (last,) = await put(oci, -1, **lie)
    assert refusal(last) == INVALID
    assert not (oci.root / "n.ipynb").exists()
    (honest,) = await put(oci, -1)
    assert honest.status == 200


async def test_a_digest_may_be_spelled_in_capitals(oci: Oci) -> None:
    *_, last = await put(oci, 1, 2, -1, sha256=hashlib.sha256(BYTES).hexdigest().upper())
    assert last.status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"upload_id": None}, "MissingParameter"),
        ({"upload_chunk_index": None}, "MissingParameter"),
        ({"content": None}, "MissingParameter"),
        ({"upload_id": ""}, "InvalidParameter"),
        ({"upload_id": "../x"}, "InvalidParameter"),
        ({"upload_id": "x" * 129}, "InvalidParameter"),
        ({"upload_chunk_index": 0}, "InvalidParameter"),
        ({"upload_chunk_index": -2}, "InvalidParameter"),
        ({"upload_chunk_index": 3}, "InvalidParameter"),
        ({"upload_chunk_index": "1"}, "InvalidParameter"),
        ({"total_chunks": 0}, "InvalidParameter"),
        ({"total_size_bytes": -1}, "InvalidParameter"),
        ({"sha256": "abc"}, "InvalidParameter"),
        ({"format": "text"}, "InvalidParameter"),
        ({"type": "file"}, "InvalidParameter"),
        ({"content": "%%%"}, "InvalidParameter"),
        ({"content": NOTEBOOK}, "InvalidParameter"),
    ],
)
async def test_a_malformed_chunk_is_refused_and_never_stored(oci: Oci, changes: dict[str, Any], code: str) -> None:
    for method, tail in (("PUT", "n.ipynb"), ("POST", "Workspace")):
        answer = await oci(method, tail, chunk(1, PIECES[0], **changes))
        assert refusal(answer) == (400, code)
    assert list(oci.root.glob("*.ipynb")) == []


async def test_only_notebooks_come_in_chunks(oci: Oci) -> None:
    assert refusal((await put(oci, 1, path="n.txt"))[0]) == INVALID


async def test_an_invalid_notebook_is_refused_at_the_last_chunk(oci: Oci) -> None:
    body = b'{"nbformat": 4}'
    facts: dict[str, Any] = {
        "total_chunks": 1,
        "total_size_bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    assert refusal(await oci("PUT", "n.ipynb", chunk(-1, body, **facts))) == INVALID
    assert not (oci.root / "n.ipynb").exists()


async def test_what_is_too_large_is_refused_at_once_or_when_it_is(oci: Oci) -> None:
    (said,) = await put(oci, 1, total_size_bytes=MAX_UPLOAD_BYTES + 1)
    assert refusal(said) == (413, "PayloadTooLarge")
    piece = b"x" * (MAX_UPLOAD_BYTES // 2)
    statuses = [
        (await oci("PUT", "n.ipynb", chunk(index, piece, total_size_bytes=None, total_chunks=None))).status
        for index in (1, 2, 3)
    ]
    assert statuses == [200, 200, 413]


async def test_uploads_of_one_path_do_not_mix(oci: Oci) -> None:
    for index in (1, 2):
        for upload in ("u-1", "u-2"):
            await put(oci, index, upload=upload)
    assert [(await put(oci, -1, upload=upload))[0].status for upload in ("u-1", "u-2")] == [200, 200]


@pytest.mark.parametrize("chunks", [1, 3])
async def test_a_conditional_last_chunk_that_comes_twice_is_answered_from_what_stands_there(
    oci: Oci, chunks: int
) -> None:
    etag = (await oci.put_notebook("n.ipynb")).etag
    if chunks == 3:
        await put(oci, 1, 2)
    last = chunk(-1, PIECES[2] if chunks == 3 else BYTES, total_chunks=chunks)
    first, again = [await oci("PUT", "n.ipynb", last, if_match=etag) for _ in range(2)]
    assert (first.status, again.status, again.etag) == (200, 200, first.etag)


async def test_a_format_without_meaning_is_none(oci: Oci) -> None:
    assert (await oci("PUT", "n.ipynb", chunk(-1, BYTES, total_chunks=1, format="NULL"))).status == 200


async def test_the_condition_counts_when_the_notebook_is_stored(oci: Oci) -> None:
    etag = (await oci.put_notebook("n.ipynb")).etag
    await put(oci, 1, 2)
    stale = await oci("PUT", "n.ipynb", chunk(-1, PIECES[2]), if_match="stale")
    assert refusal(stale) == (412, "NoEtagMatch")
    assert (await oci("GET", "n.ipynb?content=0")).etag == etag
    assert (await oci("PUT", "n.ipynb", chunk(-1, PIECES[2]), if_match=etag)).status == 200


async def test_nothing_is_kept_where_nothing_can_be_stored(oci: Oci) -> None:
    (oci.root / "file").write_text("x")
    assert (await put(oci, 1, path="no%2Fn.ipynb"))[0].status == 404
    assert refusal((await put(oci, 1, path="file%2Fn.ipynb"))[0]) == INVALID
    assert (await oci("POST", "no", chunk(1, PIECES[0]))).status == 404


async def test_an_upload_survives_a_change_of_replica(tmp_path: Path) -> None:
    """Two gateways that share their state and the folder where uploads are staged take turns."""
    (tmp_path / "files").mkdir()
    await _upload_through_two_replicas(tmp_path, {"name": "m", "kind": "local", "folder": str(tmp_path / "files")})
    assert list((tmp_path / "uploads").glob("[!.]*")) == []


async def test_replicas_that_share_no_folder_stage_uploads_in_a_mount(tmp_path: Path, s3_server: S3Server) -> None:
    await _upload_through_two_replicas(
        tmp_path, {"name": "m", "kind": "nx1", **new_bucket(s3_server)}, uploads_mount="m", uploads_folder="/nowhere"
    )


async def _upload_through_two_replicas(folder: Path, mount: dict[str, Any], **state: str) -> None:
    async def send(gateway: Clients, index: int, piece: bytes) -> int:
        return (await gateway.oci("PUT", "/Workspace/n.ipynb", chunk(index, piece))).status

    async with (
        running_gateway(folder, [mount], state=state) as one,
        running_gateway(folder, [mount], state=state) as other,
    ):
        sent = zip((one, other, one), (1, 2, -1), PIECES, strict=True)
        assert [await send(*each) for each in sent] == [200, 200, 200]
        read = await other.jupyter("GET", "/contents/m/n.ipynb?type=file&hash=1")
        assert read.json()["hash"] == hashlib.sha256(BYTES).hexdigest()
        listed = await one.jupyter("GET", "/contents/m")
        assert [each["name"] for each in listed.json()["content"]] == ["n.ipynb"]
