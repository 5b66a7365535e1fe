"""Tokens that no issuer made, or made for something else; each function makes one that is refused."""

from __future__ import annotations

import hmac
import json

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.issuer import Issuer, encoded, published, rsa_key, sign

RS256 = {"alg": "RS256", "typ": "JWT", "kid": "first"}


def unsigned(issuer: Issuer) -> str:
    return f"{encoded(json.dumps({**RS256, 'alg': 'none'}).encode())}.{encoded(json.dumps(issuer.claims()).encode())}."


def signed_with_the_public_key(issuer: Issuer) -> str:
    pem = issuer.keys["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, claims = json.dumps({**RS256, "alg": "HS256"}).encode(), json.dumps(issuer.claims()).encode()
    text = f"{encoded(header)}.{encoded(claims)}"
    return f"{text}.{encoded(hmac.digest(pem, text.encode(), 'sha256'))}"


def with_another_key(issuer: Issuer) -> str:
    return sign(rsa_key("attacker"), RS256, json.dumps(issuer.claims()))


def with_its_own_key_set(issuer: Issuer) -> str:
    key = rsa_key("attacker")
    header = {**RS256, "jku": f"{issuer.url}/evil", "x5u": f"{issuer.url}/evil", "jwk": published("first", key)}
    return sign(key, header, json.dumps(issuer.claims()))


def with_a_claim_twice(issuer: Issuer) -> str:
    text = json.dumps(issuer.claims())[:-1] + ', "preferred_username": "root"}'
    return sign(issuer.keys["first"], RS256, text)


def with_a_nested_claim_twice(issuer: Issuer) -> str:
    text = json.dumps(issuer.claims())[:-1] + ', "other": {"a": 1, "a": 2}}'
    return sign(issuer.keys["first"], RS256, text)


def with_a_header_twice(issuer: Issuer) -> str:
    header = encoded(b'{"alg": "none", "alg": "RS256", "kid": "first"}')
    text = f"{header}.{encoded(json.dumps(issuer.claims()).encode())}"
    return f"{text}.{encoded(issuer.keys['first'].sign(text.encode(), PKCS1v15(), SHA256()))}"


def with_a_deep_header(issuer: Issuer) -> str:
    return ".".join([encoded(b"[" * 5_000), *issuer.token().split(".")[1:]])


def with_a_detached_payload(issuer: Issuer) -> str:
    return sign(issuer.keys["first"], {**RS256, "b64": False, "crit": ["b64"]}, "")


def with_another_padding(issuer: Issuer) -> str:
    """RS256 says PKCS #1 v1.5; PS256 signs with the same key."""
    header, claims = (
        encoded(json.dumps({**RS256, "alg": "PS256"}).encode()),
        encoded(json.dumps(issuer.claims()).encode()),
    )
    padding = PSS(MGF1(SHA256()), PSS.DIGEST_LENGTH)
    return f"{header}.{claims}.{encoded(issuer.keys['first'].sign(f'{header}.{claims}'.encode(), padding, SHA256()))}"


def with_infinite_expiry(issuer: Issuer) -> str:
    return sign(issuer.keys["first"], RS256, json.dumps(issuer.claims(exp=float("inf"))))


def with_expiry_that_is_no_number(issuer: Issuer) -> str:
    return sign(issuer.keys["first"], RS256, json.dumps(issuer.claims(exp=float("nan"))))


def with_other_claims_under_its_signature(issuer: Issuer) -> str:
    header, _, signature = issuer.token().split(".")
    return f"{header}.{encoded(json.dumps(issuer.claims(preferred_username='root')).encode())}.{signature}"


def without_kid(issuer: Issuer) -> str:
    return sign(issuer.keys["first"], {"alg": "RS256"}, json.dumps(issuer.claims()))


def with_a_kid_that_is_no_text(issuer: Issuer) -> str:
    return sign(issuer.keys["first"], {**RS256, "kid": ["first"]}, json.dumps(issuer.claims()))


def with_an_unknown_extension(issuer: Issuer) -> str:
    return sign(issuer.keys["first"], {**RS256, "crit": ["x"], "x": 1}, json.dumps(issuer.claims()))


FORGERIES = [
    unsigned,
    signed_with_the_public_key,
    with_another_key,
    with_its_own_key_set,
    with_a_claim_twice,
    with_a_nested_claim_twice,
    with_a_header_twice,
    with_a_deep_header,
    with_a_detached_payload,
    with_another_padding,
    with_infinite_expiry,
    with_expiry_that_is_no_number,
    with_other_claims_under_its_signature,
    without_kid,
    with_a_kid_that_is_no_text,
    with_an_unknown_extension,
]
