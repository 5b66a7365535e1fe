"""Writes docs/support-matrix.md from what the backends declare: ``make docs``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.contents.backend import (
    Backend,
    Capability,
    SupportsCheckpoints,
    SupportsCopy,
    SupportsMove,
    SupportsRemovingEmpty,
    SupportsSessions,
    SupportsStreaming,
)
from gateway.contents.upstream import SupportsForwarding
from gateway.registry import FACTORIES, create_backend
from gateway.wire.client import UpstreamClient, open_session

FILE = Path(__file__).parent.parent / "docs" / "support-matrix.md"

TITLES = {"local": "local folder", "nx1": "S3 (`nx1`)", "jupyter": "Jupyter server", "oci": "OCI workspace"}

ATOMIC = "atomic"
CHECKED = "checked"
PROBED = "atomic where the probe finds it, else checked"

_INTRODUCTION = """# What each store can do, and what the gateway does for it

Written by `make docs` from what the backends declare; a test compares it with them. Do not edit it by hand.

Every operation of every dialect works on every store, unless this table says *refused*. The table says who does the
work. Everywhere alike: read, list, write, delete, make a directory; copy and rename to another mount, which the gateway
does (rename: copied, verified, then deleted).
"""

_WORDS = f"""
**{ATOMIC}**: the store looks and writes in one step, so nobody comes between. For a local folder that holds among all
gateway processes that serve it; a program that writes into the folder directly takes no part in it.

**{CHECKED}**: the store has no such condition. The gateway looks and then writes, under a lock. No writer that comes
through the gateway is lost; with several gateway processes this needs `[state] shared_locks = true`. A writer that goes
straight to the store can still come between. A rename under `If-Match`, and a condition on a directory, are checked on
every store.

**{PROBED}**: S3 servers differ, and some ignore conditions in silence. At the
start the gateway tries each condition on a private key. `nbgw check` prints what it found: *conditional write* and
*conditional delete* are listed where they are atomic.
"""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a backend says of itself: ``learned`` is what its probe may add."""

    backend: Backend
    learned: frozenset[Capability]

    def has(self, capability: Capability) -> bool:
        return capability in self.backend.capabilities


async def declared() -> dict[str, Declared]:
    """Every kind of backend, made but not probed: no store is needed."""
    async with open_session() as session:
        client = UpstreamClient(session, max_body_bytes=1)
        with TemporaryDirectory() as folder:
            found = {}
            for kind, factory in FACTORIES.items():
                backend = create_backend(kind, client, _options(kind, Path(folder)))
                module = import_module(factory.partition(":")[0])
                found[kind] = Declared(backend, getattr(module, "LEARNED", frozenset()))
                await backend.aclose()
            return found


def matrix(backends: Mapping[str, Declared]) -> str:
    """The whole document."""
    lines = [
        _row("what", [TITLES[kind] for kind in backends]),
        _row("---", ["---"] * len(backends)),
        *(_row(what, [_condition(each, capability) for each in backends.values()]) for what, capability in _CONDITIONS),
        *(
            _row(what, [yes if each.has(capability) else no for each in backends.values()])
            for what, capability, yes, no in _FACTS
        ),
        *(
            _row(what, [yes if isinstance(each.backend, protocol) else no for each in backends.values()])
            for what, protocol, yes, no in _POWERS
        ),
    ]
    return "\n".join([_INTRODUCTION, *lines, _WORDS])


_CONDITIONS = (
    ("conditional write", Capability.CONDITIONAL_WRITE),
    ("conditional delete", Capability.CONDITIONAL_DELETE),
)
_FACTS = (
    (
        "a reader never meets half a write",
        Capability.ATOMIC_REPLACE,
        "by the store",
        "by the gateway: readers and writers take turns",
    ),
    (
        "the bytes are kept as they came",
        Capability.BYTE_EXACT,
        "yes",
        "other files; notebooks as the store writes JSON",
    ),
    ("sha256 without reading the bytes", Capability.NATIVE_HASH, "yes", "no: the gateway reads and digests"),
    ("empty directories stay", Capability.EMPTY_DIRECTORIES, "yes", "no"),
    ("a write below a missing directory", Capability.IMPLICIT_PARENTS, "makes it", "refused: 404"),
    ("etags in listings", Capability.LISTED_ETAGS, "yes", "no: of single files only"),
)
_POWERS: tuple[tuple[str, type, str, str], ...] = (
    (
        "an empty directory is removed",
        SupportsRemovingEmpty,
        "only if nothing at all is in it",
        "if its listing is empty",
    ),
    ("copy inside the mount", SupportsCopy, "inside the store", "through the gateway"),
    ("rename inside the mount", SupportsMove, "inside the store", "through the gateway: copied, verified, deleted"),
    ("files are downloaded", SupportsStreaming, "streamed", "after they were read whole"),
    ("sessions and kernels in the OCI dialect", SupportsSessions, "the store's own", "none: refused (501)"),
    (
        "kernels, terminals and pages in the Jupyter dialect",
        SupportsForwarding,
        "the server's own",
        "a Jupyter server's, where there is one",
    ),
    ("checkpoints", SupportsCheckpoints, "yes", "none: the list is empty, making one is refused (403)"),
)


def _condition(each: Declared, capability: Capability) -> str:
    if each.has(capability):
        return ATOMIC
    return PROBED if capability in each.learned else CHECKED


def _row(first: str, cells: list[str]) -> str:
    return f"| {' | '.join([first, *cells])} |"


def _options(kind: str, folder: Path) -> dict[str, Any]:
    """Options good enough to make a backend of the kind that is never asked anything."""
    match kind:
        case "local":
            return {"root": str(folder)}
        case "nx1":
            return {"bucket": "none"}
        case "jupyter":
            return {"url": "http://127.0.0.1"}
        case _:
            here = {"endpoint": "http://127.0.0.1", "platform_id": "none", "workspace_key": "none"}
            return {**here, "config_file": str(_oci_profile(folder))}


def _oci_profile(folder: Path) -> Path:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(private.private_bytes(*pem))
    profile = folder / "config"
    profile.write_text("[DEFAULT]\nuser=none\ntenancy=none\nfingerprint=none\nkey_file=key.pem\n")
    return profile


if __name__ == "__main__":
    FILE.write_text(matrix(asyncio.run(declared())))
    sys.stdout.write(f"{FILE}\n")
