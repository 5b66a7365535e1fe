"""TLS: the listener's context, and certificates for development."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 90
LOOPBACK = ("localhost", "127.0.0.1", "::1")

_HOST_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class CertificateError(Exception):
    """A certificate cannot be used or made; the message says which and why."""


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with the given chain and key; CertificateError when they cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for file in (cert, key):
        try:
            file.read_bytes()
        except OSError as error:
            raise CertificateError(f"{file}: {error.strerror}") from error
    try:
        # A server that waits for a passphrase at some terminal looks like one that hangs.
        context.load_cert_chain(cert, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        what = "not a PEM certificate chain and its own PEM key without a passphrase"
        raise CertificateError(f"{cert} and {key}: {what}") from error
    return context


def write_dev_certificate(folder: Path, hosts: Sequence[str]) -> tuple[Path, Path, Path]:
    """Write a small authority's certificate, and a server certificate and key for this machine and ``hosts``.

    Of the files, ca, cert and key, the key is the owner's alone. The authority's key is not kept: it signs once.
    CertificateError when a host cannot stand in a certificate, one of the files is there already, or the folder cannot
    be written.
    """
    names = [_general_name(host) for host in dict.fromkeys([*LOOPBACK, *hosts])]
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nbgateway development authority")])
    authority = (
        _draft(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOOPBACK[0])])
    server = (
        _draft(server_name, authority_name, server_key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(_issuer_of(authority_key), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    ca, cert, key = files = (folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    if present := next((file for file in files if os.path.lexists(file)), None):
        raise CertificateError(f"{present} is there already; name another folder, or remove the old files first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(key, private, mode=0o600)
        for file, public in ((cert, server), (ca, authority)):
            _write(file, public.public_bytes(serialization.Encoding.PEM), mode=0o644)
    except OSError as error:
        raise CertificateError(f"{folder}: {error.strerror}") from error
    return files


def _draft(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _issuer_of(authority_key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Python 3.13 and newer refuse certificates that do not say what their key is for."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not _HOST_NAME.fullmatch(host):
            raise CertificateError(f"{host!r} is no host name or address; write others in their xn-- form") from None
        return x509.DNSName(host)


def _write(file: Path, content: bytes, *, mode: int) -> None:
    """A new file, which nobody else can read before it has its mode."""
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(content)
    file.chmod(mode)
