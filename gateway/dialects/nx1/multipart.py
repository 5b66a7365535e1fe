"""The one file of a multipart upload, read strictly (spec nx1 section 8, decisions U1 to U10)."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.contents.paths import checked_name
from gateway.contents.problem import Code, Problem, invalid
from gateway.dialects.nx1.form import FORM, Form
from gateway.dialects.nx1.keys import check_controls
from gateway.dialects.nx1.problems import unprocessable

FIELD = "file"
FRAMING_BYTES = 1 << 16
"""Room for boundaries, headers and small other fields around the file."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A notebook as it was sent: its plain name and its bytes."""

    name: str
    body: bytes


async def read_upload(request: web.Request, max_bytes: int) -> UploadedFile:
    """The ``file`` part. UNPROCESSABLE without one, INVALID for bad framing or names, TOO_LARGE while reading."""
    if request.content_type != FORM:
        raise unprocessable(("body", FIELD), "missing", f"Send the notebook as the part 'file' of {FORM}.")
    if (request.content_length or 0) > max_bytes + FRAMING_BYTES:
        raise _too_large(max_bytes)
    form = Form(request.content, request.headers[hdrs.CONTENT_TYPE], max_bytes + FRAMING_BYTES)
    uploaded = await _only_file(form, max_bytes)
    if uploaded is None:
        raise unprocessable(("body", FIELD), "missing", "The multipart body has no part named 'file'.")
    if not uploaded.body:
        raise invalid("The file is empty.")
    return uploaded


async def _only_file(form: Form, max_bytes: int) -> UploadedFile | None:
    """The part of that name; whatever else the form has is passed over."""
    uploaded: UploadedFile | None = None
    while (disposition := await form.next()) is not None:
        if disposition.name != FIELD:
            continue
        if uploaded is not None:
            raise invalid("Send exactly one part named 'file'.")
        uploaded = UploadedFile(notebook_name(disposition.filename), await _read(form, max_bytes))
    return uploaded


async def _read(form: Form, max_bytes: int) -> bytes:
    body = bytearray()
    while piece := await form.piece():
        body += piece
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
    if name.startswith("."):
        raise invalid("A filename that begins with a dot would be hidden.")
    check_controls(name)
    return checked_name(name)
