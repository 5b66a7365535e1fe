"""JSON at the edge: msgspec reads and writes it; the standard library says what is wrong with what msgspec refuses."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from gateway.contents.problem import Code, Fault, Problem, Reason, invalid

T = TypeVar("T")

_LOOKED_AT_AGAIN_BYTES = 1 << 16


def decode(body: bytes, shape: type[T]) -> T:
    """Read a JSON body into ``shape``. INVALID (cannot parse) when it is not JSON, INVALID with faults when it is of
    another shape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        location = tuple(part for part in where.rstrip("`").replace("[", ".").replace("]", "").split(".") if part)
        fault = Fault(location, "value_error", message)
        raise Problem(Code.INVALID, f"The request body is not as expected: {error}.", faults=(fault,)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        complaint = _complaint(body, error)
        raise invalid(f"The request body is not valid JSON: {complaint}.", reason=Reason.UNPARSABLE) from error


def encode(value: object) -> bytes:
    """The compact JSON of a wire model."""
    return msgspec.json.encode(value)


def _complaint(body: bytes, error: Exception) -> str:
    """Where the fault is; of a large body only what msgspec said, as looking again would hold up everybody."""
    if len(body) > _LOOKED_AT_AGAIN_BYTES:
        return str(error)
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError:
        return "it is not UTF-8, or holds a number that is too long"
    return "it holds NaN, Infinity or a byte order mark"
