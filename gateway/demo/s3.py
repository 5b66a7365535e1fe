"""A real S3 server on loopback, in a process of its own, that leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.demo.processes import run_module


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where the server is, and credentials that it accepts."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    region: str


@asynccontextmanager
async def run_s3() -> AsyncIterator[S3Server]:
    """Run moto's server while the block does; it holds its objects in memory. RuntimeError when it does not start."""
    with TemporaryDirectory(prefix="nbgw-s3-") as own:
        arguments = ["gateway.demo.s3_server", own]
        async with run_module(arguments, Path(own), {"PYTHONWARNINGS": "ignore"}) as url:
            yield S3Server(url, "demo", "demo-secret", "us-east-1")
