"""The parts of a form as they arrive, from the first boundary to the last (RFC 7578 and 2046).

aiohttp's own reader keeps parts named ``_charset_`` and parts of a multipart type to itself, accepts an empty boundary
and takes the first of two dispositions; here a part is a part, and what is ambiguous is refused.
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum

from aiohttp import StreamReader
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from gateway.contents.problem import Code, Problem, invalid
from gateway.dialects.nx1.disposition import Disposition, parse_disposition, parse_parameters

FORM = "multipart/form-data"

_BOUNDARY = re.compile(r"[ -~]{0,69}[!-~]")
_MAX_HEADERS = 32
_MAX_LINE_BYTES = 8 << 10


class _End(Enum):
    OF_PART = "part"
    OF_FORM = "form"


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
        self._events: deque[Disposition | bytes | _End] = deque()
        self._is_in_part = False
        self._header_name = self._header_value = b""
        self._dispositions: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._dispositions.clear,
                "on_header_begin": self._begin_header,
                "on_header_field": self._extend_name,
                "on_header_value": self._extend_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_body,
                "on_part_data": lambda data, start, end: self._events.append(data[start:end]),
                "on_part_end": lambda: self._events.append(_End.OF_PART),
                "on_end": lambda: self._events.append(_End.OF_FORM),
            },
            max_header_count=_MAX_HEADERS,
            max_header_size=_MAX_LINE_BYTES,
        )

    async def next(self) -> Disposition | None:
        """Go to the next part, past what is left of this one; None after the last. INVALID, TOO_LARGE."""
        while await self.piece():
            pass
        event = await self._event()
        self._is_in_part = isinstance(event, Disposition)
        return event if isinstance(event, Disposition) else None

    async def piece(self) -> bytes:
        """The next bytes of the part, empty at its end. INVALID when the form ends first; TOO_LARGE."""
        if not self._is_in_part:
            return b""
        event = await self._event()
        self._is_in_part = isinstance(event, bytes)
        return event if isinstance(event, bytes) else b""

    async def _event(self) -> Disposition | bytes | _End:
        while not self._events:
            chunk = await self._stream.readany()
            if not chunk:
                raise _malformed()
            self._received += len(chunk)
            if self._received > self._max_bytes:
                raise Problem(Code.TOO_LARGE, f"The multipart body is larger than {self._max_bytes} bytes.")
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise _malformed() from error
        return self._events.popleft()

    def _begin_header(self) -> None:
        self._header_name = self._header_value = b""

    def _extend_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _extend_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._dispositions.append(self._header_value)

    def _begin_body(self) -> None:
        """The one header that counts has been among those of the part."""
        if len(self._dispositions) != 1:
            raise invalid("A part of the multipart body has no Content-Disposition, or several.")
        self._events.append(parse_disposition(_text(self._dispositions[0])))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise invalid("A Content-Disposition is not UTF-8.") from error


def _malformed() -> Problem:
    return invalid("The multipart body is malformed or ends early.")
