"""Headers with parameters, read strictly and unchanged: a part's Content-Disposition, a form's Content-Type.

aiohttp's own reading of a disposition drops leading slashes and lone backslashes of a filename, prefers ``filename*``,
and gives up at a second semicolon; a filename that is to be refused has to be seen first (spec nx1 section 8, U3, U4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.contents.paths import decode
from gateway.contents.problem import Problem, invalid

_TYPE = re.compile(r"\s*([\w/-]+)\s*(?=;|$)", re.ASCII)
_PARAMETER = re.compile(r';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;"]*)\s*', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Disposition:
    """Which field a part is, and what it calls its file; None where it does not say."""

    name: str | None
    filename: str | None


def parse_disposition(header: str) -> Disposition:
    """INVALID for anything but well-formed ``form-data``, for a repeated parameter, and for two differing filenames."""
    parameters = parse_parameters(header, "form-data")
    return Disposition(parameters.get("name"), _filename(parameters))


def parse_parameters(header: str, type_: str) -> dict[str, str]:
    """The parameters behind the type, by lower-case name. INVALID for another type, bad syntax and repetitions."""
    start = _TYPE.match(header)
    if start is None or start[1].lower() != type_:
        raise _malformed(type_)
    parameters: dict[str, str] = {}
    position = start.end()
    while position < len(header.rstrip("; \t")):
        found = _PARAMETER.match(header, position)
        if found is None or found[1].lower() in parameters:
            raise _malformed(type_)
        parameters[found[1].lower()] = _unquoted(found[2])
        position = found.end()
    return parameters


def _filename(parameters: dict[str, str]) -> str | None:
    plain, extended = parameters.get("filename"), parameters.get("filename*")
    if extended is None:
        return plain
    charset, _, value = extended.partition("'")
    if charset.lower() != "utf-8":
        raise invalid("A filename* is encoded as UTF-8.")
    decoded = decode(value.partition("'")[2])
    if plain not in (None, decoded):
        raise invalid("filename and filename* differ.")
    return decoded


def _unquoted(value: str) -> str:
    """Without its quotes; of the backslashes only those that escape a quote are taken away."""
    return value[1:-1].replace('\\"', '"') if value.startswith('"') else value


def _malformed(type_: str) -> Problem:
    return invalid(f"The multipart body has a header that is no well-formed {type_!r}.")
