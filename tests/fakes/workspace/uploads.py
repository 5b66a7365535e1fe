"""Notebooks that arrive in chunks: each is acknowledged, only the whole is stored (spec oci 4.8)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .calls import Call
from .notebooks import check_notebook, stored_form
from .paths import Path
from .refusals import invalid, missing

if TYPE_CHECKING:
    from .emulator import WorkspaceEmulator

FIELDS: dict[str, type | tuple[type, ...]] = {
    "content": (dict, list, str),
    "format": str,
    "upload_id": str,
    "upload_chunk_index": int,
    "total_chunks": int,
    "total_size_bytes": int,
    "sha256": str,
}
LIFE = timedelta(hours=1)

_ACKNOWLEDGED = ("upload_id", "upload_chunk_index", "total_chunks", "total_size_bytes", "sha256")
_LAST = -1
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


@dataclass
class Upload:
    """The chunks of one notebook that have come so far, in their order."""

    total_chunks: int
    begun: datetime
    chunks: list[bytes] = field(default_factory=list)
    described: dict[str, Any] = field(default_factory=dict)
    """What has been said of the whole notebook: it may be said again, never otherwise."""


def is_chunk(details: dict[str, Any]) -> bool:
    return any(details.get(name) is not None for name in _ACKNOWLEDGED)


def acknowledgement(details: dict[str, Any]) -> dict[str, Any]:
    return {name: details.get(name) for name in _ACKNOWLEDGED} if is_chunk(details) else {}


def accept(workspace: WorkspaceEmulator, call: Call, path: Path, details: dict[str, Any]) -> bytes | None:
    """The bytes of the whole notebook with its last chunk, None before; 400 for a chunk that does not fit.

    A chunk that comes a second time with the same content is acknowledged again. Order, expiry and codes are
    unpublished: this is the strictest reading of the fields' descriptions.
    """
    if not workspace.habits.chunked_uploads:
        raise invalid("Unrecognized field upload_id.")
    index, chunk = _index_of(details), _decoded(details)
    key, now = (call.caller, call.method, path, details["upload_id"]), workspace.habits.clock()
    upload = workspace.uploads.get(key)
    if upload is None or now - upload.begun > LIFE:
        upload = workspace.uploads[key] = Upload(details["total_chunks"], now)
    _describe(upload, details)
    position = upload.total_chunks if index == _LAST else index
    if position == len(upload.chunks) and upload.chunks[-1] == chunk:
        return None
    if position != len(upload.chunks) + 1 or (position == upload.total_chunks and index != _LAST):
        raise invalid(f"Chunk {index} does not follow chunk {len(upload.chunks)} of {upload.total_chunks}.")
    upload.chunks.append(chunk)
    if index != _LAST:
        return None
    del workspace.uploads[key]
    return _whole(upload)


def _index_of(details: dict[str, Any]) -> int:
    for name in ("upload_id", "upload_chunk_index", "total_chunks"):
        if details.get(name) in (None, ""):
            raise missing(name)
    index, total = int(details["upload_chunk_index"]), details["total_chunks"]
    if total < 1 or not (index == _LAST or 1 <= index <= total):
        raise invalid("upload_chunk_index is 1 to total_chunks, or -1 for the last.")
    return index


def _decoded(details: dict[str, Any]) -> bytes:
    if details.get("format") != "json":
        raise invalid("The format of a chunk is json.", "bad format")
    if not isinstance(details.get("content"), str):
        raise invalid("The content of a chunk is base64.")
    try:
        return base64.b64decode(details["content"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("The content of a chunk is base64.") from error


def _describe(upload: Upload, details: dict[str, Any]) -> None:
    if details["total_chunks"] != upload.total_chunks:
        raise invalid("total_chunks has changed.")
    for name in ("total_size_bytes", "sha256"):
        if details.get(name) is not None and upload.described.setdefault(name, details[name]) != details[name]:
            raise invalid(f"{name} has changed.")


def _whole(upload: Upload) -> bytes:
    """The stored form of what has come; 400 when it is not what was described, or no notebook."""
    body, said = b"".join(upload.chunks), upload.described
    if said.get("total_size_bytes") != len(body):
        raise invalid("total_size_bytes is not the size of the notebook.")
    digest = str(said.get("sha256"))
    if not _DIGEST.fullmatch(digest) or digest.lower() != hashlib.sha256(body).hexdigest():
        raise invalid("sha256 is not the digest of the notebook.")
    try:
        notebook = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid("The notebook is not JSON.") from error
    check_notebook(notebook)
    return stored_form(notebook)
