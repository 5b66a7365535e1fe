"""The emulated workspace's own check of request signatures, written from spec oci 9 and from nothing of the gateway."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .habits import Habits
from .identities import token_expiry

WITH_BODY = ("POST", "PUT", "PATCH")

_PARAMETERS = re.compile(r'\s*(?:[a-zA-Z]+="[^"]*"\s*(?:,\s*|$))+')
_PARAMETER = re.compile(r'([a-zA-Z]+)="([^"]*)"')
_DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
_SKEW_SECONDS = 300


class NotAuthenticatedError(Exception):
    """The signature does not hold; the text says why, for the test's reader."""


def signer_of(request: web.Request, body: bytes, keys: Mapping[str, rsa.RSAPublicKey], habits: Habits) -> str:
    """The keyId of who signed the request as it travelled."""
    given = _parameters(_only(request, "authorization"))
    names = given["headers"].lower().split(" ")
    _check_names(request.method, names)
    _check_date(_only(request, "x-date" if "x-date" in names else "date"), habits.clock())
    lines = [f"{name}: {_value(request, name)}" for name in names]
    key = keys.get(given["keyId"])
    _require(key is None or key.key_size >= habits.smallest_key_bits, "key too short")
    _check_signature(key, given["signature"], "\n".join(lines))
    _check_token(given["keyId"], habits)
    if request.method in WITH_BODY:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        _require(_only(request, "x-content-sha256") == digest, "another body")
        _require(_only(request, "content-length") == str(len(body)), "another length")
    return given["keyId"]


def _parameters(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    pairs = _PARAMETER.findall(rest)
    given = dict(pairs)
    is_well_formed = _PARAMETERS.fullmatch(rest) is not None and len(pairs) == len(given)
    _require(scheme.lower() == "signature" and is_well_formed, "malformed authorization")
    _require(given.get("version") == "1" and given.get("algorithm") == "rsa-sha256", "unsupported version")
    _require({"keyId", "headers", "signature"} <= given.keys(), "missing parameter")
    return given


def _check_names(method: str, names: list[str]) -> None:
    needed = {"(request-target)", "host"}
    if method in WITH_BODY:
        needed |= {"content-length", "content-type", "x-content-sha256"}
    _require(len(names) == len(set(names)) and needed <= set(names), "a header is unsigned or named twice")
    _require("date" in names or "x-date" in names, "no date is signed")


def _check_date(text: str, now: datetime) -> None:
    _require(_DATE.fullmatch(text) is not None, "unreadable date")
    try:
        skew = now - parsedate_to_datetime(text)
    except (ValueError, TypeError) as error:
        raise NotAuthenticatedError("unreadable date") from error
    _require(abs(skew.total_seconds()) <= _SKEW_SECONDS, "clock skew")


def _check_signature(key: rsa.RSAPublicKey | None, signature: str, text: str) -> None:
    if key is None:
        raise NotAuthenticatedError("unknown key")
    try:
        decoded = base64.b64decode(signature, validate=True)
        key.verify(decoded, text.encode("utf-8", "surrogateescape"), padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, InvalidSignature) as error:
        raise NotAuthenticatedError("wrong signature") from error


def _check_token(key_id: str, habits: Habits) -> None:
    expiry = token_expiry(key_id)
    is_over = expiry is not None and (habits.expired_tokens or expiry < habits.clock().timestamp())
    _require(not is_over, "the session token has expired")


def _value(request: web.Request, name: str) -> str:
    return f"{request.method.lower()} {request.raw_path}" if name == "(request-target)" else _only(request, name)


def _only(request: web.Request, name: str) -> str:
    values = request.headers.getall(name, [])
    _require(len(values) == 1, f"{name} occurs {len(values)} times")
    return values[0]


def _require(held: object, reason: str) -> None:
    if not held:
        raise NotAuthenticatedError(reason)
