"""The parts of a form as they arrive, byte for byte, from the first boundary to the last (RFC 7578 and 2046).

aiohttp's own reader keeps parts named ``_charset_`` and parts of a multipart type to itself, accepts an empty boundary
and takes the first of two dispositions; here a part is a part, and what is ambiguous is refused.
"""

from __future__ import annotations

import re

from aiohttp import StreamReader

from gateway.contents.problem import Code, Problem, invalid
from gateway.dialects.nx1.disposition import Disposition, parse_disposition, parse_parameters

FORM = "multipart/form-data"

_CRLF = b"\r\n"
_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]")
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MAX_HEADERS = 32
_MAX_LINE_BYTES = 8 << 10


class Form:
    """A form under way. ``next`` leads from part to part, ``piece`` through the bytes of one."""

    def __init__(self, stream: StreamReader, content_type: str, max_bytes: int) -> None:
        """INVALID when the content type names no usable boundary."""
        boundary = parse_parameters(content_type, FORM).get("boundary", "")
        if not _BOUNDARY.fullmatch(boundary):
            raise invalid("The content type names no usable boundary.")
        self._stream = stream
        self._max_bytes = max_bytes
        self._received = 0
        self._delimiter = _CRLF + b"--" + boundary.encode()
        # A boundary at the very beginning has no line end before it; with this one it is like the others.
        self._buffer = bytearray(_CRLF)
        self._is_between_parts = False

    async def next(self) -> Disposition | None:
        """Go to the next part, past what is left of this one; None after the last. INVALID, TOO_LARGE."""
        while await self.piece():
            pass
        await self._await_bytes(2)
        if self._buffer.startswith(b"--"):
            return None
        if (await self._line()).strip(b" \t"):
            raise _malformed()
        disposition = await self._disposition()
        self._is_between_parts = False
        await self._skip_missing_body()
        return disposition

    async def piece(self) -> bytes:
        """The next bytes of the part, empty at its end. INVALID when the form ends first; TOO_LARGE."""
        while not self._is_between_parts:
            end = self._buffer.find(self._delimiter)
            if end == 0:
                del self._buffer[: len(self._delimiter)]
                self._is_between_parts = True
                break
            # What could be the beginning of a boundary stays until more has come.
            settled = end if end > 0 else len(self._buffer) - len(self._delimiter) + 1
            if settled > 0:
                piece = bytes(self._buffer[:settled])
                del self._buffer[:settled]
                return piece
            await self._receive()
        return b""

    async def _disposition(self) -> Disposition:
        """The one header that counts, out of all that the part has."""
        found: list[Disposition] = []
        for _ in range(_MAX_HEADERS):
            line = await self._line()
            if not line:
                break
            name, colon, value = line.partition(b":")
            if not colon or not _HEADER_NAME.fullmatch(name):
                raise _malformed()
            if name.lower() == b"content-disposition":
                found.append(parse_disposition(_text(value)))
        else:
            raise _malformed()
        if len(found) != 1:
            raise invalid("A part of the multipart body has no Content-Disposition, or several.")
        return found[0]

    async def _skip_missing_body(self) -> None:
        """A part may end with its headers: their last line end is then also the one before the boundary."""
        bare = self._delimiter.removeprefix(_CRLF)
        await self._await_bytes(len(bare))
        if self._buffer.startswith(bare):
            del self._buffer[: len(bare)]
            self._is_between_parts = True

    async def _line(self) -> bytes:
        while (end := self._buffer.find(_CRLF)) < 0 and len(self._buffer) <= _MAX_LINE_BYTES:
            await self._receive()
        if not 0 <= end <= _MAX_LINE_BYTES:
            raise _malformed()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + len(_CRLF)]
        return line

    async def _await_bytes(self, count: int) -> None:
        while len(self._buffer) < count:
            await self._receive()

    async def _receive(self) -> None:
        chunk = await self._stream.readany()
        if not chunk:
            raise _malformed()
        self._received += len(chunk)
        if self._received > self._max_bytes:
            raise Problem(Code.TOO_LARGE, f"The multipart body is larger than {self._max_bytes} bytes.")
        self._buffer += chunk


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise invalid("A Content-Disposition is not UTF-8.") from error


def _malformed() -> Problem:
    return invalid("The multipart body is malformed or ends early.")
