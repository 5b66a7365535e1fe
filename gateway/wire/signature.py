"""OCI request signatures, version 1: the signing string, signing, and verifying (spec oci 9).

Everything here is a pure function of the method, the raw request target, the headers and the body. The target is the
one that travels, byte for byte: a proxy or a URL library that rewrites ``%2F`` breaks the signature, as it must.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, RSAPublicNumbers
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gateway.contents.problem import Code, Problem, invalid
from gateway.wire.dates import http_date, parse_http_date

TARGET = "(request-target)"
BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
MAX_SKEW_SECONDS = 300
"""How far a request's date may be from the time here, in either direction."""

_BODY_HEADERS = ("content-length", "content-type", "x-content-sha256")
_PARAMETER = re.compile(r'\s*([A-Za-z]+)="([^"]*)"\s*(?:,|$)')
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_DATE = re.compile(r"[A-Za-z]{3}, [0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")

_UNKNOWN_OR_WRONG = "the key is unknown or the signature does not match"
_DECOY = RSAPublicNumbers(65537, (1 << 2048) - 1).public_key()
"""Verified against when the key is unknown, so that an unknown key takes as long as a wrong signature."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name its public half is registered under: ``tenancy/user/fingerprint``."""

    key_id: str
    private_key: RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Authorization:
    """What an Authorization header of scheme ``Signature`` says; ``headers`` in the signer's own order."""

    key_id: str
    headers: tuple[str, ...]
    signature: bytes


def fingerprint(public_key: RSAPublicKey) -> str:
    """The colon-separated MD5 of the key's DER form: a name, not a protection (spec oci 9.1)."""
    return hashlib.md5(_der(public_key), usedforsecurity=False).digest().hex(":")


def digest(body: bytes) -> str:
    """The value of ``x-content-sha256``."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")


def signing_string(names: Iterable[str], method: str, raw_target: str, headers: Mapping[str, str]) -> bytes:
    """The bytes that are signed: one ``name: value`` a line, in the order of ``names``; the last line is not ended."""
    lines = []
    for name in names:
        value = f"{method.lower()} {raw_target}" if name == TARGET else headers[name]
        lines.append(f"{name}: {value}")
    return _octets("\n".join(lines))


def sign(key: SigningKey, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The headers to add to ``headers`` so that the request is signed; send ``url`` as the very object given here.

    A date, host or content type already among ``headers`` is kept, under the spelling it has there.
    """
    spelled = {name.lower(): name for name in headers}
    facts = {"date": http_date(datetime.now(UTC)), "host": url.host_port_subcomponent or ""}
    if method.upper() in BODY_METHODS:
        facts |= {
            "content-length": str(len(body)),
            "content-type": "application/json",
            "x-content-sha256": digest(body),
        }
    for name in facts.keys() & spelled.keys() & {"date", "host", "content-type"}:
        facts[name] = headers[spelled[name]]
    names = ("date", TARGET, *(name for name in facts if name != "date"))
    signature = key.private_key.sign(signing_string(names, method, url.raw_path_qs, facts), PKCS1v15(), hashes.SHA256())
    facts["authorization"] = (
        f'Signature version="1",keyId="{key.key_id}",algorithm="rsa-sha256",headers="{" ".join(names)}",'
        f'signature="{base64.b64encode(signature).decode("ascii")}"'
    )
    return {spelled.get(name, name): value for name, value in facts.items()}


def parse_authorization(header: str) -> Authorization:
    """Read the header. UNAUTHENTICATED unless it is a version 1 rsa-sha256 signature with well-formed parameters."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "signature":
        raise refused("the Authorization header is not of the scheme Signature")
    parameters = _parameters(rest)
    if parameters.get("version") != "1" or parameters.get("algorithm") != "rsa-sha256":
        raise refused("only version 1 with rsa-sha256 is supported")
    try:
        signature = base64.b64decode(parameters["signature"], validate=True)
        return Authorization(parameters["keyId"], _signed_names(parameters["headers"]), signature)
    except KeyError as error:
        raise refused("the Authorization header lacks a parameter") from error
    except ValueError as error:
        raise refused("the signature is not base64") from error


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A request whose line and headers are proven to be the signer's; its body is not yet."""

    key: RSAPublicKey
    signature: bytes
    method: str
    headers: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """What this signature can be remembered by: lower-case hex, the same however the request spells it.

        Of the key rather than of its keyId, which is not signed: a key may have two names, a session two tokens, and a
        token two spellings.
        """
        return hashlib.sha256(_der(self.key) + self.signature).hexdigest()

    def check_body(self, body: bytes) -> None:
        """UNAUTHENTICATED unless ``body`` is the very one that was signed, or there is none and none was signed."""
        expected = self.headers.get("x-content-sha256")
        if expected is None and body:
            raise refused(f"the body of a {self.method} is not covered by it")
        if expected is not None and not hmac.compare_digest(_octets(expected), digest(body).encode()):
            raise refused("the body is not the signed one")
        if self.headers.get("content-length", str(len(body))) != str(len(body)):
            raise refused("the body does not have the signed length")


class SignatureVerifier:
    """Proves that a request is the one that a key has signed, or refuses it (spec oci 9.4).

    ``hosts``, when given, are the only Host values accepted: without them a request signed for another server can be
    replayed here by who received it there.
    """

    def __init__(
        self,
        *,
        min_key_bits: int = 2048,
        hosts: frozenset[str] = frozenset(),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._min_key_bits = min_key_bits
        self._hosts = frozenset(host.lower() for host in hosts)
        self._now = now

    def verify_head(
        self,
        authorization: Authorization,
        key: RSAPublicKey | None,
        method: str,
        raw_target: str,
        headers: CIMultiDictProxy[str],
    ) -> SignedHead:
        """Prove everything but the body, so that a stranger's body need never be received.

        ``key`` is whose ``authorization.key_id`` is, None when nobody knows. UNAUTHENTICATED when it does not hold;
        INVALID for a body sent in chunks, as no length of it is signed.
        """
        if "Transfer-Encoding" in headers:
            raise invalid("A signed request is sent with a Content-Length, not chunked.")
        signed = _signed_values(authorization.headers, method, headers)
        self._check_host(signed["host"])
        self._check_date(signed["x-date" if "x-date" in signed else "date"])
        string = signing_string(authorization.headers, method, raw_target, signed)
        return SignedHead(self._proven(key, authorization.signature, string), authorization.signature, method, signed)

    def _check_host(self, host: str) -> None:
        if self._hosts and host.lower() not in self._hosts:
            raise refused("it was made for another host")

    def _check_date(self, text: str) -> None:
        date = parse_http_date(text) if _DATE.fullmatch(text) else None
        if date is None:
            raise refused("its date cannot be read")
        if abs((self._now() - date).total_seconds()) > MAX_SKEW_SECONDS:
            raise refused(f"its date is more than {MAX_SKEW_SECONDS} seconds off")

    def _proven(self, key: RSAPublicKey | None, signature: bytes, string: bytes) -> RSAPublicKey:
        """The key, once it is known that it made the signature: only its owner hears that it is too short."""
        try:
            (key or _DECOY).verify(signature, string, PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise refused(_UNKNOWN_OR_WRONG) from error
        if key is None:
            raise refused(_UNKNOWN_OR_WRONG)
        if key.key_size < self._min_key_bits:
            raise refused(f"its key has fewer than {self._min_key_bits} bits")
        return key


def refused(reason: str) -> Problem:
    """The one form of every refusal."""
    return Problem(Code.UNAUTHENTICATED, f"The request signature was not accepted: {reason}.")


def _der(public_key: RSAPublicKey) -> bytes:
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _parameters(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None or match[1] in parameters:
            raise refused("the Authorization header cannot be parsed")
        parameters[match[1]] = match[2]
        position = match.end()
    return parameters


def _signed_names(text: str) -> tuple[str, ...]:
    names = tuple(text.lower().split(" "))
    if len(set(names)) != len(names):
        raise refused("a header is named twice in its list of headers")
    if not all(name == TARGET or _HEADER_NAME.fullmatch(name) for name in names):
        raise refused("its list of headers cannot be parsed")
    return names


def _signed_values(names: tuple[str, ...], method: str, headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The value of every signed header; refused unless all that must be signed is, and each occurs exactly once."""
    required = {TARGET, "host", *(_BODY_HEADERS if method.upper() in BODY_METHODS else ())}
    if missing := sorted(required.difference(names)):
        raise refused(f"it does not cover {', '.join(missing)}")
    if not {"date", "x-date"}.intersection(names):
        raise refused("it does not cover date or x-date")
    return CIMultiDict((name, _single(headers, name)) for name in names if name != TARGET)


def _single(headers: CIMultiDictProxy[str], name: str) -> str:
    values = headers.getall(name, [])
    if len(values) != 1:
        raise refused(f"the header {name} must be there exactly once")
    return values[0].strip()


def _octets(text: str) -> bytes:
    """A header's text as it travelled: bytes that are not UTF-8 arrive as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")
