"""The public keys of those who sign their requests: those of the configuration, and those of a list that may change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.contents.model import Caller, Credential
from gateway.server.watching import WatchedFile, public_key_file

KeyList = Mapping[str, "RegisteredKey"]
"""Registered keys by keyId."""


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """Whose signatures a public key in a PEM file verifies."""

    key_id: str
    public_key: Path
    username: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Signer:
    """Who has proven to be the caller, once a signature is found to be made with the key."""

    key: RSAPublicKey
    caller: Caller


class RegisteredKeys:
    """The known keys by keyId. A file is read again when it changes: a key in it, and the list that names it."""

    def __init__(self, keys: Iterable[RegisteredKey], listed: WatchedFile[KeyList] | None = None) -> None:
        self._keys = by_key_id(keys)
        self._listed = listed
        self._files: dict[Path, WatchedFile[RSAPublicKey | None]] = {}

    def find(self, key_id: str) -> Signer | None:
        """Whose key it is, None for nobody's. In a thread: it looks at files."""
        registered = self._keys.get(key_id) or (self._listed.current().get(key_id) if self._listed else None)
        if registered is None:
            return None
        file = registered.public_key
        key = self._files.setdefault(file, public_key_file(file)).current()
        caller = Caller(registered.username, Credential.SIGNATURE, registered.roles)
        return Signer(key, caller) if key else None


def key_list(file: Path, read: Callable[[Path], Iterable[RegisteredKey]]) -> WatchedFile[KeyList]:
    """The keys that ``file`` lists; while it is broken, those that it listed last."""
    return WatchedFile[KeyList](
        file, lambda changed: by_key_id(read(changed)), {}, lament="list of OCI keys cannot be read", keeps_last=True
    )


def by_key_id(keys: Iterable[RegisteredKey]) -> KeyList:
    return {key.key_id: key for key in keys}
