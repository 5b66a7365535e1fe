"""A gateway in front of a Lab and stores of each kind, which are folders of its file browser."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.s3 import S3Server
from tests.browser.places import BARE, ROOT, Lab, Place
from tests.fakes.jupyter import JupyterServer
from tests.fakes.s3 import new_bucket
from tests.fakes.workspace import running_workspace
from tests.gateways import TOKEN, Clients, running_gateway


def over(*mounts: str, compared: bool = True) -> pytest.MarkDecorator:
    """The test's ``place`` is in each of these mounts.

    With NBGW_TEST_BARE_LAB it is a Jupyter server without the gateway instead, unless there is nothing to compare.
    """
    if not os.environ.get("NBGW_TEST_BARE_LAB"):
        return pytest.mark.parametrize("place", mounts, indirect=True)
    if not compared:
        return pytest.mark.skip(reason="of the gateway alone")
    return pytest.mark.parametrize("place", [BARE], indirect=True)


@dataclass(frozen=True, slots=True)
class Stand:
    """The gateway with its Lab, and the Jupyter server behind it, which has the same."""

    clients: Clients
    upstream: JupyterServer

    async def save_by_oci(self, place: Place, name: str, content: object) -> None:
        """A notebook in the S3 store, as an OCI client saves it."""
        path = place.path(name).removeprefix("s3/")
        model = {"type": "notebook", "format": "json", "content": content}
        answer = await self.clients.oci("PUT", f"/Workspace/{path}", model)
        assert answer.status == 200, answer.body

    def lab(self, mount: str) -> Lab:
        """The one to be used for that mount."""
        session = self.clients.session
        if mount == BARE:
            return Lab(self.upstream.url, self.upstream.token, session)
        return Lab(self.clients.url, TOKEN, session)


@asynccontextmanager
async def running_stand(folder: Path, upstream: JupyterServer, s3: S3Server) -> AsyncIterator[Stand]:
    """Paths of OCI's API lead to the S3 store."""
    async with running_workspace() as workspace:
        mounts = [
            jupyter_mount(upstream),
            {"name": "s3", "kind": "nx1", **new_bucket(s3)},
            {"name": "oci", "kind": "oci", **workspace.mount_options(folder)},
            local_mount(folder),
        ]
        async with running_gateway(folder, mounts, workspace="s3") as clients:
            yield Stand(clients, upstream)


def jupyter_mount(upstream: JupyterServer) -> dict[str, Any]:
    return {"name": ROOT, "kind": "jupyter", "root": True, "url": upstream.url, "token": upstream.token}


def local_mount(folder: Path) -> dict[str, Any]:
    (folder / "local").mkdir(exist_ok=True)
    return {"name": "local", "kind": "local", "folder": str(folder / "local")}
