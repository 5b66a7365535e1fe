"""A real S3 server for tests, and a fresh bucket in it for each."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adapters.nx1.backend import create
from gateway.contents.backend import Backend
from gateway.demo.s3 import S3Server, run_s3
from gateway.wire.client import UpstreamClient, open_session

MAX_BODY_BYTES = 64 << 20


@asynccontextmanager
async def running_s3() -> AsyncIterator[S3Server]:
    """moto, or the server that NBGW_TEST_S3_ENDPOINT names (with the usual AWS_* variables as credentials)."""
    endpoint = os.environ.get("NBGW_TEST_S3_ENDPOINT")
    if endpoint is None:
        async with run_s3() as server:
            yield server
        return
    key_id = os.environ.get("AWS_ACCESS_KEY_ID", "test")
    secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "test")
    yield S3Server(endpoint, key_id, secret, os.environ.get("AWS_REGION", "us-east-1"))


def new_bucket(server: S3Server, **changes: Any) -> dict[str, Any]:
    """The options of a backend over a bucket that does not exist yet."""
    return {
        "bucket": f"nbgw-test-{secrets.token_hex(6)}",
        "endpoint_url": server.endpoint_url,
        "region": server.region,
        "access_key_id": server.access_key_id,
        "secret_access_key": server.secret_access_key,
        "addressing_style": "path",
        "create_bucket": True,
    } | changes


@asynccontextmanager
async def opened(options: dict[str, Any], *, probed: bool = True) -> AsyncIterator[Backend]:
    """The backend, probed as at the gateway's start, closed with the block."""
    async with open_session() as session:
        client = UpstreamClient(session, max_body_bytes=MAX_BODY_BYTES)
        backend = create(client, **{"session_token": None, **options})
        try:
            if probed:
                await backend.probe()
            yield backend
        finally:
            await backend.aclose()
