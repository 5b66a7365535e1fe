"""Oracle's own command line walks through the emulated workspace, which it takes only over https (spec oci 10)."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.compat.workspace_calls import NOTEBOOK, write_certificate
from tests.fakes.workspace import CLUSTER_ID, PLATFORM_ID, WORKSPACE_KEY, running_workspace

pytest.importorskip("aidp_cli", reason="Oracle's command line is not installed")

COMMAND = Path(sys.executable).with_name("aidp")


@dataclass(frozen=True)
class CommandLine:
    """``aidp`` with everything that leads it to one workspace."""

    url: str
    config: Path
    authority: Path

    async def run(self, group: str, name: str, *arguments: str) -> dict[str, Any]:
        """What was printed: data, headers and status, or an error. The exit code is the status, as far as it fits."""
        where = ("--endpoint", self.url, "--instance-id", PLATFORM_ID, "--config-file", str(self.config))
        environment = {"REQUESTS_CA_BUNDLE": str(self.authority), "HOME": str(self.config.parent)}
        process = await create_subprocess_exec(
            str(COMMAND), "--auth", "api_key", *where, group, name, WORKSPACE_KEY, *arguments,
            env=environment, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        text = (out or err).decode()
        printed: dict[str, Any] = json.loads(text[text.index("{") :])
        assert process.returncode == (0 if printed["status"] < 400 else printed["status"] % 256)
        return printed

    async def notebook(self, name: str, *arguments: str) -> Any:
        printed = await self.run("notebook", name, *arguments)
        assert printed["status"] < 300, printed
        return printed["data"]

    async def objects(self, name: str, *arguments: str) -> dict[str, Any]:
        printed = await self.run("workspace-object", name, *arguments)
        assert printed["status"] < 300, printed
        return printed


async def test_a_walk_through(tmp_path: Path) -> None:
    certificate, key = await asyncio.to_thread(write_certificate, tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    async with running_workspace(tls=tls) as workspace:
        aidp = CommandLine(workspace.url, workspace.write_profile(tmp_path), certificate)
        await objects_come_and_go(aidp)
        await asyncio.gather(contents_come_and_go(aidp), sessions_come_and_go(aidp))
        assert set(workspace.tree.nodes) == {("Workspace",), ("Workspace", "f")}
        assert all("/contents/%2FWorkspace%2Ff" in target for _, target in workspace.requests if "contents" in target)


async def objects_come_and_go(aidp: CommandLine) -> None:
    folder = await aidp.objects("create", "--path", "/Workspace/f", "--type", "FOLDER", "--body", "")
    made = await aidp.objects("create", "--path", "/Workspace/f/a b.txt", "--type", "FILE", "--body", "text")
    assert (folder["headers"]["type"], made["headers"]["type"]) == ("FOLDER", "FILE")
    (item,) = (await aidp.objects("list", "--path", "/Workspace/f", "--limit", "1"))["data"]["items"]
    assert (item["path"], item["type"]) == ("/Workspace/f/a b.txt", "FILE")
    read = await aidp.objects("get", "/Workspace/f/a b.txt")
    assert read["headers"]["etag"] == made["headers"]["etag"]
    head = await aidp.objects("head", "/Workspace/f/a b.txt")
    assert head["headers"]["composite-etag"] == item["compositeEtag"]
    await aidp.objects("delete", "/Workspace/f/a b.txt", "--if-match", made["headers"]["etag"])
    gone = await aidp.run("workspace-object", "get", "/Workspace/f/a b.txt")
    assert (gone["status"], gone["code"]) == (404, "NotAuthorizedOrNotFound")


async def contents_come_and_go(aidp: CommandLine) -> None:
    made = await aidp.notebook("create-content", "/Workspace/f", "--body", '{"type": "notebook"}')
    path, save = "/Workspace/f/ñ.ipynb", {"type": "notebook", "format": "json", "content": NOTEBOOK}
    moved = await aidp.notebook("modify-content", made["path"], "--body", json.dumps({"path": path}))
    assert moved["path"] == path
    await aidp.notebook("update-content", path, "--body", json.dumps(save))
    assert (await aidp.notebook("get-content", path, "--hash", "1"))["content"] == NOTEBOOK
    page = await aidp.notebook("export-contents", path, "--body", '{"format": "html"}')
    assert page["content"].startswith("<!DOCTYPE html>")
    stale = await aidp.run("notebook", "delete-content", path, "--if-match", "old")
    assert (stale["status"], stale["code"]) == (412, "NoEtagMatch")
    assert await aidp.notebook("delete-content", path) is None


async def sessions_come_and_go(aidp: CommandLine) -> None:
    asked = {"path": "/Workspace/f/a.ipynb", "cluster_id": CLUSTER_ID, "type": "notebook"}
    made = await aidp.notebook("create-session", "--body", json.dumps(asked))
    assert made["lifecycleState"] == "CREATING"
    (listed,) = (await aidp.notebook("list-sessions"))["items"]
    assert listed["id"] == made["id"]
    assert (await aidp.notebook("patch-session", made["id"], "--body", '{"name": "n"}'))["name"] == "n"
    assert (await aidp.notebook("get-session", made["id"]))["name"] == "n"
    await aidp.notebook("delete-session", made["id"])
