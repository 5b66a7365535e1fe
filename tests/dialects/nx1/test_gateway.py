"""The Nx1 API as users meet it: a whole gateway, plain ``curl``, and every way to say who one is (spec nx1 2.5, 10)."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.s3 import S3Server
from tests.dialects.nx1.driving import notebook
from tests.fakes.issuer import Issuer, running_issuer
from tests.fakes.s3 import new_bucket
from tests.matrix.households import PLATFORM_PSK, Member, psk_of, running_household

MEBIBYTE = 1 << 20

with_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed here")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture
async def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


@pytest.fixture
async def ada(issuer: Issuer, tmp_path: Path, files: Path) -> AsyncIterator[Member]:
    async with running_household(tmp_path, {"kind": "local", "folder": str(files)}, issuer=issuer) as members:
        yield members["ada"]


async def curl(*arguments: str) -> tuple[int, dict[str, object]]:
    """The status and the JSON that ``curl`` got."""
    command = ("curl", "--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    body, _, status = output.decode().rpartition("\n")
    return int(status), json.loads(body)


def big(size: int) -> bytes:
    body = notebook("# big")
    return body + b" " * (size - len(body))


@with_curl
@pytest.mark.parametrize("size", [1_000, 2 * MEBIBYTE, 50 * MEBIBYTE])
async def test_curl_uploads_and_the_bytes_are_kept(ada: Member, tmp_path: Path, files: Path, size: int) -> None:
    sent = tmp_path / "ü ñ.ipynb"
    sent.write_bytes(big(size))
    key = f"Authorization-PSK: {psk_of('ada')}"
    status, answer = await curl("-F", f"file=@{sent}", "-H", key, f"{ada.clients.url}/api/notebooks")
    assert (status, answer["s3_key"], answer["size_bytes"]) == (201, "home/ada/ü ñ.ipynb", size)
    stored = await asyncio.to_thread((files / "home" / "ada" / "ü ñ.ipynb").read_bytes)
    assert stored == await asyncio.to_thread(sent.read_bytes)


@with_curl
@pytest.mark.parametrize("more", [[], ["-H", "Transfer-Encoding: chunked"]], ids=["with its length", "chunked"])
async def test_curl_hears_that_a_file_is_one_byte_too_large(
    ada: Member, tmp_path: Path, files: Path, more: list[str]
) -> None:
    sent = tmp_path / "a.ipynb"
    sent.write_bytes(big(50 * MEBIBYTE + 1))
    key = f"Authorization-PSK: {psk_of('ada')}"
    status, answer = await curl("-F", f"file=@{sent}", "-H", key, *more, f"{ada.clients.url}/api/notebooks")
    assert (status, answer["code"]) == (413, 413)
    assert not (files / "home").exists()


@with_curl
async def test_curl_uploads_with_a_bearer_token(ada: Member, tmp_path: Path) -> None:
    sent = tmp_path / "a.ipynb"
    sent.write_bytes(notebook())
    token = ada.credentials()["jwt"]["Authorization"]
    url = f"{ada.clients.url}/api/notebooks"
    status, answer = await curl("-F", f"file=@{sent}", "-H", f"Authorization: {token}", url)
    assert (status, answer["s3_key"]) == (201, "home/ada/a.ipynb")


@with_curl
async def test_curl_hears_401_before_it_has_sent_a_large_file(ada: Member, tmp_path: Path) -> None:
    sent = tmp_path / "a.ipynb"
    sent.write_bytes(big(20 * MEBIBYTE))
    status, answer = await curl("-F", f"file=@{sent}", f"{ada.clients.url}/api/notebooks")
    assert (status, answer["code"]) == (401, 401)


async def status_of(ada: Member, method: str, path: str, headers: dict[str, str]) -> int:
    answer = await ada.clients.send(method, f"/api{path}", headers)
    if answer.status >= 400:
        assert (answer.json()["code"], set(answer.json())) == (answer.status, {"error", "code"})
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    return answer.status


async def test_either_scheme_is_enough_and_no_other_one_is(ada: Member) -> None:
    given = ada.credentials()
    expected = {"psk": 200, "jwt": 200, "token": 401, "basic": 401}
    assert {name: await status_of(ada, "GET", "/notebooks", each) for name, each in given.items()} == expected
    assert await status_of(ada, "GET", "/notebooks", {}) == 401
    assert await status_of(ada, "GET", f"/notebooks?token={given['token']['Authorization'][6:]}", {}) == 401


async def test_another_scheme_beside_a_good_key_is_no_nx1_credential(ada: Member) -> None:
    for authorization in ("token wrong", "Basic d3Jvbmc6d3Jvbmc=", "Digest x", "Signature x", ""):
        headers = {"Authorization": authorization, **ada.credentials()["psk"]}
        assert await status_of(ada, "GET", "/notebooks", headers) == 200


async def test_bad_bearer_token_is_refused_whatever_key_comes_with_it(ada: Member, issuer: Issuer) -> None:
    bad = [
        "x",
        "a.b.c",
        psk_of("ada"),
        PLATFORM_PSK,
        issuer.token(exp=1),
        issuer.token(iss="https://evil.example/realms/test"),
        issuer.token(typ="Refresh"),
        issuer.token(typ="ID"),
    ]
    for token in bad:
        headers = {"Authorization": f"Bearer {token}"}
        assert await status_of(ada, "GET", "/notebooks", headers) == 401
        assert await status_of(ada, "GET", "/notebooks", headers | ada.credentials()["psk"]) == 401


@pytest.mark.parametrize("name", [None, "", ".", "..", "a/b", "a\\b", "a\x00b", "n" * 256])
async def test_token_without_a_usable_username_is_forbidden(ada: Member, issuer: Issuer, name: str | None) -> None:
    headers = {"Authorization": f"Bearer {issuer.token(preferred_username=name)}"}
    for path in ("/notebooks", "/app"):
        assert await status_of(ada, "GET", path, headers) == 403


async def test_platform_key_manages_apps_and_has_no_home(ada: Member) -> None:
    headers = {"Authorization-PSK": PLATFORM_PSK}
    assert await status_of(ada, "GET", "/app", headers) == 200
    assert await status_of(ada, "GET", "/notebooks", headers) == 403
    made = await ada.clients.send("POST", "/api/app", headers, b'{"app_name": "a", "app_type": "full_pipeline"}')
    assert (made.status, made.json()["created_by"]) == (200, None)
    upload = await ada.clients.upload("a.ipynb", psk=PLATFORM_PSK)
    assert (upload.status, upload.json()["code"]) == (403, 403)


async def test_roles_come_with_the_token(ada: Member, issuer: Issuer) -> None:
    for roles, status in (({"roles": ["nx1_app_manager"]}, 200), ({"roles": ["other"]}, 403), (None, 403)):
        headers = {"Authorization": f"Bearer {issuer.token(realm_access=roles)}"}
        app = json.dumps({"app_name": f"a{status}"}).encode()
        assert (await ada.clients.send("POST", "/api/app", headers, app)).status == status


async def test_one_user_is_the_same_with_every_credential_in_every_dialect(ada: Member) -> None:
    given = ada.credentials()
    assert (await ada.upload("a.ipynb", notebook("# mine"))).status == 201
    etags = {}
    for name in ("token", "basic", "jwt"):
        answer = await ada.clients.send("GET", "/api/contents/m/a.ipynb", given[name])
        etags[f"jupyter {name}"] = answer.etag
    query = await ada.clients.send("GET", f"/api/contents/m/a.ipynb?token={given['token']['Authorization'][6:]}", {})
    etags["jupyter query"] = query.etag
    etags["oci signature"] = (await ada.oci("GET", "%2FWorkspace%2Fa.ipynb")).etag
    for name in ("psk", "jwt"):
        (listed,) = (await ada.clients.send("GET", "/api/notebooks", given[name])).json()
        assert (listed["s3_key"], listed["owner"]) == ("home/ada/a.ipynb", "ada")
    assert len(set(etags.values())) == 1
    assert "" not in etags.values()


async def test_deploying_takes_the_five_calls_of_the_vendors_command(ada: Member) -> None:
    """List apps, create one, list its versions, create one, activate it: with a JSON content type and no body."""
    headers = {**ada.credentials()["psk"], "Content-Type": "application/json"}

    async def send(method: str, path: str, value: object = None) -> object:
        body = None if value is None else json.dumps(value).encode()
        answer = await ada.clients.send(method, f"/api{path}", headers, body)
        assert answer.status == 200
        return answer.json()

    assert await send("GET", "/app") == []
    app = await send("POST", "/app", {"app_name": "churn"})
    assert isinstance(app, dict)
    assert await send("GET", f"/app/{app['id']}/versions") == []
    version = await send("POST", f"/app/{app['id']}/versions", {"version_name": "4f9d3c2b1a0e"})
    assert isinstance(version, dict)
    activated = await send("PUT", f"/app/versions/{version['id']}/activate")
    assert isinstance(activated, dict)
    assert activated["activated_version"]["status"] == "active"


async def test_what_is_not_built_is_refused_in_the_words_of_its_place(ada: Member) -> None:
    key = ada.credentials()["psk"]
    for path in ("/app/x/secrets", "/app/x/roles", "/notebooks/home/ada/a.ipynb/metadata"):
        assert await status_of(ada, "GET", path, key) == 404
    for path in ("/notebooks", "/app"):
        assert await status_of(ada, "OPTIONS", path, key) == 405
    unknown = await ada.clients.send("GET", "/api/user/psk", key)
    assert (unknown.status, set(unknown.json())) == (404, {"message", "reason"})


async def test_the_buckets_name_is_in_no_answer(s3_server: S3Server, tmp_path: Path) -> None:
    place = new_bucket(s3_server)
    async with running_household(tmp_path, {"kind": "nx1", **place}) as members:
        ada = members["ada"]
        app = (await ada.nx1("POST", "/app", {"app_name": "a", "app_type": "full_pipeline"})).json()["id"]
        version = (await ada.nx1("POST", f"/app/{app}/versions", {"version_name": "1"})).json()["id"]
        attach = f"/app/versions/{version}/notebook"
        answers = [
            await ada.upload("a.ipynb"),
            await ada.upload("a.txt"),
            await ada.nx1("GET", "/notebooks"),
            await ada.nx1("PUT", attach, {"s3_key": "home/ada/a.ipynb"}),
            await ada.nx1("PUT", attach, {"s3_key": "home/ada/missing.ipynb"}),
            await ada.nx1("PUT", attach, {"s3_key": f"{place['bucket']}x/a.ipynb"}),
        ]
        assert [answer.status for answer in answers] == [201, 400, 200, 200, 404, 403]
        told = b"".join(answer.body + repr(dict(answer.headers)).encode() for answer in answers)
        assert str(place["bucket"]).encode() not in told
