"""What only the OCI adapter has: signed one-segment addresses, pages, the service's quirks, creation by renaming."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from multidict import CIMultiDict, CIMultiDictProxy

from adapters.oci.backend import create
from adapters.oci.errors import problem_from
from adapters.oci.profile import load_signing_key
from gateway.contents.backend import Backend, SupportsMove
from gateway.contents.model import Absent, ETag, Kind, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.wire.client import Answer, UpstreamClient, open_session
from tests.fakes.workspace import PLATFORM_ID, PREFIX, WORKSPACE_KEY, WorkspaceEmulator, running_workspace

NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
OTHER = b'{"cells": [], "metadata": {"a": 1}, "nbformat": 4, "nbformat_minor": 5}'
PATH = ContentPath.parse("a.ipynb")


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    session = open_session()
    yield session
    await session.close()


@pytest.fixture
def backend(workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path) -> Backend:
    return backend_of(workspace, session, tmp_path)


def backend_of(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, temporary: Path, **options: Any
) -> Backend:
    client = UpstreamClient(session, max_body_bytes=1 << 20)
    return create(client, **(workspace.mount_options(temporary) | options))


async def names_of(backend: Backend, path: ContentPath = ContentPath.ROOT) -> list[str]:
    return sorted(entry.name for entry in (await backend.list(path)).entries)


def failing(status: int, body: str, times: int = 1, method: str = "GET") -> Any:
    """A fault that answers the first calls of a method with this status."""
    left = [times]

    def fault(request: web.Request) -> web.Response | None:
        if request.method != method or not left[0]:
            return None
        left[0] -= 1
        return web.Response(status=status, text=body, content_type="application/json")

    return fault


# -- addresses -------------------------------------------------------------------------------------------------------


async def test_a_path_is_one_encoded_segment(workspace: WorkspaceEmulator, backend: Backend) -> None:
    await backend.make_directory(ContentPath.parse("a b"))
    path = ContentPath.parse("a b/ñ~x+y&z%2F'1.ipynb")
    await backend.write(path, NOTEBOOK)
    expected = "%2FWorkspace%2Fa%20b%2F%C3%B1~x%2By%26z%252F%271.ipynb"
    assert ("PUT", f"{PREFIX}/notebook/api/contents/{expected}") in workspace.requests
    assert (await backend.read(path)).entry.path == path


async def test_folder_and_base_path_are_configurable(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path, backend: Backend
) -> None:
    await backend.make_directory(ContentPath.parse("team"))
    inner = backend_of(workspace, session, tmp_path, folder="/Workspace/team/")
    await inner.write(PATH, NOTEBOOK)
    assert await names_of(backend, ContentPath.parse("team")) == ["a.ipynb"]
    other = backend_of(workspace, session, tmp_path, base_path="/api")
    with pytest.raises(Problem) as caught:
        await other.probe()
    assert caught.value.code is Code.UPSTREAM
    assert workspace.requests[-1] == ("GET", f"/api{PREFIX}")


async def test_probe_asks_for_the_workspace_itself(workspace: WorkspaceEmulator, backend: Backend) -> None:
    await backend.probe()
    assert workspace.requests == [("GET", PREFIX)]


async def test_a_missing_base_folder_is_our_fault_and_not_an_empty_root(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    misplaced = backend_of(workspace, session, tmp_path, folder="Workspace/nowhere")
    with pytest.raises(Problem) as caught:
        await misplaced.list(ContentPath.ROOT)
    assert caught.value.code is Code.UPSTREAM


async def test_an_unregistered_key_is_the_gateways_problem(workspace: WorkspaceEmulator, backend: Backend) -> None:
    workspace.keys.clear()
    with pytest.raises(Problem) as caught:
        await backend.stat(PATH)
    assert caught.value.code is Code.UPSTREAM


# -- listings --------------------------------------------------------------------------------------------------------


async def test_a_listing_has_all_pages(workspace: WorkspaceEmulator, backend: Backend) -> None:
    for number in range(230):
        workspace.tree.put(("Workspace", f"{number:03}.txt"), b"")
    assert await names_of(backend) == [f"{number:03}.txt" for number in range(230)]
    assert len([target for _, target in workspace.requests if "/objects?" in target]) == 3


async def test_a_listing_that_repeats_its_pages_is_refused(workspace: WorkspaceEmulator, backend: Backend) -> None:
    def endless(request: web.Request) -> web.Response | None:
        if "/objects" not in request.raw_path:
            return None
        return web.json_response({"items": []}, headers={"opc-next-page": "again"})

    workspace.habits.fault = endless
    with pytest.raises(Problem) as caught:
        await backend.list(ContentPath.ROOT)
    assert caught.value.code is Code.UPSTREAM


async def test_the_composite_etag_is_never_taken_for_a_contents_etag(backend: Backend) -> None:
    await backend.write(PATH, NOTEBOOK)
    (entry,) = (await backend.list(ContentPath.ROOT)).entries
    assert (entry.etag, entry.size, entry.kind) == (None, None, Kind.NOTEBOOK)


async def test_listing_and_stat_agree_on_kind_and_date(backend: Backend) -> None:
    await backend.write(PATH, NOTEBOOK)
    await backend.write(ContentPath.parse("b.bin"), b"\xff\x00")
    await backend.make_directory(ContentPath.parse("c"))
    listing = await backend.list(ContentPath.ROOT)
    for entry in listing.entries:
        stood = await backend.stat(entry.path)
        assert (stood.kind, stood.modified, stood.created) == (entry.kind, entry.modified, entry.created)
    assert await backend.stat(ContentPath.ROOT) == listing.entry


# -- creation by renaming --------------------------------------------------------------------------------------------


async def test_creation_leaves_nothing_under_the_spare_name(workspace: WorkspaceEmulator, backend: Backend) -> None:
    written = await backend.write(PATH, NOTEBOOK, precondition=Absent())
    assert written.created
    assert written.entry == await backend.stat(PATH)
    assert [method for method, _ in workspace.requests[:4]] == ["GET", "POST", "PUT", "PATCH"]
    assert await names_of(backend) == ["a.ipynb"]


async def test_one_of_many_racing_creations_wins(backend: Backend) -> None:
    bodies = [NOTEBOOK.replace(b'"metadata": {}', f'"metadata": {{"n": {n}}}'.encode()) for n in range(8)]
    results = await asyncio.gather(
        *(backend.write(PATH, body, precondition=Absent()) for body in bodies), return_exceptions=True
    )
    codes = [result.code for result in results if isinstance(result, Problem)]
    assert codes == [Code.PRECONDITION] * 7
    assert await names_of(backend) == ["a.ipynb"]


async def test_a_name_taken_just_before_the_renaming_is_a_failed_precondition(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    def taken(request: web.Request) -> web.Response | None:
        if request.method == "PATCH":
            workspace.tree.put(("Workspace", "a.ipynb"), OTHER)
        return None

    workspace.habits.fault = taken
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, NOTEBOOK, precondition=Absent())
    assert caught.value.code is Code.PRECONDITION
    assert await names_of(backend) == ["a.ipynb"]
    assert (await backend.read(PATH)).body == OTHER


async def test_a_failed_creation_is_cleaned_up(workspace: WorkspaceEmulator, backend: Backend) -> None:
    workspace.habits.fault = failing(503, '{"code": "ServiceUnavailable", "message": "later"}', method="PUT")
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, NOTEBOOK, precondition=Absent())
    assert caught.value.code is Code.UNAVAILABLE
    assert await names_of(backend) == []


async def test_a_cancelled_creation_is_cleaned_up(workspace: WorkspaceEmulator, backend: Backend) -> None:
    writing: list[asyncio.Task[Any]] = []

    def cancel(request: web.Request) -> web.Response | None:
        if request.method != "PATCH":
            return None
        writing[0].cancel()
        return web.Response(status=503)

    workspace.habits.fault = cancel
    writing.append(asyncio.create_task(backend.write(PATH, NOTEBOOK, precondition=Absent())))
    with pytest.raises(asyncio.CancelledError):
        await writing[0]
    assert await names_of(backend) == []


async def test_where_a_save_does_not_create_the_file_is_made_first(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.put_creates = False
    for name, body in (("a.ipynb", NOTEBOOK), ("plain", b"text"), ("x.tar.gz", b"\xff")):
        written = await backend.write(ContentPath.parse(name), body)
        assert written.created
        assert (await backend.read(written.entry.path)).body.replace(b" ", b"") == body.replace(b" ", b"")
    assert await names_of(backend) == ["a.ipynb", "plain", "x.tar.gz"]
    assert not (await backend.write(PATH, OTHER)).created


async def test_a_save_below_a_missing_folder_is_not_found(workspace: WorkspaceEmulator, backend: Backend) -> None:
    with pytest.raises(Problem) as caught:
        await backend.write(ContentPath.parse("no/a.ipynb"), NOTEBOOK)
    assert caught.value.code is Code.NOT_FOUND
    assert not [path for path in workspace.tree.nodes if len(path) > 1]


async def test_if_match_on_a_path_where_nothing_stands_is_a_failed_precondition(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.fault = failing(404, '{"code": "NotAuthorizedOrNotFound", "message": ""}', method="PUT")
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, NOTEBOOK, precondition=Matches(ETag("old")))
    assert caught.value.code is Code.PRECONDITION


async def test_a_notebook_that_is_no_json_object_is_never_spliced(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    for body in (b"", b"[]", b"not json", NOTEBOOK + b', "type": "file"', b'{"a": "\xff"}', b'{"a": NaN}'):
        with pytest.raises(Problem) as caught:
            await backend.write(PATH, body)
        assert caught.value.code is Code.UNPROCESSABLE
    assert not [method for method, _ in workspace.requests if method == "PUT"]


async def test_integers_beyond_64_bits_survive(backend: Backend) -> None:
    body = NOTEBOOK.replace(b'"metadata": {}', b'"metadata": {"n": 123456789012345678901234567890}')
    await backend.write(PATH, body)
    assert b"123456789012345678901234567890" in (await backend.read(PATH)).body


# -- folders ---------------------------------------------------------------------------------------------------------


async def test_a_folder_whose_name_no_header_can_carry_is_made_by_renaming(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    path = ContentPath.parse("Prüfung")
    entry = await backend.make_directory(path)
    assert entry == await backend.stat(path)
    assert not [target for method, target in workspace.requests if method == "POST" and "/objects" in target]
    with pytest.raises(Problem) as caught:
        await backend.make_directory(path)
    assert caught.value.reason is Reason.EXISTS
    assert await names_of(backend) == ["Prüfung"]


async def test_a_folder_that_must_be_empty_to_go_is_emptied_first(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.recursive_delete = False
    folder = await backend.make_directory(ContentPath.parse("a"))
    await backend.make_directory(ContentPath.parse("a/b"))
    await backend.write(ContentPath.parse("a/b/c.ipynb"), NOTEBOOK)
    await backend.write(ContentPath.parse("a/d.txt"), b"d")
    await backend.delete(folder.path)
    assert await names_of(backend) == []


async def test_a_busy_resource_is_a_conflict_that_may_be_retried(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    await backend.write(PATH, NOTEBOOK)
    body = '{"code": "IncorrectState", "message": "try again later"}'
    workspace.habits.fault = failing(409, body, times=3, method="DELETE")
    with pytest.raises(Problem) as caught:
        await backend.delete(PATH)
    assert (caught.value.code, caught.value.reason, caught.value.retryable) == (Code.CONFLICT, Reason.BUSY, True)


async def test_a_renamed_folder_takes_its_contents_along(backend: Backend) -> None:
    assert isinstance(backend, SupportsMove)
    await backend.make_directory(ContentPath.parse("a"))
    await backend.write(ContentPath.parse("a/n.ipynb"), NOTEBOOK)
    moved = await backend.move(ContentPath.parse("a"), ContentPath.parse("b"))
    assert moved == await backend.stat(ContentPath.parse("b"))
    assert await names_of(backend, moved.path) == ["n.ipynb"]


# -- quirks of the service -------------------------------------------------------------------------------------------


async def test_a_missing_notebook_reported_as_internal_error_is_missing(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    workspace.habits.missing_is_internal_error = True
    with pytest.raises(Problem) as caught:
        await backend.read(PATH)
    assert caught.value.code is Code.NOT_FOUND
    assert (await backend.write(PATH, NOTEBOOK)).created


async def test_paths_without_leading_slash_and_numeric_dates_are_understood(
    workspace: WorkspaceEmulator, backend: Backend
) -> None:
    before = (await backend.write(PATH, NOTEBOOK, precondition=Absent())).entry
    workspace.habits.leading_slash, workspace.habits.numeric_dates = False, True
    after = await backend.stat(PATH)
    assert abs((after.modified - before.modified).total_seconds()) < 0.001
    assert await names_of(backend) == ["a.ipynb"]
    await backend.write(ContentPath.parse("b.ipynb"), NOTEBOOK, precondition=Absent())
    assert await names_of(backend) == ["a.ipynb", "b.ipynb"]


@pytest.mark.parametrize("form", ["{}", '"{}"', 'W/"{}"'])
async def test_an_etag_is_handed_back_as_it_came(workspace: WorkspaceEmulator, backend: Backend, form: str) -> None:
    workspace.habits.etag_form = form
    written = (await backend.write(PATH, NOTEBOOK)).entry
    assert written.etag == workspace.tree.get(("Workspace", "a.ipynb")).etag
    again = await backend.write(PATH, OTHER, precondition=Matches(written.etag))
    assert again.entry.etag != written.etag
    with pytest.raises(Problem) as caught:
        await backend.delete(PATH, precondition=Matches(written.etag))
    assert caught.value.code is Code.PRECONDITION


async def test_an_answer_without_etag_after_a_save_is_asked_for(workspace: WorkspaceEmulator, backend: Backend) -> None:
    await backend.write(PATH, NOTEBOOK)
    workspace.habits.fault = failing(200, "{}", method="PUT")
    assert (await backend.write(PATH, OTHER)).entry == await backend.stat(PATH)


async def test_html_from_the_edge_is_unavailability(workspace: WorkspaceEmulator, backend: Backend) -> None:
    workspace.habits.fault = failing(502, "<html>Bad Gateway</html>")
    with pytest.raises(Problem) as caught:
        await backend.read(PATH)
    assert caught.value.code is Code.UNAVAILABLE


@pytest.mark.parametrize("body", ["", "<html></html>", "[]", '{"content": 1}', '{"type": "notebook", "content": null}'])
async def test_nonsense_with_status_200_is_an_upstream_problem(
    workspace: WorkspaceEmulator, backend: Backend, body: str
) -> None:
    workspace.habits.fault = failing(200, body)
    with pytest.raises(Problem) as caught:
        await backend.read(PATH)
    assert caught.value.code is Code.UPSTREAM


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"code": "InvalidParameter", "message": "secret path", "reason": "bad type"}', Code.INVALID),
        (401, b'{"code": "NotAuthenticated", "message": ""}', Code.UPSTREAM),
        (401, b"<html>", Code.UPSTREAM),
        (403, b'{"code": "NotAllowed", "message": ""}', Code.FORBIDDEN),
        (404, b'{"code": "NotAuthorizedOrNotFound", "message": ""}', Code.NOT_FOUND),
        (404, b"", Code.NOT_FOUND),
        (404, b"<html>", Code.UPSTREAM),
        (405, b'{"code": "MethodNotAllowed", "message": ""}', Code.UPSTREAM),
        (409, b'{"code": "Conflict", "message": ""}', Code.CONFLICT),
        (412, b'{"code": "NoEtagMatch", "message": ""}', Code.PRECONDITION),
        (413, b'{"code": "PayloadTooLarge", "message": ""}', Code.TOO_LARGE),
        (422, b'{"code": "UnprocessableEntity", "message": ""}', Code.UNPROCESSABLE),
        (429, b'{"code": "TooManyRequests", "message": ""}', Code.THROTTLED),
        (500, b'{"code": "InternalError", "message": "while getting notebook content"}', Code.NOT_FOUND),
        (500, b'{"code": "InternalError", "message": "else"}', Code.UPSTREAM),
        (500, b"<html>", Code.UNAVAILABLE),
        (501, b'{"code": "MethodNotImplemented", "message": ""}', Code.UNSUPPORTED),
        (503, b'{"code": "ServiceUnavailable", "message": ""}', Code.UNAVAILABLE),
        (504, b'{"code": "ExternalServerTimeout", "message": ""}', Code.TIMEOUT),
        (302, b"", Code.UPSTREAM),
    ],
)
def test_every_answer_of_the_service_is_a_problem(status: int, body: bytes, code: Code) -> None:
    problem = problem_from(Answer(status, CIMultiDictProxy(CIMultiDict({"Retry-After": "7"})), body))
    assert problem.code is code
    assert "secret" not in problem.detail
    if code in (Code.THROTTLED, Code.UNAVAILABLE):
        assert problem.retry_after_seconds == 7


# -- profiles --------------------------------------------------------------------------------------------------------


def test_a_profile_names_the_key_and_may_protect_it_with_a_pass_phrase(tmp_path: Path) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_key(tmp_path, private, b"100%")
    write_profile(tmp_path, "pass_phrase=100%")
    key = load_signing_key(str(tmp_path / "config"), "TEAM")
    assert key.key_id == "t/u/f"
    assert key.private_key.private_numbers() == private.private_numbers()


@pytest.mark.parametrize("profile", ["TEAM", "OTHER"])
def test_an_unusable_profile_is_refused_without_details(tmp_path: Path, profile: str) -> None:
    write_key(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    write_profile(tmp_path)
    with pytest.raises(Problem) as caught:
        load_signing_key(str(tmp_path / "config"), profile)
    assert caught.value.code is Code.INTERNAL
    assert str(tmp_path) not in caught.value.detail


def test_a_missing_config_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        load_signing_key(str(tmp_path / "none"), "DEFAULT")
    assert caught.value.code is Code.INTERNAL


async def test_a_long_key_signs_as_well(
    workspace: WorkspaceEmulator, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    write_key(tmp_path, private)
    write_profile(tmp_path)
    workspace.keys["t/u/f"] = private.public_key()
    client = UpstreamClient(session, max_body_bytes=1 << 20)
    named = {"platform_id": PLATFORM_ID, "workspace_key": WORKSPACE_KEY, "endpoint": workspace.url}
    backend = create(client, config_file=str(tmp_path / "config"), profile="TEAM", **named)
    assert (await backend.write(PATH, NOTEBOOK)).created


def write_key(
    folder: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, pass_phrase: bytes | None = None
) -> None:
    protection = serialization.BestAvailableEncryption(pass_phrase) if pass_phrase else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, protection))


def write_profile(folder: Path, *lines: str) -> None:
    values = ["[TEAM]", "user=u", "tenancy=t", "fingerprint=f", "key_file=key.pem", *lines]
    (folder / "config").write_text("\n".join(values))
