"""Development certificates: a client that trusts the written authority shakes hands with the server, and no other."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509

from gateway.server.certificates import server_context, write_dev_certificate
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


def test_the_files_are_the_owners_alone_even_over_old_ones(tmp_path: Path) -> None:
    (tmp_path / "key.pem").touch(mode=0o644)
    files = write_dev_certificate(tmp_path, [])
    assert [file.name for file in files] == ["ca.pem", "cert.pem", "key.pem"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
