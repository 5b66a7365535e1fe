"""The profile of ``~/.oci/config`` that says who signs (spec oci 9.1)."""

from __future__ import annotations

from configparser import ConfigParser, Error
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.contents.problem import Code, Problem
from gateway.wire.signature import SigningKey


def load_signing_key(config_file: str, profile: str) -> SigningKey:
    """Read the profile and its private key. INTERNAL when either is missing or unusable: the configuration is ours."""
    file = Path(config_file).expanduser()
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"), str(file))
        values = parser[profile]
        key_file = Path(values["key_file"]).expanduser()
        key_id = "/".join(values[name] for name in ("tenancy", "user", "fingerprint"))
        private_key = _private_key(file.parent.joinpath(key_file), values.get("pass_phrase"))
    except (OSError, Error, KeyError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        detail = f"The OCI profile {profile!r} cannot be used: its file, a field of it, or its key is missing or wrong."
        raise Problem(Code.INTERNAL, detail) from error
    return SigningKey(key_id, private_key)


def _private_key(file: Path, pass_phrase: str | None) -> RSAPrivateKey:
    key = load_pem_private_key(file.read_bytes(), pass_phrase.encode() if pass_phrase else None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("OCI signs with RSA keys only")
    return key
