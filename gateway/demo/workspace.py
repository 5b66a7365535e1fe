"""An emulated OCI workspace on loopback, in a process of its own: no real one can be had for a demo."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from configparser import ConfigParser
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.demo.processes import run_module
from gateway.wire.signature import SigningKey

_EMULATOR, _EMULATOR_IN_SOURCE = "gateway.demo.emulator", "tests.fakes.workspace"
"""The tests' own emulator, which the build puts beside the demo."""


@dataclass(frozen=True, slots=True)
class OciWorkspace:
    """Where the workspace is, and the profile of a user whom it knows."""

    endpoint: str
    platform_id: str
    workspace_key: str
    config_file: Path
    key: SigningKey = field(repr=False)

    def contents_url(self, path: str) -> str:
        """Where the workspace itself serves a path that needs no escaping."""
        place = f"aiDataPlatforms/{self.platform_id}/workspaces/{self.workspace_key}"
        return f"{self.endpoint}/20260430/{place}/notebook/api/contents/{path.replace('/', '%2F')}"


@asynccontextmanager
async def run_workspace() -> AsyncIterator[OciWorkspace]:
    """Run the emulator while the block does; it holds its files in memory. RuntimeError when it does not start."""
    module = _EMULATOR if find_spec(_EMULATOR) else _EMULATOR_IN_SOURCE
    with TemporaryDirectory(prefix="nbgw-workspace-") as own:
        async with run_module([module, "--folder", own], Path(own), {}) as url:
            yield _announced(url, Path(own, "workspace.json"))


def _announced(url: str, file: Path) -> OciWorkspace:
    said = json.loads(file.read_bytes())
    config_file = Path(said["config_file"])
    return OciWorkspace(url, said["platform_id"], said["workspace_key"], config_file, _signing_key(config_file))


def _signing_key(config_file: Path) -> SigningKey:
    parser = ConfigParser(interpolation=None)
    parser.read(config_file)
    profile = parser["DEFAULT"]
    private = load_pem_private_key(Path(profile["key_file"]).read_bytes(), None)
    assert isinstance(private, RSAPrivateKey)
    return SigningKey("/".join(profile[name] for name in ("tenancy", "user", "fingerprint")), private)
