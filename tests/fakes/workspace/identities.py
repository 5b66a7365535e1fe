"""Who may sign requests to the emulated workspace: API keys and session tokens, and the profiles that hold them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path as FilePath

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TENANCY, USER = "ocid1.tenancy.oc1..emulated", "ocid1.user.oc1..emulated"
TOKEN_LIFE = timedelta(hours=1)


@dataclass(frozen=True)
class Identity:
    """A user with an RSA key; with a session ``token``, that is what names the key in signatures."""

    user: str
    private_key: rsa.RSAPrivateKey
    token: str | None = None

    @property
    def key_id(self) -> str:
        if self.token is not None:
            return f"ST${self.token}"
        return f"{TENANCY}/{self.user}/{self.fingerprint}"

    @property
    def fingerprint(self) -> str:
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        der = self.private_key.public_key().public_bytes(encoding, form)
        return hashlib.md5(der, usedforsecurity=False).digest().hex(":")

    def write_profile(self, folder: FilePath) -> FilePath:
        """A configuration file with this identity as its only profile, and its key beside it."""
        key_file, config, form = folder / "oci_key.pem", folder / "oci_config", serialization.PrivateFormat.PKCS8
        pem = self.private_key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        key_file.touch(mode=0o600)
        key_file.write_bytes(pem)
        lines = [f"tenancy={TENANCY}", f"fingerprint={self.fingerprint}", f"key_file={key_file}"]
        if self.token is None:
            lines.append(f"user={self.user}")
        else:
            token_file = folder / "oci_token"
            token_file.write_text(self.token)
            lines.append(f"security_token_file={token_file}")
        config.write_text("\n".join(["[DEFAULT]", *lines, "region=us-ashburn-1", ""]))
        return config


@cache
def owner() -> Identity:
    """The one user whom every emulated workspace knows from the beginning."""
    return Identity(USER, private_key())


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_id() -> str:
    return owner().key_id


def new_session(now: datetime, user: str = USER) -> Identity:
    """A session token for an hour, as ``oci session authenticate`` would bring, with the key of the owner."""
    claims = {"sub": user, "exp": int((now + TOKEN_LIFE).timestamp()), "jti": secrets.token_hex(8)}
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    token = ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "unsigned"])
    return Identity(user, private_key(), token)


def token_expiry(key_id: str) -> float | None:
    """When a session token ends, in seconds since the epoch; None for an API key."""
    if not key_id.startswith("ST$"):
        return None
    claims = key_id.split(".")[1]
    return float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
