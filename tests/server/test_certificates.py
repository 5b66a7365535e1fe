"""Development certificates: a client that trusts the written authority shakes hands with the server, and no other."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.server.certificates import CertificateError, server_context, write_dev_certificate
from gateway.server.listening import listening


async def hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


def application() -> web.Application:
    app = web.Application()
    app.router.add_get("/", hello)
    return app


def trusting(ca: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_a_client_that_trusts_the_authority_is_served(tmp_path: Path, name: str) -> None:
    ca, cert, key = write_dev_certificate(tmp_path, [])
    async with listening(application(), "127.0.0.1", 0, tls=server_context(cert, key)) as url:
        target = url.replace("127.0.0.1", name)
        async with aiohttp.ClientSession() as session, session.get(target, ssl=trusting(ca)) as answer:
            assert (url.startswith("https://"), await answer.text()) == (True, "hello")


async def test_a_client_that_trusts_another_authority_refuses(tmp_path: Path) -> None:
    _, cert, key = write_dev_certificate(tmp_path / "one", [])
    other, _, _ = write_dev_certificate(tmp_path / "two", [])
    tls = server_context(cert, key)
    async with listening(application(), "127.0.0.1", 0, tls=tls) as url, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url, ssl=trusting(other))


def test_old_tls_is_refused(tmp_path: Path) -> None:
    _, cert, key = write_dev_certificate(tmp_path, [])
    assert server_context(cert, key).minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_certificate_names_this_machine_and_what_was_asked_for(tmp_path: Path) -> None:
    _, cert, _ = write_dev_certificate(tmp_path, ["gateway.example", "10.0.0.7", "localhost"])
    parsed = x509.load_pem_x509_certificate(cert.read_bytes())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "gateway.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1", "10.0.0.7"]
    left = parsed.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=89) < left < timedelta(days=91)


def test_everyone_may_read_the_certificates_and_the_key_is_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        files = write_dev_certificate(tmp_path / "new", [])
    finally:
        os.umask(before)
    modes = {file.name: file.stat().st_mode & 0o777 for file in files}
    assert modes == {"ca.pem": 0o644, "cert.pem": 0o644, "key.pem": 0o600}


@pytest.mark.parametrize("name", ["ca.pem", "cert.pem", "key.pem"])
def test_a_file_that_is_there_already_is_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(CertificateError, match=f"{name} is there already; name another folder"):
        write_dev_certificate(tmp_path, [])
    assert ([file.name for file in tmp_path.iterdir()], (tmp_path / name).read_text()) == ([name], "precious")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    _, cert, key = write_dev_certificate(tmp_path, [])
    key.unlink()
    with pytest.raises(CertificateError, match=f"{key}: No such file or directory"):
        server_context(cert, key)


def test_a_key_that_is_not_the_certificates_is_refused(tmp_path: Path) -> None:
    _, cert, _ = write_dev_certificate(tmp_path / "one", [])
    _, _, foreign = write_dev_certificate(tmp_path / "two", [])
    with pytest.raises(CertificateError, match="its own PEM key"):
        server_context(cert, foreign)


def test_a_key_with_a_passphrase_is_refused_instead_of_asking_for_it(tmp_path: Path) -> None:
    _, cert, key = write_dev_certificate(tmp_path, [])
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked
    key.write_bytes(private.private_bytes(*pem))
    with pytest.raises(CertificateError, match="without a passphrase"):
        server_context(cert, key)


@pytest.mark.parametrize("host", ["bücher.example", "", "a b", "http://a"])
def test_a_name_that_cannot_stand_in_a_certificate_is_refused_and_nothing_is_written(tmp_path: Path, host: str) -> None:
    with pytest.raises(CertificateError, match="is no host name or address"):
        write_dev_certificate(tmp_path / "new", [host])
    assert not (tmp_path / "new").exists()


def test_a_wildcard_may_stand_in_a_certificate(tmp_path: Path) -> None:
    _, cert, _ = write_dev_certificate(tmp_path, ["*.gateway.example"])
    names = x509.load_pem_x509_certificate(cert.read_bytes()).extensions
    assert "*.gateway.example" in names.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.DNSName
    )
