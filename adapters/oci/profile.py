"""The profile of ``~/.oci/config`` that says who signs: with an API key, or with a session token (spec oci 9.1)."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.contents.problem import Code, Problem
from gateway.wire.signature import SigningKey

_KEY_ID = ("tenancy", "user", "fingerprint")
_TOKEN_FILE = "security_token_file"


@dataclass(frozen=True, slots=True)
class Credential:
    """Who signs. A session token lasts an hour: whoever renews it writes another into ``token_file``."""

    key: SigningKey
    token_file: Path | None = None


def load_credential(config_file: str, profile: str) -> Credential:
    """Read the profile, its private key and its token, if it has one. INTERNAL when one is missing or unusable: the
    configuration is ours.

    The detail names files: nobody is served yet, and whoever starts the gateway needs to know which one it is. It
    quotes none of their text, which may hold the pass phrase.
    """
    file = Path(config_file).expanduser()
    try:
        values = _fields(file, profile)
        private_key = _private_key(_beside(file, values["key_file"]), values.get("pass_phrase"))
        if _TOKEN_FILE not in values:
            return Credential(SigningKey("/".join(values[name] for name in _KEY_ID), private_key))
        token_file = _beside(file, values[_TOKEN_FILE])
        return Credential(SigningKey(f"ST${_token(token_file)}", private_key), token_file)
    except OSError as error:
        raise _unusable(profile, f"{error.filename}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise _unusable(profile, str(error)) from error


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
    needed = ("key_file",) if _TOKEN_FILE in values else ("user", "fingerprint", "tenancy", "key_file")
    if missing := [name for name in needed if name not in values]:
        raise ValueError(f"{file}: no {', '.join(missing)} in [{profile}]")
    return values


def _beside(file: Path, named: str) -> Path:
    return file.parent.joinpath(Path(named).expanduser())


def _private_key(file: Path, pass_phrase: str | None) -> RSAPrivateKey:
    content = file.read_bytes()
    try:
        key = load_pem_private_key(content, pass_phrase.encode() if pass_phrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{file}: not a private key in PEM that the profile's pass_phrase, or none, opens") from error
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{file}: not an RSA key, the only kind that signs here")
    return key


def _token(file: Path) -> str:
    token = file.read_bytes().decode("ascii", "replace").strip()
    if not token.isascii() or not token or any(mark in token for mark in ' ",\r\n'):
        raise ValueError(f"{file}: not a session token; oci session authenticate writes one")
    return token
