"""Callers who sign their requests as OCI clients do: registered public keys, read again when their file changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from aiohttp import web
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.contents.model import Caller, Credential
from gateway.contents.offload import offloaded
from gateway.contents.problem import Code, Problem
from gateway.server.auth import authorization
from gateway.server.road import received
from gateway.wire.signature import SignatureVerifier

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """Whose signatures a public key in a PEM file verifies."""

    key_id: str
    public_key: Path
    username: str
    roles: frozenset[str]


class RegisteredKeys:
    """The known keys by keyId."""

    def __init__(self, keys: Iterable[RegisteredKey]) -> None:
        self._keys = {key.key_id: key for key in keys}
        self._read: dict[Path, tuple[int, RSAPublicKey | None]] = {}

    def find(self, key_id: str) -> RSAPublicKey | None:
        registered = self._keys.get(key_id)
        return self._current(registered.public_key) if registered else None

    def caller(self, key_id: str) -> Caller:
        registered = self._keys[key_id]
        return Caller(registered.username, Credential.SIGNATURE, registered.roles)

    def _current(self, file: Path) -> RSAPublicKey | None:
        try:
            changed = file.stat().st_mtime_ns
            if file not in self._read or self._read[file][0] != changed:
                key = load_pem_public_key(file.read_bytes())
                self._read[file] = (changed, key if isinstance(key, RSAPublicKey) else None)
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            _log.error("public key cannot be read", file=file.name, error=type(error).__name__)
            return None
        return self._read[file][1]


class SignatureAuthenticator:
    """Verifies the signature over the target, headers and body as they travelled."""

    def __init__(
        self,
        keys: RegisteredKeys,
        *,
        hosts: frozenset[str] = frozenset(),
        min_key_bits: int = 2048,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = keys
        self._verifier = SignatureVerifier(keys.find, hosts=hosts, min_key_bits=min_key_bits, now=now)

    async def authenticate(self, request: web.Request) -> Caller | None:
        """The head is proven before the body is received: a stranger cannot make the gateway hold a large body.

        In threads: the key file is looked at, and a large body takes long to hash.
        """
        if authorization(request)[0] != "signature":
            return None
        head = await asyncio.to_thread(self._verifier.verify_head, request.method, request.raw_path, request.headers)
        if (request.content_length or 0) > request.client_max_size:
            raise Problem(Code.TOO_LARGE, f"At most {request.client_max_size} bytes are accepted here.")
        body = await received(request.read())
        await offloaded(len(body), head.check_body, body)
        return self._keys.caller(head.key_id)
