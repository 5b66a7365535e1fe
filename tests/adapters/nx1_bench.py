"""What the tests of the S3 adapter share: writing past its rules, looking at raw keys, a backend behind the proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.nx1.backend import Nx1Backend
from gateway.contents.paths import ContentPath
from gateway.contents.problem import Problem
from gateway.demo.s3 import S3Server
from tests.fakes.s3 import new_bucket, opened
from tests.fakes.s3_faults import Wire

HOME = ContentPath.parse("home/ada")
NOTEBOOK = HOME.child("a.ipynb")


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
