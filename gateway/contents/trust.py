"""Which notebooks a user has vouched for: what may run in that user's browser when it is opened.

A mark in a file proves nothing, as whoever wrote the file could put it there. So marks are never stored; who saves a
notebook in which everything was run or approved is remembered with the sha256 of what was stored.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
import structlog
from cachetools import LRUCache, TTLCache

from gateway.contents.model import Caller
from gateway.contents.problem import Problem

REMEMBERED = 10_000
DOUBT_SECONDS = 5.0
"""For how long a replica may not know yet that another one was told of a save."""

_RICH = ("display_data", "execute_result")
_PLAIN_PARTS = frozenset({"output_type", "execution_count", "metadata", "data"})
_HARMLESS = frozenset({"text/plain", "image/png", "image/jpeg", "image/gif"})

_log = structlog.get_logger()


class Vouchers(Protocol):
    """Remembers who vouched for which bytes."""

    async def add(self, owner: str, sha256: str) -> None: ...

    async def has(self, owner: str, sha256: str) -> bool: ...


class Trust:
    """Asks and tells the vouchers. When they are out of reach nothing is trusted, and nothing else fails."""

    def __init__(self, vouchers: Vouchers) -> None:
        self._vouchers = vouchers
        self._vouched: LRUCache[tuple[str, str], bool] = LRUCache(REMEMBERED)
        self._doubted: TTLCache[tuple[str, str], bool] = TTLCache(REMEMBERED, DOUBT_SECONDS)

    async def vouch(self, caller: Caller, sha256: str) -> None:
        """The caller vouches for the notebook that is stored as these bytes."""
        key = (caller.key, sha256)
        if key in self._vouched:
            return
        try:
            await self._vouchers.add(*key)
        except Problem as problem:
            _log.warning("a saved notebook stays untrusted", detail=problem.detail)
            return
        self._vouched[key] = True
        self._doubted.pop(key, None)

    async def is_vouched(self, caller: Caller, sha256: str) -> bool:
        """Whether this caller has vouched for it."""
        key = (caller.key, sha256)
        if key in self._vouched:
            return True
        if key in self._doubted:
            return False
        try:
            found = await self._vouchers.has(*key)
        except Problem as problem:
            _log.warning("a notebook is shown untrusted", detail=problem.detail)
            return False
        (self._vouched if found else self._doubted)[key] = found
        return found


def is_approved(tree: dict[str, Any]) -> bool:
    """Whether each code cell of a notebook that is saved is marked as trusted, or holds nothing that could run."""
    return all(_is_approved(cell) for cell in tree["cells"] if cell.get("cell_type") == "code")


def trusted(notebook: bytes) -> bytes:
    """The notebook (valid JSON, nbformat 4) with each code cell marked as trusted, for who has vouched for it.

    All else stays as it is spelled; so does a notebook without proper cells.
    """
    try:
        tree = msgspec.json.decode(notebook, type=dict[str, msgspec.Raw])
        cells = msgspec.json.decode(tree.get("cells", b"[]"), type=list[dict[str, msgspec.Raw]])
        marked = [_marked(cell) for cell in cells]
    except msgspec.MsgspecError:
        return notebook
    return msgspec.json.encode(tree | {"cells": marked})


def _marked(cell: dict[str, msgspec.Raw]) -> dict[str, Any]:
    if msgspec.json.decode(cell.get("cell_type", b"null")) != "code":
        return cell
    metadata = msgspec.json.decode(cell.get("metadata", b"{}"), type=dict[str, msgspec.Raw])
    return cell | {"metadata": metadata | {"trusted": True}}


def _is_approved(cell: dict[str, Any]) -> bool:
    metadata, outputs = cell.get("metadata"), cell.get("outputs")
    if isinstance(metadata, dict) and metadata.get("trusted") is True:
        return True
    return isinstance(outputs, list) and all(_is_harmless(output) for output in outputs)


def _is_harmless(output: Any) -> bool:
    if not isinstance(output, dict) or output.get("output_type") not in _RICH:
        return isinstance(output, dict)
    data = output.get("data", {})
    return output.keys() <= _PLAIN_PARTS and isinstance(data, dict) and data.keys() <= _HARMLESS
