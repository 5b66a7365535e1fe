"""What the S3 adapter finds out when it starts: which conditions the store keeps, and whether the settings can work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from botocore.exceptions import ConnectTimeoutError, ProfileNotFound, ReadTimeoutError
from botocore.parsers import ResponseParserError

from adapters.nx1.errors import problem_from
from gateway.contents.backend import Capability
from gateway.contents.problem import Code
from gateway.demo.s3 import S3Server
from tests.adapters.nx1_bench import (
    HOME,
    NOTEBOOK,
    keys,
    problem_of,
    through,
)
from tests.fakes.s3 import new_bucket, opened
from tests.fakes.s3_faults import Wire, no_fault, refusal, wire_to

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def wire(s3_server: S3Server) -> AsyncIterator[Wire]:
    async with wire_to(s3_server.endpoint_url) as between:
        yield between


@pytest.mark.parametrize(
    ("status", "code"), [(412, "PreconditionFailed"), (501, "NotImplemented"), (400, "InvalidArgument")]
)
async def test_a_store_that_refuses_every_condition_is_not_said_to_keep_them(
    wire: Wire, s3_server: S3Server, status: int, code: str
) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse | None:
        has_condition = "If-Match" in request.headers or "If-None-Match" in request.headers
        return refusal(status, code) if has_condition else None

    wire.fault = refuse
    async with through(wire, s3_server) as backend:
        assert not {Capability.CONDITIONAL_WRITE, Capability.CONDITIONAL_DELETE} & backend.capabilities
        assert await keys(backend) == []
        await backend.write(NOTEBOOK, b"{}")
        await backend.move(NOTEBOOK, HOME.child("b.ipynb"))
        assert (await backend.read(HOME.child("b.ipynb"))).body == b"{}"


async def test_a_store_that_ignores_etags_in_the_only_spelling_it_takes_is_found_out(
    wire: Wire, s3_server: S3Server
) -> None:
    wire.ignores_conditions = True

    async def refuse_quoted(request: web.Request) -> web.StreamResponse | None:
        return refusal(412, "PreconditionFailed") if '"' in request.headers.get("If-Match", "") else None

    wire.fault = refuse_quoted
    async with through(wire, s3_server) as backend:
        assert Capability.CONDITIONAL_WRITE not in backend.capabilities


async def test_a_store_that_keeps_conditions_on_writes_only_declares_no_more(wire: Wire, s3_server: S3Server) -> None:
    async def drop_from_deletes(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=204) if request.method == "DELETE" and "If-Match" in request.headers else None

    wire.fault = drop_from_deletes
    async with through(wire, s3_server) as backend:
        assert Capability.CONDITIONAL_WRITE in backend.capabilities
        assert Capability.CONDITIONAL_DELETE not in backend.capabilities


@pytest.mark.parametrize("header", ["If-None-Match", "If-Match"])
async def test_a_probe_that_meets_a_fault_learns_nothing_and_is_made_again(
    wire: Wire, s3_server: S3Server, header: str
) -> None:
    async def overloaded(request: web.Request) -> web.StreamResponse | None:
        return refusal(503, "SlowDown") if header in request.headers else None

    async with opened(new_bucket(s3_server, endpoint_url=wire.url), probed=False) as backend:
        wire.fault = overloaded
        assert (await problem_of(backend.probe())).code is Code.UNAVAILABLE
        assert Capability.CONDITIONAL_WRITE not in backend.capabilities
        wire.fault = no_fault
        await backend.probe()
        assert Capability.CONDITIONAL_WRITE in backend.capabilities


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint_url": "no address"},
        {"endpoint_url": "http://[half"},
        {"bucket": "No Bucket!"},
        {"region": "no region"},
    ],
)
async def test_settings_that_cannot_work_are_told_by_the_probe(s3_server: S3Server, changes: dict[str, str]) -> None:
    async with opened(new_bucket(s3_server, **changes), probed=False) as backend:
        assert (await problem_of(backend.probe())).code is Code.INTERNAL


@pytest.mark.parametrize("changes", [{"secret_access_key": None}, {"access_key_id": None, "secret_access_key": None}])
async def test_missing_credentials_are_the_gateways_own_trouble(
    s3_server: S3Server, changes: dict[str, None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    async with opened(new_bucket(s3_server, **changes), probed=False) as backend:
        problem = await problem_of(backend.probe())
        assert problem.code is Code.UPSTREAM
        assert "credential" in problem.detail


async def test_credentials_of_the_environment_are_used(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.secret_access_key)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint_url)
    options = new_bucket(s3_server, access_key_id=None, secret_access_key=None, endpoint_url=None)
    async with opened(options) as backend:
        assert (await backend.write(NOTEBOOK, b"{}")).created


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
async def test_the_bucket_is_made_in_its_region_by_however_many_replicas(s3_server: S3Server, region: str) -> None:
    options = new_bucket(s3_server, region=region)
    async with opened(options, probed=False) as one, opened(options, probed=False) as other:
        await asyncio.gather(one.probe(), other.probe())
        await one.write(NOTEBOOK, b"{}")
        assert (await other.read(NOTEBOOK)).body == b"{}"


async def test_a_bucket_that_another_replica_has_just_made_is_used(wire: Wire, s3_server: S3Server) -> None:
    heads = 0

    async def not_yet(request: web.Request) -> web.StreamResponse | None:
        nonlocal heads
        heads += request.method == "HEAD"
        if request.method == "HEAD" and heads == 1:
            return web.Response(status=404)
        is_creation = request.method == "PUT" and request.path.count("/") == 1
        return refusal(409, "BucketAlreadyOwnedByYou") if is_creation else None

    options = new_bucket(s3_server)
    async with opened(options), opened(options | {"endpoint_url": wire.url}, probed=False) as backend:
        wire.fault = not_yet
        await backend.probe()
        assert Capability.CONDITIONAL_WRITE in backend.capabilities


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ReadTimeoutError(endpoint_url="http://inside"), Code.TIMEOUT),
        (ConnectTimeoutError(endpoint_url="http://inside"), Code.UNAVAILABLE),
        (ProfileNotFound(profile="inside"), Code.UPSTREAM),
        (ResponseParserError("inside"), Code.UPSTREAM),
    ],
)
async def test_a_fault_of_the_client_is_told_without_its_text(error: Exception, code: Code) -> None:
    problem = problem_from(error)
    assert problem.code is code
    assert "inside" not in problem.detail
