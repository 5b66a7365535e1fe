"""The one file of a multipart upload, read strictly (spec nx1 section 8, decisions U1 to U10)."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from aiohttp import BodyPartReader, hdrs, web

from gateway.contents.paths import checked_name
from gateway.contents.problem import Code, Problem, invalid
from gateway.dialects.nx1.disposition import parse_disposition
from gateway.dialects.nx1.problems import unprocessable

FIELD = "file"

_CHUNK_BYTES = 1 << 18
_FRAMING_BYTES = 1 << 16
"""Room for boundaries, headers and small other fields around the file, where the length is told in advance."""

# AssertionError is how aiohttp's reader reports a body that ends inside a part.
_BROKEN = (ValueError, AssertionError, aiohttp.ClientPayloadError, web.RequestPayloadError)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A notebook as it was sent: its plain name and its bytes."""

    name: str
    body: bytes


async def read_upload(request: web.Request, max_bytes: int) -> UploadedFile:
    """The ``file`` part. UNPROCESSABLE without one, INVALID for bad framing or names, TOO_LARGE while reading."""
    if request.content_type != "multipart/form-data":
        raise unprocessable(("body", FIELD), "missing", "Send the notebook as the part 'file' of multipart/form-data.")
    if (request.content_length or 0) > max_bytes + _FRAMING_BYTES:
        raise _too_large(max_bytes)
    try:
        uploaded = await _only_file(request, max_bytes)
    except _BROKEN as error:
        raise invalid("The multipart body is malformed or ends early.") from error
    if uploaded is None:
        raise unprocessable(("body", FIELD), "missing", "The multipart body has no part named 'file'.")
    if not uploaded.body:
        raise invalid("The file is empty.")
    return uploaded


async def _only_file(request: web.Request, max_bytes: int) -> UploadedFile | None:
    reader = await request.multipart()
    uploaded: UploadedFile | None = None
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            continue
        disposition = parse_disposition(part.headers.get(hdrs.CONTENT_DISPOSITION, ""))
        if disposition.name != FIELD:
            await _read(part, max_bytes)
            continue
        if uploaded is not None:
            raise invalid("Send exactly one part named 'file'.")
        name = notebook_name(disposition.filename)
        uploaded = UploadedFile(name, await _read(part, max_bytes))
    return uploaded


async def _read(part: BodyPartReader, max_bytes: int) -> bytes:
    body = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> Problem:
    return Problem(Code.TOO_LARGE, f"The file is larger than {max_bytes} bytes.")


def notebook_name(name: str | None) -> str:
    """The name a part declares, unchanged: nothing is decoded, normalised or cut down to a base name."""
    if name is None:
        raise unprocessable(("body", FIELD), "value_error", "The part 'file' has no filename.")
    if "/" in name or "\\" in name:
        raise invalid("A filename may not contain path separators.")
    if not name.endswith(".ipynb") or name == ".ipynb":
        raise invalid("A notebook's filename ends in .ipynb.")
    return checked_name(name)
