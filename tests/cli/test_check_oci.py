"""``nbgw check`` says of an OCI workspace what is wrong, and which setting is to be mended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.command import Outcome, run
from tests.fakes.workspace import CURRENT, OLDER, Generation, WorkspaceEmulator, running_workspace


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceEmulator]:
    async with running_workspace() as emulator:
        yield emulator


async def check(workspace: WorkspaceEmulator, place: Path, **settings: str) -> Outcome:
    options = workspace.mount_options(place) | settings
    lines = ["[[mounts]]", 'name = "w"', 'kind = "oci"', *(f"{name} = '{value}'" for name, value in options.items())]
    (place / "gateway.toml").write_text("\n".join(lines))
    return await asyncio.to_thread(run, place, "check", "--config", place / "gateway.toml")


async def test_a_good_workspace(workspace: WorkspaceEmulator, tmp_path: Path) -> None:
    done = await check(workspace, tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "ok    w (oci): " in done.out


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"endpoint": "http://127.0.0.1:9"}, "http://127.0.0.1:9 cannot be reached; see endpoint"),
        ({"workspace_key": "none"}, "see platform_id, workspace_key, profile"),
        ({"base_path": "/v1"}, 'set base_path = ""'),
        ({"generation": "20240831"}, 'set generation = "20260430"'),
        ({"folder": "Workspace/none"}, "has no folder /Workspace/none"),
        ({"profile": "NONE"}, "no section [NONE]"),
    ],
)
async def test_a_setting_that_is_wrong(
    workspace: WorkspaceEmulator, tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    done = await check(workspace, tmp_path, **settings)
    assert done.code == 1
    (line,) = [each for each in done.out.splitlines() if "FAIL" in each]
    assert said in line
    assert line.startswith("  FAIL  w (oci): ")


@pytest.mark.parametrize("generation", [CURRENT, OLDER], ids=lambda each: each.version)
async def test_a_key_that_is_refused(tmp_path: Path, generation: Generation) -> None:
    async with running_workspace(generation=generation) as workspace:
        workspace.keys.clear()
        done = await check(workspace, tmp_path, generation=generation.version)
        assert done.code == 1
        assert "The service refuses the key; see profile and config_file" in done.out
