"""What S3 and its client can go wrong with, as Problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError

from gateway.contents.problem import Code, Problem, Reason, Source, invalid, not_found, stale
from gateway.wire.client import nonsense, refused_credential

FAULTS = (BotoCoreError, ClientError, ResponseParserError, aiohttp.ClientError)
BROKEN_CONNECTION = (EndpointConnectionError, ConnectionClosedError, ConnectTimeoutError)

_RETRY_AFTER_SECONDS = 5
_CREDENTIAL_CODES = frozenset(
    {
        "AccessDenied",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
_UNSUPPORTED_CODES = frozenset({"NotImplemented", "InvalidRequest", "InvalidArgument", "MissingContentMD5"})
_CREDENTIAL_FAULTS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_BUSY_CODES = frozenset({"SlowDown", "ServiceUnavailable", "Throttling", "TooManyRequests"})


def problem_from(error: Exception) -> Problem:
    """The Problem that an exception of the S3 client stands for; its text never reaches the caller."""
    if isinstance(error, ClientError):
        return _from_answer(error)
    if isinstance(error, _CREDENTIAL_FAULTS):
        return refused_credential()
    if isinstance(error, ReadTimeoutError | TimeoutError):
        return too_slow()
    if isinstance(error, (*BROKEN_CONNECTION, ResponseStreamingError, aiohttp.ClientError)):
        return _unavailable("The storage behind this mount cannot be reached.")
    if isinstance(error, ParamValidationError):
        return invalid("The store cannot hold a file of this name.")
    return nonsense()


def problem_from_code(code: str) -> Problem:
    """The Problem of a refusal inside a successful answer, as DeleteObjects gives them one by one."""
    return _from_code(code) or nonsense("The storage behind this mount refused a part of the request.")


def too_slow() -> Problem:
    """The deadline has passed."""
    return Problem(Code.TIMEOUT, "The storage behind this mount did not answer in time.", source=Source.UPSTREAM)


def _from_answer(error: ClientError) -> Problem:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return _from_code(code) or _from_status(status)


def _from_code(code: str) -> Problem | None:
    """The codes that say more than their status does, or that come inside a 200 (DeleteObjects, CopyObject)."""
    if code in _CREDENTIAL_CODES:
        return refused_credential()
    if code in _BUSY_CODES:
        return _unavailable("The storage behind this mount is overloaded.")
    if code in _UNSUPPORTED_CODES:
        return _unsupported()
    make = _BY_CODE.get(code)
    return make() if make else None


def _from_status(status: int) -> Problem:
    match status:
        case 404:
            return not_found()
        case 412:
            return stale()
        case 401 | 403:
            return refused_credential()
        case 409:
            return Problem(Code.CONFLICT, "The store refuses the change at present.")
        case 413:
            return _too_large()
        case 429 | 503:
            return _unavailable("The storage behind this mount is overloaded.")
        case 501:
            return _unsupported()
    if status >= 500:
        return nonsense("The storage behind this mount failed.")
    return nonsense("The storage behind this mount refused the gateway's request.")


def _unavailable(detail: str) -> Problem:
    return Problem(Code.UNAVAILABLE, detail, source=Source.UPSTREAM, retry_after_seconds=_RETRY_AFTER_SECONDS)


def _too_large() -> Problem:
    return Problem(Code.TOO_LARGE, "The file is larger than the store accepts.")


def _unsupported() -> Problem:
    return Problem(Code.UNSUPPORTED, "The store cannot do this.", source=Source.UPSTREAM)


def _no_bucket() -> Problem:
    return nonsense("The bucket of this mount does not exist.")


def _key_too_long() -> Problem:
    return invalid("The path is longer than the store accepts.")


def _busy() -> Problem:
    """Nothing was stored, as another write of the same key was under way."""
    return Problem(Code.CONFLICT, "The file is being changed by someone else.", reason=Reason.BUSY)


_BY_CODE: Mapping[str, Callable[[], Problem]] = {
    "NoSuchBucket": _no_bucket,
    "NoSuchKey": not_found,
    "PreconditionFailed": stale,
    "InvalidRange": stale,  # asked only for bytes of a size that the store itself has told
    "EntityTooLarge": _too_large,
    "KeyTooLongError": _key_too_long,
    "KeyTooLong": _key_too_long,
    "ConditionalRequestConflict": _busy,
    "OperationAborted": _busy,
}
