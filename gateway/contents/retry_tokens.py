"""Retry tokens: what is remembered of a request so that repeating it acts only once (spec oci 3.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from gateway.contents.paths import ContentPath
from gateway.contents.problem import invalid

MEMORY_SECONDS = 24 * 60 * 60
"""How long an answer is remembered."""

ABANDONED_SECONDS = 120
"""A claim neither settled nor released for this long belongs to a dead process and may be taken over.

Longer than any request may take, so that a living one never loses its claim.
"""

_TOKEN = re.compile(r"[\x20-\x7e]{1,64}")


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What a token is unique within: ``owner`` is ``Caller.key``, ``operation`` names the kind of request."""

    owner: str
    operation: str
    token: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer to give again: status, the headers worth keeping (names lower-case), and the whole body.

    ``made`` is what the request made, if anything: a path as its owner addresses it.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    made: ContentPath | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """The token is the caller's to act under; ``id`` is unique to this claim and settles or releases it."""

    id: str


@dataclass(frozen=True, slots=True)
class InProgress:
    """The same request is being acted upon right now."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The same request has been answered before."""

    answer: StoredAnswer


@dataclass(frozen=True, slots=True)
class Conflict:
    """The token was used for another request, or what its request made is gone."""


ClaimResult = Claimed | InProgress | Remembered | Conflict


class TokenStore(Protocol):
    """Tokens shared by all replicas. Every method is one transaction; an expired record counts as none."""

    async def claim(self, key: TokenKey, fingerprint: str) -> ClaimResult:
        """Take the token if it is free, atomically: of several racing claims exactly one is ``Claimed``.

        A token held or answered with another fingerprint is ``Conflict``; with the same one ``InProgress`` or
        ``Remembered``. A claim older than ``ABANDONED_SECONDS`` is free again, whatever its fingerprint.
        """
        ...

    async def remember(self, key: TokenKey, claim_id: str, answer: StoredAnswer) -> None:
        """Keep the answer for ``MEMORY_SECONDS`` from now. Does nothing when the claim was taken over meanwhile."""
        ...

    async def invalidate(self, gone: ContentPath, owner: str | None) -> None:
        """Every answer that made ``gone``, or something below it, is a ``Conflict`` from now on, whatever comes to
        stand there later. With an ``owner`` only theirs: the path means something else to others."""
        ...

    async def forget(self, key: TokenKey, claim_id: str) -> None:
        """Release the claim, so that the request may be tried again. Does nothing when it was taken over meanwhile."""
        ...


def checked_token(token: str) -> str:
    """Return ``token`` when it has 1 to 64 printable ASCII characters; INVALID otherwise."""
    if not _TOKEN.fullmatch(token):
        raise invalid("A retry token has 1 to 64 printable ASCII characters.")
    return token
