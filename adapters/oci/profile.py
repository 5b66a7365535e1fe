"""The profile of ``~/.oci/config`` that says who signs (spec oci 9.1)."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.contents.problem import Code, Problem
from gateway.wire.signature import SigningKey

_NEEDED = ("user", "fingerprint", "tenancy", "key_file")


def load_signing_key(config_file: str, profile: str) -> SigningKey:
    """Read the profile and its private key. INTERNAL when either is missing or unusable: the configuration is ours.

    The detail names files: nobody is served yet, and whoever starts the gateway needs to know which one it is. It
    quotes none of their text, which may hold the pass phrase.
    """
    file = Path(config_file).expanduser()
    try:
        values = _fields(file, profile)
        key_file = file.parent.joinpath(Path(values["key_file"]).expanduser())
        private_key = _private_key(key_file, values.get("pass_phrase"))
    except OSError as error:
        raise _unusable(profile, f"{error.filename}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise _unusable(profile, str(error)) from error
    return SigningKey("/".join(values[name] for name in ("tenancy", "user", "fingerprint")), private_key)


def _unusable(profile: str, fault: str) -> Problem:
    return Problem(Code.INTERNAL, f"The OCI profile {profile!r} cannot be used: {fault}.")


def _fields(file: Path, profile: str) -> Mapping[str, str]:
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"), str(file))
    except (Error, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not a configuration file of [profiles] with key=value lines") from error
    if profile not in parser:
        raise ValueError(f"{file}: no section [{profile}]")
    values = parser[profile]
    if missing := [name for name in _NEEDED if name not in values]:
        raise ValueError(f"{file}: no {', '.join(missing)} in [{profile}]")
    return values


def _private_key(file: Path, pass_phrase: str | None) -> RSAPrivateKey:
    content = file.read_bytes()
    try:
        key = load_pem_private_key(content, pass_phrase.encode() if pass_phrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{file}: not a private key in PEM that the profile's pass_phrase, or none, opens") from error
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{file}: not an RSA key, the only kind that signs here")
    return key
