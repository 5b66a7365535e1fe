"""What the demo runs on: a real S3 server, a real jupyter_server, an emulated workspace, and the gateway over them."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.app import create_app
from gateway.demo.jupyter import run_jupyter
from gateway.demo.s3 import S3Server, run_s3
from gateway.demo.workspace import OciWorkspace, run_workspace
from gateway.server.listening import listening
from gateway.settings import Settings, load_settings
from gateway.wire.signature import SigningKey, fingerprint

USER = "ada"
PLATFORM_ID = "ocid1.aidataplatform.oc1.iad.demo"
WORKSPACE_KEY = "4f0c6a52-demo"


@dataclass(frozen=True, slots=True)
class Stack:
    """A running demo: where its servers are, the user's credentials for each dialect, and a notebook to play with."""

    url: str
    jupyter_url: str
    jupyter_token: str = field(repr=False)
    token: str
    psk: str
    key: SigningKey
    oci_profile: Path
    sample: Path
    workspace: OciWorkspace


@asynccontextmanager
async def run_stack(folder: Path, *, port: int) -> AsyncIterator[Stack]:
    """Start everything in ``folder``; all of it ends with the block."""
    token, psk, jupyter_token = (secrets.token_urlsafe(18) for _ in range(3))
    key, profile = _make_key(folder)
    async with AsyncExitStack() as stack:
        (folder / "jupyter").mkdir()
        s3 = await stack.enter_async_context(run_s3())
        jupyter_url = await stack.enter_async_context(run_jupyter(folder / "jupyter", token=jupyter_token))
        workspace = await stack.enter_async_context(run_workspace())
        jupyter = {"name": "jupyter", "kind": "jupyter", "url": jupyter_url, "token": jupyter_token}
        settings = _settings(folder, port, s3, jupyter, workspace, token=token, psk=psk, key_id=key.key_id)
        url = await stack.enter_async_context(listening(create_app(settings), "127.0.0.1", port))
        sample = folder / "sample.ipynb"
        sample.write_bytes(demo_notebook("Sample"))
        yield Stack(url, jupyter_url, jupyter_token, token, psk, key, profile, sample, workspace)


def contents_url(base: str) -> str:
    """Where the OCI dialect serves the demo workspace's contents."""
    return f"{base}/20260430/aiDataPlatforms/{PLATFORM_ID}/workspaces/{WORKSPACE_KEY}/notebook/api/contents"


def _settings(
    folder: Path,
    port: int,
    s3: S3Server,
    jupyter: dict[str, str],
    workspace: OciWorkspace,
    *,
    token: str,
    psk: str,
    key_id: str,
) -> Settings:
    grant = {"user": USER, "roles": ["nx1_app_manager"]}
    values: dict[str, Any] = {
        "server": {"port": port},
        "state": {"url": f"sqlite+aiosqlite:///{folder / 'state.db'}", "uploads_folder": str(folder / "uploads")},
        "mounts": [
            {
                "name": "s3",
                "kind": "nx1",
                "homes": True,
                "bucket": "notebooks",
                "create_bucket": True,
                "endpoint_url": s3.endpoint_url,
                "region": s3.region,
                "access_key_id": s3.access_key_id,
                "secret_access_key": s3.secret_access_key,
            },
            jupyter,
            {
                "name": "workspace",
                "kind": "oci",
                "endpoint": workspace.endpoint,
                "platform_id": workspace.platform_id,
                "workspace_key": workspace.workspace_key,
                "config_file": str(workspace.config_file),
            },
        ],
        "identity": {
            "tokens": [{**grant, "token": token}],
            "psks": [{**grant, "sha256": hashlib.sha256(psk.encode()).hexdigest()}],
            "oci_keys": [{**grant, "key_id": key_id, "public_key": str(folder / "oci-public.pem")}],
        },
        "nx1": {"mount": "s3"},
        "workspaces": [{"platform_id": PLATFORM_ID, "workspace_key": WORKSPACE_KEY, "folder": "s3"}],
    }
    return load_settings(None, values)


def _make_key(folder: Path) -> tuple[SigningKey, Path]:
    """An API key as Oracle's clients use it: the key file, its public half, and a profile that names them."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key()
    key_file, profile = folder / "oci-key.pem", folder / "oci-config"
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "oci-public.pem").write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    tenancy, user, print_ = "ocid1.tenancy.oc1..demo", f"ocid1.user.oc1..{USER}", fingerprint(public)
    profile.touch(mode=0o600)
    profile.write_text(
        f"[DEFAULT]\nuser={user}\nfingerprint={print_}\ntenancy={tenancy}\nregion=us-ashburn-1\nkey_file={key_file}\n"
    )
    return SigningKey(f"{tenancy}/{user}/{print_}", private), profile


def demo_notebook(title: str) -> bytes:
    """A small notebook, spelled as no serialiser would: its bytes are kept all the same."""
    cells = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": f"# {title}"},
        {"cell_type": "code", "id": "sum", "metadata": {}, "execution_count": None, "outputs": [], "source": "1 + 1"},
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()
