"""Attaching a notebook to a version (spec nx1 6.3 and 6.4; section 11, vectors 9 and 11 to 13)."""

from __future__ import annotations

import hashlib
import json
from uuid import uuid4

import pytest

from gateway.contents.backend import Capability
from tests.dialects.nx1.driving import BO, MAX_UPLOAD_BYTES, PLATFORM, Nx1, notebook

KEY = "home/ada/a.ipynb"


async def test_attached_pointer_names_the_stored_bytes(nx1: Nx1) -> None:
    body = notebook("# ü")
    await nx1.upload_file("a.ipynb", body)
    version_id = await nx1.version()
    answer = await nx1.attach(version_id, KEY)
    assert answer.status == 200
    component = answer.json()
    assert (component["app_version_id"], component["component_type"]) == (version_id, "notebook")
    assert (component["created_by"], component["updated_by"], component["updated_date"]) == ("ada", None, None)
    text = component["properties_json"]
    assert " " not in text
    digest = hashlib.sha256(body).hexdigest()
    pointer = json.loads(text)
    assert pointer == {"s3_key": KEY, "sha256": digest, "size_bytes": len(body), "etag": pointer["etag"]}
    assert (await nx1.send("GET", f"/api/app/versions/{version_id}/notebook")).json() == component
    assert (await nx1.send("GET", f"/api/app/versions/{version_id}/components")).json() == [component]


async def test_pointer_stays_until_attached_again(nx1: Nx1) -> None:
    version_id = await nx1.version()
    await nx1.upload_file("a.ipynb", notebook("# one"))
    first = (await nx1.attach(version_id, KEY)).json()
    await nx1.upload_file("a.ipynb", notebook("# two"))
    assert (await nx1.send("GET", f"/api/app/versions/{version_id}/notebook")).json() == first
    second = (await nx1.attach(version_id, KEY)).json()
    assert json.loads(second["properties_json"])["sha256"] == hashlib.sha256(notebook("# two")).hexdigest()
    for unchanged in ("id", "created_by", "created_date"):
        assert second[unchanged] == first[unchanged]
    assert second["updated_by"] == "ada"
    assert second["updated_date"].endswith("Z")


@pytest.mark.parametrize(
    ("type_", "status"),
    [("hand_authored", 409), ("notebook_pipeline", 200), ("inference_service", 409), ("full_pipeline", 200)],
)
async def test_app_type_decides_whether_a_notebook_is_taken(nx1: Nx1, type_: str, status: int) -> None:
    await nx1.upload_file("a.ipynb")
    answer = await nx1.attach(await nx1.version(type_), KEY)
    assert answer.status == status
    if status == 409:
        assert "full_pipeline, notebook_pipeline" in answer.json()["error"]


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("home/adam/x.ipynb", 403),
        ("home/ada2/x.ipynb", 403),
        ("deps/x.ipynb", 403),
        ("x.ipynb", 403),
        ("home/x.ipynb", 403),
        ("home/ada/../bo/x.ipynb", 400),
        ("home/ada/./x.ipynb", 400),
        ("home/ada//x.ipynb", 400),
        ("/home/ada/x.ipynb", 400),
        ("home/ada/x.ipynb/", 400),
        ("home/ada/x.txt", 400),
        ("home/ada/X.IPYNB", 400),
        ("home/ada/.ipynb", 400),
        ("home/ada/a\\x.ipynb", 400),
        ("home/ada/a\x00x.ipynb", 400),
        ("home/ada/a\x85x.ipynb", 400),
        ("home/ada/" + "n" * 250 + ".ipynb", 400),
        ("home", 400),
        ("HOME/ada/x.ipynb", 403),
        ("home/Ada/x.ipynb", 403),
        ("home/ada%2Fx.ipynb", 403),
        ("home/ada/" + "d/" * 600 + "x.ipynb", 400),
        ("", 400),
        ("home/ada/missing.ipynb", 404),
        ("home/ada/sub/missing.ipynb", 404),
        ("home/ada/.ipynb_checkpoints/x.ipynb", 404),
    ],
)
async def test_key_outside_or_malformed_is_refused(nx1: Nx1, key: str, status: int) -> None:
    answer = await nx1.attach(await nx1.version(), key)
    assert (answer.status, answer.json()["code"], "detail" in answer.json()) == (status, status, False)


async def test_key_in_a_folder_of_the_home_is_taken(nx1: Nx1) -> None:
    nx1.store("home/ada/team work/ü.ipynb", notebook())
    answer = await nx1.attach(await nx1.version(), "home/ada/team work/ü.ipynb")
    assert json.loads(answer.json()["properties_json"])["s3_key"] == "home/ada/team work/ü.ipynb"


@pytest.mark.parametrize("body", [b"{}", b'{"s3_key": 5}', b'{"s3_key": null}', b"{", b"", b"[]"])
async def test_body_without_a_key_fails_validation(nx1: Nx1, body: bytes) -> None:
    answer = await nx1.send("PUT", f"/api/app/versions/{uuid4()}/notebook", body)
    assert (answer.status, answer.json()["detail"][0]["loc"][0]) == (422, "body")


async def test_stored_object_that_is_no_notebook_is_unprocessable(nx1: Nx1) -> None:
    nx1.store(KEY, b"{}")
    answer = await nx1.attach(await nx1.version(), KEY)
    assert (answer.status, "detail" in answer.json()) == (422, False)


async def test_stored_object_over_the_limit_is_too_large_before_it_is_judged(nx1: Nx1) -> None:
    nx1.store(KEY, b" " * (MAX_UPLOAD_BYTES + 1))
    assert (await nx1.attach(await nx1.version(), KEY)).status == 413


@pytest.mark.parametrize(
    ("missing", "status"),
    [({Capability.BYTE_EXACT}, 200), ({Capability.NATIVE_HASH}, 200), (set(Capability), 409)],
    ids=["hash only", "bytes only", "neither"],
)
async def test_store_must_tell_its_own_bytes(nx1: Nx1, missing: set[Capability], status: int) -> None:
    await nx1.upload_file("a.ipynb")
    version_id = await nx1.version()
    nx1.backend.capabilities -= missing
    assert (await nx1.attach(version_id, KEY)).status == status


async def test_checks_come_in_the_contracts_order(nx1: Nx1) -> None:
    hand_authored = await nx1.version("hand_authored")
    assert (await nx1.attach("no-uuid", "x")).status == 422
    assert (await nx1.attach(str(uuid4()), "home/bo/x.txt")).status == 400
    assert (await nx1.attach(str(uuid4()), "home/bo/x.ipynb")).status == 403
    assert (await nx1.attach(str(uuid4()), "home/ada/missing.ipynb")).status == 404
    assert (await nx1.attach(hand_authored, "home/ada/missing.ipynb")).status == 409
    nx1.backend.capabilities = frozenset()
    assert (await nx1.attach(await nx1.version(), "home/ada/missing.ipynb")).status == 409
    nx1.caller = BO
    assert (await nx1.attach(hand_authored, "home/bo/missing.ipynb")).status == 403


async def test_platform_key_has_no_home_to_attach_from(nx1: Nx1) -> None:
    version_id = await nx1.version()
    nx1.caller = PLATFORM
    assert (await nx1.attach(version_id, "home/ada/x.txt")).status == 400
    assert (await nx1.attach(version_id, KEY)).status == 403


async def test_reference_is_missing_on_a_bare_and_on_an_unknown_version(nx1: Nx1) -> None:
    for version_id, status in ((await nx1.version(), 404), (str(uuid4()), 404), ("no-uuid", 422)):
        answer = await nx1.send("GET", f"/api/app/versions/{version_id}/notebook")
        assert (answer.status, answer.json()["code"]) == (status, status)
