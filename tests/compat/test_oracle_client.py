"""Oracle's own client, unmodified and with its own signer, against the whole gateway (spec oci 2.1, 10).

Both encodings that its releases send are tried: a path as one ``%2F`` segment (``strict``, what Oracle's command line
sends) and with plain slashes (``plain``, the Python client's default).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from gateway.demo.s3 import S3Server
from gateway.server.certificates import server_context, write_dev_certificate
from gateway.wire.signature import sign
from tests.compat.oracle_client import GONE, OracleClient, creation, dp, gateway_over, oci_sdk, rename_to, save_of
from tests.fakes.jupyter import JupyterServer
from tests.gateways import PLATFORM_ID, Clients, running_gateway, signing_key
from tests.matrix.stores import STORES, Servers

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(STORES))
async def gateway(
    request: pytest.FixtureRequest,
    s3_server: S3Server,
    jupyter_server: JupyterServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Clients]:
    servers = Servers(s3_server, jupyter_server)
    async with gateway_over(request.param, servers, tmp_path_factory.mktemp("oracle-client")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", params=[True, False], ids=["strict", "plain"])
async def client(gateway: Clients, request: pytest.FixtureRequest) -> AsyncIterator[OracleClient]:
    with closing(OracleClient.at(gateway.url, strict=request.param)) as opened:
        yield await opened.in_new_folder()


async def test_create_rename_save_read_and_delete(client: OracleClient) -> None:
    made = await client.call("create_content", client.folder, creation(type="notebook", ext=".ipynb"))
    untitled = f"{client.folder}/Untitled.ipynb"
    assert (made.status, made.data.path, made.data.type) == (201, untitled, "notebook")
    path = f"{client.folder}/named.ipynb"
    moved = await client.call("modify_content", untitled, rename_to(path), if_match=made.headers["etag"])
    assert (moved.status, moved.data.path, moved.data.name) == (200, path, "named.ipynb")
    saved = await client.saved(path, "# two", if_match=moved.headers["etag"])
    assert (saved.status, saved.data.path) == (200, path)
    read = await client.call("get_content", path, type="notebook", content=1, format="json", hash=1)
    assert "".join(read.data.content["cells"][0]["source"]) == "# two"
    assert (read.headers["etag"], read.data.hash_algorithm) == (saved.headers["etag"], "sha256")
    assert read.headers["last-modified"].endswith("GMT")
    assert read.data.created.tzinfo is not None
    assert read.data.last_modified.tzinfo is not None
    gone = await client.call("delete_content", path, if_match=read.headers["etag"])
    assert (gone.status, gone.data) == (204, None)
    for each in (untitled, path):
        assert await client.refused("get_content", each) == GONE
        assert await client.refused("delete_content", each) == GONE


@pytest.mark.parametrize("spelling", ["{}", '"{}"'])
async def test_a_stale_change_is_refused_and_changes_nothing(client: OracleClient, spelling: str) -> None:
    path, other = f"{client.folder}/a.ipynb", f"{client.folder}/b.ipynb"
    first = spelling.format((await client.saved(path, "# one")).headers["etag"])
    second = (await client.saved(path, "# two", if_match=first)).headers["etag"]
    assert second not in first
    for name, arguments in (
        ("update_content", (path, save_of("# three"))),
        ("modify_content", (path, rename_to(other))),
        ("delete_content", (path,)),
    ):
        assert await client.refused(name, *arguments, if_match=first) == (412, "NoEtagMatch")
    assert await client.text_at(path) == "# two"
    assert await client.refused("get_content", other) == GONE
    assert (await client.call("get_content", path, content=0)).headers["etag"] == second


async def test_copy(client: OracleClient) -> None:
    path = f"{client.folder}/a.ipynb"
    await client.saved(path, "# one")
    copied = await client.call("create_content", client.folder, creation(copy_from=path))
    assert (copied.status, copied.data.path) == (201, f"{client.folder}/a-Copy1.ipynb")
    assert await client.text_at(copied.data.path) == "# one"
    missing = creation(copy_from=f"{client.folder}/no.ipynb")
    expected = (400, "RelatedResourceNotAuthorizedOrNotFound")
    assert await client.refused("create_content", client.folder, missing) == expected


async def test_a_rename_onto_something_is_refused(client: OracleClient) -> None:
    one, two = f"{client.folder}/one.ipynb", f"{client.folder}/two.ipynb"
    await client.saved(one, "# one")
    await client.saved(two, "# two")
    assert await client.refused("modify_content", one, rename_to(two)) == (409, "Conflict")
    assert (await client.text_at(one), await client.text_at(two)) == ("# one", "# two")


async def test_a_repeated_create_makes_one_notebook(client: OracleClient) -> None:
    """With the client's own retries switched on, as it then adds headers of its own."""
    strategy = oci_sdk.retry.DEFAULT_RETRY_STRATEGY
    options = {"retry_strategy": strategy, "should_update_recent": True, "datalake_tenant_id": "tenant"}
    token, asked = token_hex(32), creation(type="notebook")
    first, again = [
        await client.call("create_content", client.folder, asked, opc_retry_token=token, **options) for _ in range(2)
    ]
    assert (first.status, again.status) == (201, 201)
    assert first.data.path == again.data.path
    for name in ("etag", "location"):
        assert first.headers[name] == again.headers[name]
    other = await client.call("create_content", client.folder, asked, **options)
    assert other.data.path != first.data.path
    invalidated = (409, "InvalidatedRetryToken")
    changed = creation(type="file")
    assert await client.refused("create_content", client.folder, changed, opc_retry_token=token) == invalidated
    await client.call("delete_content", first.data.path)
    assert await client.refused("create_content", client.folder, asked, opc_retry_token=token) == invalidated


async def test_location_leads_to_what_was_made(client: OracleClient, gateway: Clients) -> None:
    made = await client.call("create_content", client.folder, creation(type="notebook"))
    assert made.headers["location"].startswith(f"{gateway.url}/20260430/aiDataPlatforms/{PLATFORM_ID}/")
    url = URL(made.headers["location"], encoded=True)
    assert url.raw_name.startswith("%2FWorkspace%2F")
    found = await gateway.send("GET", url, sign(signing_key(), "GET", url, {}, b""))
    assert (found.json()["path"], found.etag) == (made.data.path, made.headers["etag"])


async def test_directory_metadata_but_no_listing(client: OracleClient) -> None:
    found = await client.call("get_content", client.folder, type="directory", content=0)
    assert (found.data.type, found.data.path, found.data.format) == ("directory", client.folder, None)
    listing = await client.refused("get_content", client.folder, type="directory", content=1)
    assert listing == (400, "InvalidParameter")
    assert (await client.call("get_content", "/Workspace", content=0)).data.path == "/Workspace"


async def test_text_and_bytes_are_files(client: OracleClient) -> None:
    path = f"{client.folder}/t.txt"
    details = dp.models.UpdateContentDetails(type="file", format="text", content="héllo")
    await client.call("update_content", path, details)
    read = await client.call("get_content", path, type="file", format="base64")
    assert (read.data.content, read.data.format, read.data.mimetype) == ("aMOpbGxv\n", "base64", "text/plain")


async def test_what_the_client_cannot_have_is_said_at_once(client: OracleClient) -> None:
    """With its retries on: an answer that it takes for a passing fault would be asked for again for ten minutes."""
    async with asyncio.timeout(5):
        refusal = await client.objects().refused(
            "download_workspace_object_with_par", client.folder, retry_strategy=oci_sdk.retry.DEFAULT_RETRY_STRATEGY
        )
    assert refusal == (501, "MethodNotImplemented")


async def test_the_client_sees_the_request_id_it_sent(client: OracleClient) -> None:
    found = await client.call("get_content", client.folder, content=0, opc_request_id="test-1")
    assert found.headers["opc-request-id"] == found.request_id == "test-1"


# -- once, over a local folder ---------------------------------------------------------------------------------------


@asynccontextmanager
async def over_a_folder(folder: Path, **options: Any) -> AsyncIterator[Clients]:
    (folder / "files").mkdir()
    mount = {"name": "m", "kind": "local", "folder": str(folder / "files")}
    async with running_gateway(folder, [mount], **options) as running:
        yield running


async def test_a_key_that_nobody_registered_is_not_authenticated(tmp_path: Path) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    refused = (401, "NotAuthenticated")
    async with over_a_folder(tmp_path) as gateway:
        with closing(OracleClient.at(gateway.url, strict=True, key=stranger)) as client:
            assert await client.refused("get_content", "/Workspace", content=0) == refused
            assert await client.refused("update_content", "/Workspace/a.ipynb", save_of("x")) == refused


async def test_an_endpoint_with_api_in_front_is_the_same_workspace(tmp_path: Path) -> None:
    path = "/Workspace/a.ipynb"
    async with over_a_folder(tmp_path) as gateway:
        with closing(OracleClient.at(gateway.url, strict=True)) as client:
            first = (await client.saved(path, "# one")).headers["etag"]
        with closing(OracleClient.at(f"{gateway.url}/api", strict=True)) as client:
            again = await client.saved(path, "# two", if_match=first)
            assert again.headers["location"].startswith(f"{gateway.url}/api/20260430/")


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "plain"])
async def test_the_client_works_over_tls_with_a_development_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strict: bool
) -> None:
    authority, certificate, key = write_dev_certificate(tmp_path / "tls", [])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    async with over_a_folder(tmp_path, tls=server_context(certificate, key)) as gateway:
        with closing(OracleClient.at(gateway.url, strict=strict)) as opened:
            client = await opened.in_new_folder()
            path = f"{client.folder}/a.ipynb"
            first = (await client.saved(path, "# one")).headers["etag"]
            second = await client.saved(path, "# two", if_match=first)
            assert second.headers["location"].startswith("https://")
            assert await client.refused("delete_content", path, if_match=first) == (412, "NoEtagMatch")
            assert await client.text_at(path) == "# two"
        await asyncio.sleep(0.1)  # for the gateway to hear of it
