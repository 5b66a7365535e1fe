"""A token store in memory with a clock that tests turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from gateway.contents.paths import ContentPath
from gateway.contents.retry_tokens import (
    ABANDONED_SECONDS,
    MEMORY_SECONDS,
    Claimed,
    ClaimResult,
    Conflict,
    InProgress,
    Remembered,
    StoredAnswer,
    TokenKey,
)


@dataclass
class _Record:
    claim_id: str
    fingerprint: str
    expires: float
    answer: StoredAnswer | None = None


@dataclass
class MemoryTokens:
    now: float = 0.0
    records: dict[TokenKey, _Record] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=count)

    async def claim(self, key: TokenKey, fingerprint: str) -> ClaimResult:
        record = self.records.get(key)
        if record is None or record.expires <= self.now:
            claim_id = str(next(self._numbers))
            self.records[key] = _Record(claim_id, fingerprint, self.now + ABANDONED_SECONDS)
            return Claimed(claim_id)
        if record.fingerprint != fingerprint:
            return Conflict()
        return InProgress() if record.answer is None else Remembered(record.answer)

    async def remember(self, key: TokenKey, claim_id: str, answer: StoredAnswer) -> None:
        record = self.records.get(key)
        if record is not None and record.claim_id == claim_id:
            record.answer, record.expires = answer, self.now + MEMORY_SECONDS

    async def invalidate(self, gone: ContentPath, owner: str | None) -> None:
        for key, record in self.records.items():
            made = record.answer.made if record.answer else None
            if made is not None and made.starts_with(gone) and owner in (None, key.owner):
                record.fingerprint = ""

    async def forget(self, key: TokenKey, claim_id: str) -> None:
        record = self.records.get(key)
        if record is not None and record.claim_id == claim_id:
            del self.records[key]
