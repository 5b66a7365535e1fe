"""Large files of an OCI workspace travel past its API, where that is offered and safe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from adapters.oci import par
from adapters.oci.backend import OciBackend
from gateway.contents.model import Absent, ETag, Matches
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Code, Problem, Reason
from gateway.server.listening import listening
from tests.adapters.oci_steps import Stand, standing

PATH = ContentPath.parse("a.bin")
LARGE = b"\x00large\xff" * (2 << 20)


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    assert len(LARGE) > par.LARGE_BYTES
    async with standing(tmp_path) as stand:
        yield stand


@pytest.fixture
def backend(stand: Stand) -> OciBackend:
    return stand.backend()


async def test_a_large_file_goes_up_and_comes_down_past_the_api(stand: Stand, backend: OciBackend) -> None:
    unsigned: list[tuple[str, set[str]]] = []

    def watch(request: web.Request) -> None:
        if request.raw_path.startswith("/p/"):
            unsigned.append((request.method, {name.lower() for name in request.headers}))

    stand.workspace.habits.fault = watch
    written = await backend.write(PATH, LARGE)
    assert written.created
    document = await backend.read(PATH)
    assert (document.body, document.entry.etag, document.entry.size) == (LARGE, stand.etag("a.bin"), len(LARGE))
    assert document.entry.etag == written.entry.etag
    assert [method for method, _ in unsigned] == ["PUT", "GET"]
    for _, names in unsigned:
        assert not {name for name in names if name.startswith(("authorization", "opc-", "cookie", "x-content", "date"))}
    assert stand.sent("PUT") == []


@pytest.mark.parametrize("creates_at_once", [False, True])
async def test_nobody_meets_an_upload_that_is_not_complete(
    stand: Stand, backend: OciBackend, *, creates_at_once: bool
) -> None:
    stand.workspace.habits.par_creates_at_once = creates_at_once
    met: set[int | None] = set()

    def watch(_request: web.Request) -> None:
        standing = stand.stored().get("a.bin")
        met.add(None if standing is None else len(standing))

    stand.workspace.habits.fault = watch
    await backend.write(PATH, LARGE, precondition=Absent())
    await backend.write(PATH, LARGE + b"!")
    assert met == {None, len(LARGE), len(LARGE) + 1}
    assert stand.stored() == {"a.bin": LARGE + b"!"}


async def test_of_two_uploads_of_an_absent_file_one_wins(stand: Stand, backend: OciBackend) -> None:
    bodies = (LARGE, LARGE + b"!")
    attempts = (backend.write(PATH, body, precondition=Absent()) for body in bodies)
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert [result.code for result in results if isinstance(result, Problem)] == [Code.PRECONDITION]
    assert stand.stored()["a.bin"] in bodies
    assert len(stand.stored()) == 1


async def test_a_conditional_write_never_goes_past_the_api(stand: Stand, backend: OciBackend) -> None:
    etag = ETag(stand.put("a.bin", b"old"))
    await backend.write(PATH, LARGE, precondition=Matches(etag))
    assert stand.workspace.par_requests == []


async def test_a_service_that_refuses_is_not_asked_again_for_a_while(
    stand: Stand, backend: OciBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.workspace.habits.par = False
    for _ in range(2):
        await backend.write(PATH, LARGE)
        assert (await backend.read(PATH)).body == LARGE
    assert len([each for each in stand.sent("POST") if "Meta" in each]) == 1
    stand.workspace.habits.par = True
    monkeypatch.setattr(backend._files._detour, "_closed_until", 0.0)
    await backend.write(PATH, LARGE)
    assert len(stand.workspace.par_requests) == 1


@pytest.mark.parametrize("answer", [None, 302, 403, 404, 500])
async def test_where_the_storage_itself_fails_the_api_takes_the_file(
    stand: Stand, backend: OciBackend, answer: int | None
) -> None:
    """A storage that answers with a redirect is not followed; one that cannot be reached from here may be elsewhere."""
    reached: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", elsewhere)
    async with listening(app, "127.0.0.1", 0) as url:

        def failing(request: web.Request) -> web.Response | None:
            if not request.raw_path.startswith("/p/"):
                return None
            if answer is None:
                assert request.transport is not None
                request.transport.abort()
            return web.Response(status=answer or 500, headers={"Location": f"{url}/stolen"})

        stand.workspace.habits.fault = failing
        await backend.write(PATH, LARGE)
        assert (await stand.backend().read(PATH)).body == LARGE
    assert stand.stored() == {"a.bin": LARGE}
    assert reached == []


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://u:p@127.0.0.1/x", "", "http://[", None]
)
async def test_only_an_ordinary_url_is_followed(stand: Stand, backend: OciBackend, url: str | None) -> None:
    def lying(request: web.Request) -> web.Response | None:
        if "Meta" not in request.raw_path:
            return None
        return web.json_response({"parUrl": url, "eTag": "e"})

    stand.workspace.habits.fault = lying
    await backend.write(PATH, LARGE)
    assert stand.stored() == {"a.bin": LARGE}
    assert stand.workspace.par_requests == []


async def test_over_tls_no_url_without_it_is_followed(stand: Stand) -> None:
    detour = stand.backend(endpoint="https://aidp.example")._files._detour
    with pytest.raises(Problem) as caught:
        detour._usable(f"{stand.workspace.url}/p/x")
    assert caught.value.code is Code.UNSUPPORTED
    assert detour._usable("https://objectstorage.example/p/x").host == "objectstorage.example"


async def test_bytes_of_another_length_than_the_file_are_not_served(stand: Stand, backend: OciBackend) -> None:
    stand.put("a.bin", LARGE)

    def short(request: web.Request) -> web.Response | None:
        return web.Response(body=LARGE[:-1]) if request.raw_path.startswith("/p/") else None

    stand.workspace.habits.fault = short
    assert (await backend.read(PATH)).body == LARGE
    assert stand.sent("GET")[-1] == "GET %2FWorkspace%2Fa.bin"


async def test_somebody_elses_upload_of_the_same_file_is_busy(stand: Stand, backend: OciBackend) -> None:
    stand.put("a.bin", b"old")

    def between(request: web.Request) -> None:
        if "uploadFileMeta" in request.raw_path and stand.workspace.par_requests:
            stand.workspace.store.pending.clear()

    stand.workspace.habits.fault = between
    with pytest.raises(Problem) as caught:
        await backend.write(PATH, LARGE)
    assert caught.value.reason is Reason.BUSY
    assert stand.stored() == {"a.bin": b"old"}


async def test_a_cancelled_upload_leaves_nothing(stand: Stand, backend: OciBackend) -> None:
    writing: list[asyncio.Task[object]] = []

    def cancel(request: web.Request) -> None:
        if request.raw_path.startswith("/p/"):
            writing[0].cancel()

    stand.workspace.habits.par_creates_at_once = True
    stand.workspace.habits.fault = cancel
    writing.append(asyncio.create_task(backend.write(PATH, LARGE, precondition=Absent())))
    with pytest.raises(asyncio.CancelledError):
        await writing[0]
    assert stand.stored() == {}
