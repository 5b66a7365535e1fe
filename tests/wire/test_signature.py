"""The OCI request signature: public known answers, Oracle's own signer as a peer, and every forgery refused."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import cast

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gateway.contents.problem import Code, Problem
from gateway.wire import signature
from gateway.wire.dates import http_date
from gateway.wire.signature import (
    SignatureVerifier,
    SignedHead,
    SigningKey,
    digest,
    fingerprint,
    parse_authorization,
    sign,
)

# Oracle prints this 1024-bit example key in its documentation of request signing; it protects nothing.
EXAMPLE_PEM = b"""-----BEGIN RSA PRIVATE KEY-----
MIICXgIBAAKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QF
NUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+F
UR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB
AoGBAJR8ZkCUvx5kzv+utdl7T5MnordT1TvoXXJGXK7ZZ+UuvMNUCdN2QPc4sBiA
QWvLw1cSKt5DsKZ8UETpYPy8pPYnnDEz2dDYiaew9+xEpubyeW2oH4Zx71wqBtOK
kqwrXa/pzdpiucRRjk6vE6YY7EBBs/g7uanVpGibOVAEsqH1AkEA7DkjVH28WDUg
f1nqvfn2Kj6CT7nIcE3jGJsZZ7zlZmBmHFDONMLUrXR/Zm3pR5m0tCmBqa5RK95u
412jt1dPIwJBANJT3v8pnkth48bQo/fKel6uEYyboRtA5/uHuHkZ6FQF7OUkGogc
mSJluOdc5t6hI1VsLn0QZEjQZMEOWr+wKSMCQQCC4kXJEsHAve77oP6HtG/IiEn7
kpyUXRNvFsDE0czpJJBvL/aRFUJxuRK91jhjC68sA7NsKMGg5OXb5I5Jj36xAkEA
gIT7aFOYBFwGgQAQkWNKLvySgKbAZRTeLBacpHMuQdl1DfdntvAyqpAZ0lY0RKmW
G6aFKaqQfOXKCyWoUiVknQJAXrlgySFci/2ueKlIE1QqIiLSZ8V8OlpFLRnb1pzI
7U1yQXnTAEFYM560yJlzUpOb1V4cScGd365tiSMvxLOvTA==
-----END RSA PRIVATE KEY-----
"""
EXAMPLE_DATE = "Thu, 05 Jan 2014 21:31:40 GMT"
EXAMPLE_HOST = "https://iaas.us-phoenix-1.oraclecloud.com"
EXAMPLE_GET = (
    "/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId=ocid1.compartment.oc1.."
    "aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa&displayName=TeamXInstances&volumeId="
    "ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q"
)
EXAMPLE_GET_SIGNATURE = (
    "GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3sUzaFj34XE6YZAHc9r2DmE4pMwOAy/"
    "kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJIJQHJjNvxFWeHQjMaR7M="
)
EXAMPLE_BODY = b"""{
    "compartmentId": "ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa",
    "instanceId": "ocid1.instance.oc1.phx.abuw4ljrlsfiqw6vzzxb43vyypt4pkodawglp3wqxjqofakrwvou52gb6s5a",
    "volumeId": "ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q"
}"""
EXAMPLE_POST_SIGNATURE = (
    "Mje8vIDPlwIHmD/cTDwRxE7HaAvBg16JnVcsuqaNRim23fFPgQfLoOOxae6WqKb1uPjYEl0qIdazWaBy/Ml8DRhqlocMwoSXv0fbukP8J5N80LCm"
    "zT/FFBvIvTB91XuXI3hYfP9Zt1l7S6ieVadHUfqBedWH0itrtPJBgKmrWso="
)

NOW = datetime(2026, 11, 21, 2, 42, 25, tzinfo=UTC)
URL_OF_PUT = URL("https://gateway.example:8443/contents/%2FWorkspace%2Fa%20b.ipynb?x=%2F1", encoded=True)


def verifier(
    now: datetime = NOW, *, hosts: frozenset[str] = frozenset(), min_key_bits: int = 2048
) -> SignatureVerifier:
    return SignatureVerifier(min_key_bits=min_key_bits, hosts=hosts, now=lambda: now)


@cache
def key() -> SigningKey:
    return SigningKey("tenancy/user/one", rsa.generate_private_key(public_exponent=65537, key_size=2048))


@cache
def example_key() -> SigningKey:
    private = serialization.load_pem_private_key(EXAMPLE_PEM, None)
    return SigningKey("example", cast("rsa.RSAPrivateKey", private))


def signed(method: str = "PUT", body: bytes = b'{"a": 1}', *, url: URL = URL_OF_PUT) -> CIMultiDict[str]:
    return CIMultiDict(sign(key(), method, url, {"date": http_date(NOW)}, body))


def check(
    headers: CIMultiDict[str],
    method: str = "PUT",
    target: str = URL_OF_PUT.raw_path_qs,
    body: bytes = b'{"a": 1}',
    by: SignatureVerifier | None = None,
    known: Mapping[str, SigningKey] | None = None,
) -> str:
    """The keyId of the signer, of those that are ``known``."""
    signed = parse_authorization(headers["authorization"])
    signer = ({key().key_id: key()} if known is None else known).get(signed.key_id)
    public = signer.private_key.public_key() if signer else None
    head = (by or verifier()).verify_head(signed, public, method, target, CIMultiDictProxy(headers))
    head.check_body(body)
    return signed.key_id


def refusal(*arguments: object, **named: object) -> Problem:
    with pytest.raises(Problem) as caught:
        cast("Callable[..., str]", check)(*arguments, **named)
    return caught.value


def signed_by_hand(names: str, headers: dict[str, str], method: str = "GET", target: str = "/a") -> CIMultiDict[str]:
    """A signature over ``names`` in that order, made without the code under test."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    pseudo = {"(request-target)": f"{method.lower()} {target}"}
    text = "\n".join(f"{name}: {(headers | pseudo)[name]}" for name in names.split(" "))
    signature = key().private_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return CIMultiDict(headers | {"authorization": authorization(names, signature)})


def authorization(names: str, signature: bytes, *, version: str = "1", algorithm: str = "rsa-sha256") -> str:
    encoded = base64.b64encode(signature).decode()
    return (
        f'Signature version="{version}",headers="{names}",keyId="{key().key_id}",algorithm="{algorithm}",'
        f'signature="{encoded}"'
    )


# -- known answers ---------------------------------------------------------------------------------------------------


def test_oracles_get_example_has_the_published_signature() -> None:
    url = URL(EXAMPLE_HOST + EXAMPLE_GET, encoded=True)
    headers = sign(example_key(), "GET", url, {"date": EXAMPLE_DATE}, b"")
    assert f'signature="{EXAMPLE_GET_SIGNATURE}"' in headers["authorization"]
    assert 'headers="date (request-target) host"' in headers["authorization"]
    assert headers.keys() == {"date", "host", "authorization"}


def test_oracles_post_example_has_the_published_signature() -> None:
    url = URL(f"{EXAMPLE_HOST}/20160918/volumeAttachments")
    headers = sign(example_key(), "POST", url, {"date": EXAMPLE_DATE, "content-type": "application/json"}, EXAMPLE_BODY)
    assert headers["x-content-sha256"] == "V9Z20UJTvkvpJ50flBzKE32+6m2zJjweHpDMX/U4Uy0="
    assert headers["content-length"] == "316"
    assert f'signature="{EXAMPLE_POST_SIGNATURE}"' in headers["authorization"]
    names = "date (request-target) host content-length content-type x-content-sha256"
    assert f'headers="{names}"' in headers["authorization"]


def test_oracles_post_example_is_accepted_where_short_keys_are() -> None:
    url = URL(f"{EXAMPLE_HOST}/20160918/volumeAttachments")
    headers = CIMultiDict(sign(example_key(), "POST", url, {"date": EXAMPLE_DATE}, EXAMPLE_BODY))
    then = datetime(2014, 1, 5, 21, 31, 40, tzinfo=UTC)
    accepting = verifier(then, min_key_bits=1024)
    known = {"example": example_key()}
    assert check(headers, "POST", url.raw_path_qs, EXAMPLE_BODY, accepting, known) == "example"
    refused = refusal(headers, "POST", url.raw_path_qs, EXAMPLE_BODY, verifier(then), known)
    assert "fewer than 2048 bits" in refused.detail


def test_fingerprint_of_the_example_key_is_the_known_one() -> None:
    public = example_key().private_key.public_key()
    assert fingerprint(public) == "73:61:a2:21:67:e0:df:be:7e:4b:93:1e:15:98:a5:b7"


def test_digest_of_nothing_is_the_documented_one() -> None:
    assert digest(b"") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


# -- Oracle's own signer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"])
def test_what_oracles_signer_signs_is_accepted(method: str) -> None:
    from oci._vendor.requests import Request
    from oci.signer import Signer

    body = b'{"a": 1}' if method in ("POST", "PUT", "PATCH") else b""
    request = Request(method, "http://127.0.0.1:8080/c/%2FWorkspace%2Fa%20b?x=%2F1", data=body).prepare()
    Signer("t", "u", "f", None, private_key_content=private_pem())(request)
    headers, known = CIMultiDict(request.headers), {"t/u/f": key()}
    assert check(headers, method, "/c/%2FWorkspace%2Fa%20b?x=%2F1", body, SignatureVerifier(), known) == "t/u/f"


def test_our_signature_is_the_one_oracles_signer_makes() -> None:
    from oci._vendor.requests import Request
    from oci.signer import Signer

    url = URL("http://127.0.0.1:8080/c/%2FWorkspace%2Fa%20b?x=%2F1", encoded=True)
    given = {"date": http_date(NOW), "content-type": "application/json"}
    theirs = Request("PUT", str(url), data=b"{}", headers=given).prepare()
    Signer("t", "u", "f", None, private_key_content=private_pem())(theirs)
    ours = sign(SigningKey("t/u/f", key().private_key), "PUT", url, given, b"{}")
    assert parse_authorization(ours["authorization"]) == parse_authorization(theirs.headers["authorization"])


def private_pem() -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key().private_key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


# -- accepted --------------------------------------------------------------------------------------------------------


def test_a_signed_request_is_its_signers() -> None:
    assert check(signed()) == key().key_id


def test_headers_keep_the_callers_spelling() -> None:
    headers = sign(key(), "PUT", URL_OF_PUT, {"Content-Type": "text/plain"}, b"")
    assert headers["Content-Type"] == "text/plain"
    assert "content-type" not in headers


def test_x_date_alone_is_enough_and_the_order_is_the_signers() -> None:
    names = "x-date (request-target) host"
    headers = signed_by_hand(names, {"x-date": http_date(NOW), "host": "h"})
    headers["date"] = "nonsense that nobody signed"
    assert check(headers, "GET", "/a", b"") == key().key_id


def test_extra_signed_headers_are_verified_too() -> None:
    names = "(request-target) host accept-language opc-request-id date"
    values = {"host": "h", "accept-language": "en", "opc-request-id": "r", "date": http_date(NOW)}
    headers = signed_by_hand(names, values)
    assert check(headers, "GET", "/a", b"") == key().key_id
    headers["opc-request-id"] = "other"
    assert refusal(headers, "GET", "/a", b"").code is Code.UNAUTHENTICATED


def test_host_is_checked_against_the_accepted_ones() -> None:
    assert check(signed(), by=verifier(hosts=frozenset({"Gateway.example:8443"})))
    assert "another host" in refusal(signed(), by=verifier(hosts=frozenset({"gateway.example"}))).detail


@pytest.mark.parametrize("seconds", [-299, 0, 299])
def test_small_skew_is_accepted(seconds: int) -> None:
    assert check(signed(), by=verifier(NOW + timedelta(seconds=seconds)))


# -- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-301, 301, 86400])
def test_large_skew_is_refused(seconds: int) -> None:
    assert "seconds off" in refusal(signed(), by=verifier(NOW + timedelta(seconds=seconds))).detail


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", URL_OF_PUT.raw_path_qs),
        ("PUT", URL_OF_PUT.raw_path_qs.replace("a%20b", "a%20c")),
        ("PUT", URL_OF_PUT.raw_path_qs.replace("%2FWorkspace", "%2fWorkspace")),
        ("PUT", URL_OF_PUT.raw_path_qs.replace("%2FWorkspace", "/Workspace")),
        ("PUT", URL_OF_PUT.raw_path_qs.replace("x=%2F1", "x=%2F2")),
        ("PUT", URL_OF_PUT.raw_path_qs.replace("x=%2F1", "x=/1")),
        ("PUT", URL_OF_PUT.raw_path),
    ],
)
def test_another_method_path_or_query_is_refused(method: str, target: str) -> None:
    assert refusal(signed(), method, target).code is Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", "other.example:8443"),
        ("date", http_date(NOW + timedelta(seconds=1))),
        ("date", "yesterday"),
        ("content-type", "text/plain"),
        ("content-length", "9"),
        ("x-content-sha256", digest(b"other")),
        ("x-content-sha256", "\udcff"),
    ],
)
def test_a_changed_signed_header_is_refused(name: str, value: str) -> None:
    headers = signed()
    headers[name] = value
    assert refusal(headers).code is Code.UNAUTHENTICATED


@pytest.mark.parametrize("name", ["host", "date", "content-length", "content-type", "x-content-sha256"])
def test_a_signed_header_must_be_there_exactly_once(name: str) -> None:
    twice, never = signed(), signed()
    twice.add(name, twice[name])
    del never[name]
    assert "exactly once" in refusal(twice).detail
    assert "exactly once" in refusal(never).detail


@pytest.mark.parametrize("body", [b'{"a": 2}', b"", b'{"a": 1} '])
def test_another_body_is_refused(body: bytes) -> None:
    assert "the body is not the signed one" in refusal(signed(), body=body).detail


def test_a_length_that_was_signed_but_is_not_the_bodys_is_refused() -> None:
    names = "date (request-target) host content-length content-type x-content-sha256"
    values = {"date": http_date(NOW), "host": "h", "content-length": "7", "content-type": "t"}
    headers = signed_by_hand(names, values | {"x-content-sha256": digest(b"{}")}, "PUT")
    assert "signed length" in refusal(headers, "PUT", "/a", b"{}").detail


def test_a_body_that_the_signature_does_not_cover_is_refused() -> None:
    headers = signed_by_hand("date (request-target) host", {"date": http_date(NOW), "host": "h"}, "DELETE")
    assert check(headers, "DELETE", "/a", b"") == key().key_id
    assert "not covered" in refusal(headers, "DELETE", "/a", b"{}").detail


@pytest.mark.parametrize(
    ("names", "method"),
    [
        ("date (request-target)", "GET"),
        ("date host", "GET"),
        ("(request-target) host", "GET"),
        ("date (request-target) host", "PUT"),
        ("date (request-target) host content-length content-type", "PATCH"),
    ],
)
def test_what_must_be_signed_must_be_signed(names: str, method: str) -> None:
    values = {"date": http_date(NOW), "host": "h", "content-length": "0", "content-type": "t"}
    assert "does not cover" in refusal(signed_by_hand(names, values, method), method, "/a", b"").detail


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer abc",
        "Signature ",
        'Signature version="1"',
        'Signature version="1",version="1"',
        "Signature version=1",
        authorization("date (request-target) host", b"x", version="2"),
        authorization("date (request-target) host", b"x", algorithm="hmac-sha256"),
        authorization("date date (request-target) host", b"x"),
        authorization("date  (request-target) host", b"x"),
        authorization("date (created) (request-target) host", b"x"),
        authorization("date (request-target) host", b"x").replace('signature="', 'signature="?'),
    ],
)
def test_a_malformed_authorization_is_refused(header: str) -> None:
    headers = CIMultiDict({"authorization": header, "date": http_date(NOW), "host": "h"})
    assert refusal(headers, "GET", "/a", b"").code is Code.UNAUTHENTICATED


def test_scheme_and_parameter_order_are_free() -> None:
    headers = signed()
    scheme, _, rest = headers["authorization"].partition(" ")
    headers["authorization"] = f"{scheme.lower()} {', '.join(reversed(rest.split(',')))}"
    assert check(headers) == key().key_id


def test_an_unknown_key_is_refused_in_the_words_of_a_wrong_signature() -> None:
    flipped = signed()
    flipped["date"] = http_date(NOW + timedelta(seconds=1))
    assert refusal(signed(), known={}).detail == refusal(flipped).detail


def test_that_its_key_is_too_short_is_told_to_its_owner_only() -> None:
    headers = CIMultiDict(sign(example_key(), "PUT", URL_OF_PUT, {"date": http_date(NOW)}, b'{"a": 1}'))
    known = {"example": example_key()}
    assert "fewer than 2048 bits" in refusal(headers, known=known).detail
    headers["date"] = http_date(NOW + timedelta(seconds=1))
    assert refusal(headers, known=known).detail == refusal(headers, known={}).detail


def test_an_unknown_key_is_refused_though_the_key_it_is_timed_by_would_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "_DECOY", key().private_key.public_key())
    assert refusal(signed(), known={}).code is Code.UNAUTHENTICATED


@pytest.mark.parametrize(
    "date",
    [
        "",
        "2026-11-21T02:42:25Z",
        "Sat, 21 Nov 2026 02:42:25 +0000",
        "Sat, 21 Nov 2026 02:42:25",
        "Sat, 31 Feb 2026 02:42:25 GMT",
        "Sat, 21 Nov 99999999999999999999 02:42:25 GMT",
        "Sat, 21 Nov 2026 02:42:25 +99999999999999999999",
    ],
)
def test_a_date_of_another_form_is_refused(date: str) -> None:
    headers = signed_by_hand("date (request-target) host", {"date": date, "host": "h"})
    assert "cannot be read" in refusal(headers, "GET", "/a", b"").detail


def head_of(headers: CIMultiDict[str], signer: SigningKey | None = None) -> SignedHead:
    public = (signer or key()).private_key.public_key()
    signed_as = parse_authorization(headers["authorization"])
    return verifier().verify_head(signed_as, public, "PUT", URL_OF_PUT.raw_path_qs, CIMultiDictProxy(headers))


def test_the_head_is_proven_without_the_body() -> None:
    head = head_of(signed())
    head.check_body(b'{"a": 1}')
    with pytest.raises(Problem, match="not the signed one"):
        head.check_body(b'{"a": 2}')


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"])
@pytest.mark.parametrize("coding", ["chunked", "identity", "gzip, chunked", ""])
def test_a_body_without_a_length_is_invalid_whatever_the_method(method: str, coding: str) -> None:
    headers = signed(method)
    headers["Transfer-Encoding"] = coding
    assert refusal(headers, method).code is Code.INVALID


# -- fingerprints ----------------------------------------------------------------------------------------------------


def test_a_signature_has_one_fingerprint_however_the_request_spells_it() -> None:
    respelt = signed()
    *_, last = re.findall('[A-Za-z0-9+/](?==="$)', respelt["authorization"])
    same_bits = chr(ord(last) + 1)  # the last letter before == holds four bits that mean nothing
    respelt["authorization"] = respelt["authorization"].replace(f'{last}=="', f'{same_bits}=="')
    respelt["authorization"] = respelt["authorization"].replace(key().key_id, "another name of the same key")
    respelt["authorization"] = respelt["authorization"].replace(",", " , ")
    respelt["opc-retry-token"] = "not signed"
    assert head_of(respelt).fingerprint == head_of(signed()).fingerprint


def test_other_requests_and_other_keys_have_other_fingerprints() -> None:
    other = SigningKey(key().key_id, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    same_by_other = CIMultiDict(sign(other, "PUT", URL_OF_PUT, {"date": http_date(NOW)}, b'{"a": 1}'))
    heads = [head_of(signed()), head_of(signed(body=b"other")), head_of(same_by_other, other)]
    assert len({head.fingerprint for head in heads}) == 3


def test_a_signature_cannot_be_spelt_with_other_bytes() -> None:
    headers = signed()
    said = parse_authorization(headers["authorization"]).signature
    for other in (b"\0" + said, said + b"\0", said[:-1], said.lstrip(said[:1])):
        text = base64.b64encode(said).decode(), base64.b64encode(other).decode()
        forged = CIMultiDict({**headers, "authorization": headers["authorization"].replace(*text)})
        assert refusal(forged).code is Code.UNAUTHENTICATED
