"""Packages from npm, installed once beside the project, and programs in node that use them."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
from asyncio.subprocess import PIPE, create_subprocess_exec
from dataclasses import dataclass
from pathlib import Path

import pytest

INSTALL_SECONDS = 90.0
RUN_SECONDS = 60.0

_ENVIRONMENTS = Path(__file__).parents[2] / ".venvs"


@dataclass(frozen=True, slots=True)
class NodePrograms:
    """The programs in ``folder``, and the packages that its lock file names, in ``installed``."""

    folder: Path
    installed: Path

    async def run(self, program: str, *arguments: str, stdin: bytes = b"") -> bytes:
        """What the program writes to its standard output; it must end well."""
        environment = {**os.environ, "NODE_PATH": str(self.installed / "node_modules")}
        command = ["node", str(self.folder / program), *arguments]
        process = await create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment)
        try:
            async with asyncio.timeout(RUN_SECONDS):
                stdout, stderr = await process.communicate(stdin)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, stderr.decode()
        return stdout


def installed(folder: Path, name: str) -> NodePrograms:
    """Installs what ``folder`` locks into the environment ``name``, once for all who share it.

    Skips the test without node, and without a network where something is still missing.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    into = _ENVIRONMENTS / name
    into.mkdir(parents=True, exist_ok=True)
    with (into / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(folder, into)
    return NodePrograms(folder, into)


def _install(folder: Path, into: Path) -> None:
    wanted, done = (folder / "package-lock.json").read_text(), into / "done"
    if done.exists() and done.read_text() == wanted:
        return
    done.unlink(missing_ok=True)
    for each in ("package.json", "package-lock.json"):
        shutil.copy(folder / each, into)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        subprocess.run(command, cwd=into, capture_output=True, check=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode(errors="replace").partition("\n")[0]
        pytest.skip(f"npm did not install what {folder.name} needs: {said or error}")
    done.write_text(wanted)
