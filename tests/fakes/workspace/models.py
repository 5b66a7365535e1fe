"""The models of contents and objects as the emulated service writes them (spec oci 4.1, 6)."""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
from datetime import UTC, datetime
from typing import Any

from .habits import Habits
from .identities import USER
from .paths import Path, text_of
from .refusals import invalid
from .tree import Node, kind_of

_TYPES = {"directory": "FOLDER", "notebook": "NOTEBOOK", "file": "FILE"}
_OPTIONAL = {
    "size", "mimetype", "hash", "hash_algorithm", "description", "metadata", "compositeEtag", "systemTags",
    "timeUpdated", "createdBy", "agentFlowKey",
}  # fmt: skip


def content_model(habits: Habits, path: Path, node: Node, *, with_hash: bool = False) -> dict[str, Any]:
    """Facts of one path, without its content."""
    kind, body = kind_of(path, node), node.body
    has_hash = with_hash and habits.hashes and body is not None
    model = {
        "name": path[-1],
        "path": wire_path(habits, path),
        "type": kind,
        "writable": True,
        "created": wire_date(habits, node.created),
        "last_modified": wire_date(habits, node.modified),
        "size": None if body is None else len(body),
        "mimetype": None,
        "content": None,
        "format": habits.null_format,
        "hash": hashlib.sha256(body or b"").hexdigest() if has_hash else None,
        "hash_algorithm": "sha256" if has_hash else None,
        "description": node.description,
    }
    return sparse(habits, model)


def content_of(path: Path, node: Node, wanted: str | None) -> dict[str, Any]:
    """The fields of a file's model that come with its content; 400 ``bad format`` where it has none of that form."""
    body = node.body or b""
    if kind_of(path, node) == "notebook":
        if wanted not in (None, "json"):
            raise invalid("A notebook is JSON.", "bad format")
        try:
            return {"content": json.loads(body), "format": "json"}
        except (ValueError, RecursionError) as error:
            raise invalid("The notebook cannot be read.") from error
    if wanted == "json":
        raise invalid("A file is text or base64.", "bad format")
    text = None if wanted == "base64" else _text(body)
    if wanted == "text" and text is None:
        raise invalid("The file is not text.", "bad format")
    fallback = "application/octet-stream" if text is None else "text/plain"
    mimetype = mimetypes.guess_type(path[-1])[0] or fallback
    if text is None:
        return {"content": base64.b64encode(body).decode(), "format": "base64", "mimetype": mimetype}
    return {"content": text, "format": "text", "mimetype": mimetype}


def object_summary(habits: Habits, path: Path, node: Node) -> dict[str, Any]:
    """One line of a listing: no size, and an etag of a space of its own."""
    model = {
        "path": wire_path(habits, path),
        "displayName": path[-1],
        "type": object_type(habits, path, node),
        "timeCreated": wire_date(habits, node.created),
        "timeUpdated": wire_date(habits, node.modified),
        "compositeEtag": composite_etag(node),
        "description": node.description,
        "createdBy": USER,
    }
    return sparse(habits, model)


def object_details(habits: Habits, path: Path, node: Node) -> dict[str, Any]:
    summary = object_summary(habits, path, node)
    summary.pop("compositeEtag", None)
    return {**summary, "key": node.key}


def object_type(habits: Habits, path: Path, node: Node) -> str:
    if habits.types_from_names or node.object_type is None:
        return _TYPES[kind_of(path, node)]
    return node.object_type


def contents_etag(habits: Habits, node: Node) -> str:
    return habits.etag_form.format(node.etag)


def object_etag(habits: Habits, node: Node) -> str:
    return _derived("object", node) if habits.object_etags_apart else contents_etag(habits, node)


def composite_etag(node: Node) -> str:
    """Of data and metadata together: never one that contents or objects take for their own."""
    return _derived(f"composite {node.description}", node)


def wire_path(habits: Habits, path: Path) -> str:
    return text_of(path) if habits.leading_slash else text_of(path)[1:]


def wire_date(habits: Habits, date: datetime) -> str | float:
    if habits.numeric_dates:
        return date.timestamp() * 1000
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sparse(habits: Habits, model: dict[str, Any]) -> dict[str, Any]:
    """The model, or where the habit asks for it only what must be there, beside a field that nobody knows."""
    if not habits.sparse_models:
        return model
    return {name: value for name, value in model.items() if name not in _OPTIONAL} | {"emulatedExtra": {"new": True}}


def _derived(space: str, node: Node) -> str:
    return hashlib.sha256(f"{space} {node.key} {node.etag}".encode()).hexdigest()[:24]


def _text(body: bytes) -> str | None:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None
