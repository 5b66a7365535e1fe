"""The services that a test of one part needs; whoever asks for another one finds nothing there."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from gateway.contents.operations import Services
from gateway.contents.service import Contents


def services_of(contents: Contents, **others: Any) -> Services:
    """``others`` by the names of their fields."""
    absent = dict.fromkeys((field.name for field in fields(Services)), None)
    given: dict[str, Any] = {**absent, "contents": contents, **others}
    return Services(**given)


class MemoryVouchers:
    """Vouchers that last as long as the test."""

    def __init__(self) -> None:
        self._given: set[tuple[str, str]] = set()

    async def add(self, owner: str, sha256: str) -> None:
        self._given.add((owner, sha256))

    async def has(self, owner: str, sha256: str) -> bool:
        return (owner, sha256) in self._given
