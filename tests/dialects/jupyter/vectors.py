"""What golden vectors are made of, and how an answer is held against one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.contents.model import sha256_hex
from tests.dialects.jupyter.driving import Answer, Ask, Server

DATE = "<a date>"
UNTESTED = "<untested>"

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

EMPTY_NOTEBOOK: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
NOTEBOOK: dict[str, Any] = {
    "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# one\ntwo"}],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}
STORED_NOTEBOOK: dict[str, Any] = {
    **NOTEBOOK,
    "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# one\n", "two"]}],
}
STORED_BYTES = (json.dumps(STORED_NOTEBOOK, indent=1, sort_keys=True) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Vector:
    """``given`` is sent first and must succeed; ``body`` and ``headers`` name what must be in the answer."""

    name: str
    ask: Ask
    status: int
    body: object = UNTESTED
    headers: Mapping[str, str | None] = field(default_factory=dict)
    given: tuple[Ask, ...] = ()


def text(path: str, content: str = "hello", /, **more: object) -> Ask:
    return Ask("PUT", f"/api/contents/{path}", {"type": "file", "format": "text", "content": content, **more})


def folder(path: str) -> Ask:
    return Ask("PUT", f"/api/contents/{path}", {"type": "directory"})


def notebook(path: str, content: object = NOTEBOOK) -> Ask:
    return Ask("PUT", f"/api/contents/{path}", {"type": "notebook", "format": "json", "content": content})


def etag(body: bytes) -> str:
    """The ETag header of these bytes in the backend in memory."""
    return f'"{sha256_hex(body)}"'


def text_model(path: str, body: str = "hello", /, **more: object) -> dict[str, object]:
    """The whole model of a ``.txt`` file, as it is without content."""
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "type": "file",
        "created": DATE,
        "last_modified": DATE,
        "mimetype": "text/plain",
        "content": None,
        "format": None,
        "size": len(body.encode()),
        "writable": True,
        "hash": None,
        "hash_algorithm": None,
    } | more


def hashed(body: bytes) -> dict[str, object]:
    return {"hash": sha256_hex(body), "hash_algorithm": "sha256"}


async def hold(vector: Vector, server: Server) -> None:
    """Send what is given, then the request, and compare."""
    for given in vector.given:
        done = await server.send(given)
        assert done.status in (200, 201, 204), done.body
    answer = await server.send(vector.ask)
    assert answer.status == vector.status, answer.body
    assert {name: answer.headers.get(name) for name in vector.headers} == vector.headers
    if answer.status >= 400 and vector.ask.method != "HEAD":
        _check_error(answer)
    _compare(vector.body, answer)


def _check_error(answer: Answer) -> None:
    """Every refusal has Jupyter's shape, whatever was asked."""
    assert answer.headers["Content-Type"] == "application/json"
    error = answer.json()
    assert sorted(error) == ["message", "reason"]
    assert error["message"]


def _compare(expected: object, answer: Answer) -> None:
    if expected == UNTESTED:
        return
    if expected is None:
        assert answer.body == b""
        return
    assert answer.headers["Content-Type"] == "application/json"
    seen = dated(answer.json())
    if isinstance(expected, dict) and isinstance(seen, dict):
        seen = {name: seen.get(name) for name in expected}
    assert seen == expected


def dated(value: Any) -> Any:
    """The same JSON with every well-formed date replaced by ``DATE``."""
    match value:
        case dict():
            return {name: dated(each) for name, each in value.items()}
        case list():
            return [dated(each) for each in value]
        case str() if _ISO.fullmatch(value):
            return DATE
    return value
