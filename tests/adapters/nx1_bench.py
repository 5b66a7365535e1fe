"""What the tests of the S3 adapter share: writing past its rules, looking at raw keys, a backend behind the proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from adapters.nx1.backend import Nx1Backend
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem
from gateway.demo.s3 import S3Server
from tests.fakes.s3 import new_bucket, opened
from tests.fakes.s3_faults import Fault, Wire

HOME = ContentPath.parse("home/ada")
NOTEBOOK = HOME.child("a.ipynb")
KEEPERS = ("copies", "writes", "nothing")
"""On what the store keeps conditions."""


@asynccontextmanager
async def through(wire: Wire, server: S3Server) -> AsyncIterator[Nx1Backend]:
    async with opened(new_bucket(server, endpoint_url=wire.url)) as backend:
        assert isinstance(backend, Nx1Backend)
        wire.counts.clear()
        yield backend


async def foreign_put(backend: Nx1Backend, key: str, body: bytes = b"", **facts: Any) -> None:
    """As another tool writes it: past the adapter's own rules."""
    await backend._store.change("put_object", Key=key, Body=body, **facts)


async def keys(backend: Nx1Backend, prefix: str = "") -> list[str]:
    pages = [page async for page in backend._objects.pages(prefix)]
    return [item["Key"] for page in pages for item in page.get("Contents", ())]


async def names(backend: Nx1Backend, path: ContentPath) -> list[str]:
    return sorted(entry.name for entry in (await backend.list(path)).entries)


async def problem_of(attempt: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        await attempt
    return caught.value


def answering(method: str, response: Callable[[], web.Response], query: str = "") -> Fault:
    async def fault(request: web.Request) -> web.StreamResponse | None:
        return response() if request.method == method and query in request.query_string else None

    return fault


def xml(text: str, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(text=text, content_type="application/xml", headers=headers)


def keeping(wire: Wire, keeper: str) -> None:
    wire.keeps_conditions_of_copies = keeper == "copies"
    wire.ignores_conditions = keeper == "nothing"


async def stranger_puts(server: S3Server, backend: Nx1Backend, key: str, body: bytes) -> None:
    """Past the proxy, while it holds a request."""
    async with opened(new_bucket(server, bucket=backend._settings.bucket), probed=False) as stranger:
        assert isinstance(stranger, Nx1Backend)
        await foreign_put(stranger, key, body)


async def files(backend: Nx1Backend) -> list[str]:
    """All keys but the markers: a folder may be marked that stood without a mark."""
    return [key for key in await keys(backend) if not key.endswith("/")]


def arrives(request: web.Request, key: str) -> bool:
    return request.method == "PUT" and request.path.endswith(f"/{key}")
