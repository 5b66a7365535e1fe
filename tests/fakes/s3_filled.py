"""``python -m tests.fakes.s3_filled FOLDER``: an S3 server whose bucket ``many`` holds a folder with many files.

They are put into the server's own memory: over the wire that would take longer than all that is tested with them.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gateway.demo.processes import run_module

BUCKET = "many"
FILES = 3_000
OPTIONS = {"bucket": BUCKET, "access_key_id": "test", "secret_access_key": "test", "addressing_style": "path"}


@asynccontextmanager
async def running_filled_s3() -> AsyncIterator[dict[str, Any]]:
    """The options of a backend over the bucket; the files are ``home/ada/folder/n00000.ipynb`` and so on."""
    with TemporaryDirectory(prefix="nbgw-s3-") as own:
        async with run_module(["tests.fakes.s3_filled", own], Path(own), {"PYTHONWARNINGS": "ignore"}) as url:
            yield {**OPTIONS, "endpoint_url": url}


def main(folder: Path) -> None:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    from gateway.demo.s3_server import serve

    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    backend.create_bucket(BUCKET, "us-east-1")
    for number in range(FILES):
        backend.put_object(BUCKET, f"home/ada/folder/n{number:05}.ipynb", b"{}")
    serve(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
