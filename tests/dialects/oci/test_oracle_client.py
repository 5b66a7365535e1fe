"""Oracle's own client works against the dialect unmodified, in both of its path encodings (spec oci 2.1, 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.dialects.oci.app import NOTEBOOK, PLATFORM, WORKSPACE, Oci

dp = pytest.importorskip("aidp_python_client.aidataplatform_dp")
oci_sdk = pytest.importorskip("oci")

FOLDER = "/Workspace/a b/ñ~x+y&z"


@cache
def _config() -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "user": "ocid1.user.oc1..test",
        "tenancy": "ocid1.tenancy.oc1..test",
        "fingerprint": ":".join(["ab"] * 16),
        "region": "us-ashburn-1",
        "key_content": pem,
    }


class OracleClient:
    """``NotebookClient`` in a thread, for one workspace."""

    def __init__(self, url: str, *, strict_encoding: bool) -> None:
        self._client = dp.NotebookClient(
            _config(), service_endpoint=url, retry_strategy=oci_sdk.retry.NoneRetryStrategy()
        )
        self._client.base_client.enable_strict_url_encoding = strict_encoding

    async def call(self, name: str, *arguments: object, **options: object) -> Any:
        method: Callable[..., Any] = getattr(self._client, name)
        return await asyncio.to_thread(method, PLATFORM, WORKSPACE, *arguments, **options)

    async def refused(self, name: str, *arguments: object, **options: object) -> tuple[int, str]:
        with pytest.raises(oci_sdk.exceptions.ServiceError) as refusal:
            await self.call(name, *arguments, **options)
        return refusal.value.status, refusal.value.code


@pytest.fixture(params=[True, False], ids=["strict", "plain"])
def client(oci: Oci, request: pytest.FixtureRequest) -> OracleClient:
    (oci.root / "a b" / "ñ~x+y&z").mkdir(parents=True)
    return OracleClient(oci.url, strict_encoding=request.param)


def _save(source: str) -> Any:
    content = {**NOTEBOOK, "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": source}]}
    return dp.models.UpdateContentDetails(type="notebook", format="json", content=content)


async def test_create_save_read_rename_and_delete(client: OracleClient) -> None:
    made = await client.call("create_content", FOLDER, dp.models.CreateContentDetails(type="notebook", ext=".ipynb"))
    assert (made.status, made.data.path, made.data.type) == (201, f"{FOLDER}/Untitled.ipynb", "notebook")
    path = f"{FOLDER}/named.ipynb"
    moved = await client.call("modify_content", made.data.path, dp.models.ModifyContentDetails(path=path))
    assert (moved.status, moved.data.path, moved.data.name) == (200, path, "named.ipynb")
    saved = await client.call("update_content", path, _save("# two"), if_match=moved.headers["etag"])
    assert (saved.status, saved.data.path) == (200, path)
    read = await client.call("get_content", path, type="notebook", content=1, format="json", hash=1)
    assert "".join(read.data.content["cells"][0]["source"]) == "# two"
    assert (read.headers["etag"], read.data.hash_algorithm) == (saved.headers["etag"], "sha256")
    assert read.data.last_modified.tzinfo is not None
    assert (await client.call("delete_content", path, if_match=read.headers["etag"])).status == 204
    assert await client.refused("get_content", path) == (404, "NotAuthorizedOrNotFound")


async def test_a_stale_save_is_refused(client: OracleClient) -> None:
    path = f"{FOLDER}/a.ipynb"
    first = (await client.call("update_content", path, _save("# one"))).headers["etag"]
    await client.call("update_content", path, _save("# two"), if_match=first)
    for name, arguments in (
        ("update_content", (path, _save("# three"))),
        ("modify_content", (path, dp.models.ModifyContentDetails(path=f"{FOLDER}/b.ipynb"))),
        ("delete_content", (path,)),
    ):
        assert await client.refused(name, *arguments, if_match=first) == (412, "NoEtagMatch")
    read = await client.call("get_content", path)
    assert "".join(read.data.content["cells"][0]["source"]) == "# two"


async def test_copy(client: OracleClient) -> None:
    path = f"{FOLDER}/a.ipynb"
    await client.call("update_content", path, _save("# one"))
    copied = await client.call("create_content", FOLDER, dp.models.CreateContentDetails(copy_from=path))
    assert (copied.status, copied.data.path) == (201, f"{FOLDER}/a-Copy1.ipynb")
    missing = dp.models.CreateContentDetails(copy_from=f"{FOLDER}/no.ipynb")
    expected = (400, "RelatedResourceNotAuthorizedOrNotFound")
    assert await client.refused("create_content", FOLDER, missing) == expected


async def test_a_retried_create_makes_one_notebook(client: OracleClient) -> None:
    asked = dp.models.CreateContentDetails(type="notebook")
    strategy = oci_sdk.retry.DEFAULT_RETRY_STRATEGY
    options = {"opc_retry_token": "token-1", "retry_strategy": strategy, "should_update_recent": True}
    first, again = [await client.call("create_content", FOLDER, asked, **options) for _ in range(2)]
    assert first.data.path == again.data.path
    assert first.headers["location"] == again.headers["location"]


async def test_directory_metadata(client: OracleClient) -> None:
    found = await client.call("get_content", FOLDER, type="directory", content=0)
    assert (found.data.type, found.data.path, found.data.format) == ("directory", FOLDER, None)
    assert await client.refused("get_content", FOLDER, type="directory", content=1) == (400, "InvalidParameter")
    assert (await client.call("get_content", "/Workspace", content=0)).data.path == "/Workspace"


async def test_the_client_sees_the_request_id_it_sent(client: OracleClient) -> None:
    found = await client.call("get_content", FOLDER, content=0, opc_request_id="test-1")
    assert found.headers["opc-request-id"] == found.request_id == "test-1"
