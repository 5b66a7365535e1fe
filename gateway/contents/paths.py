"""The one notion of a path: decoded once, refused rather than normalised, joined and escaped in one place.

Rules: promises.md row 15's table of spellings; lengths as S3 (1,024 bytes a key) and common file systems (255 a name).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from gateway.contents.problem import Problem, Reason, invalid

MAX_SEGMENT_BYTES = 255
MAX_PATH_BYTES = 1024

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HEX_PAIR = re.compile(rb"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class ContentPath:
    """A sequence of plain names; the empty one is the root. Every instance has passed the checks of ``parse``."""

    segments: tuple[str, ...] = ()

    ROOT: ClassVar[ContentPath]

    @classmethod
    def parse(cls, text: str) -> ContentPath:
        """Read ``a/b/c``; slashes at either end are dropped. INVALID for any name that is not plain."""
        stripped = text.strip("/")
        if not stripped:
            return cls.ROOT
        path = cls(tuple(checked_name(name) for name in stripped.split("/")))
        if len(stripped.encode()) > MAX_PATH_BYTES:
            raise invalid(f"The path is longer than {MAX_PATH_BYTES} bytes.")
        return path

    @classmethod
    def from_url(cls, raw: str) -> ContentPath:
        """Read the still percent-encoded tail of a URL; ``%2F`` separates as ``/`` does."""
        return cls.parse(decode(raw))

    @property
    def name(self) -> str:
        return self.segments[-1] if self.segments else ""

    @property
    def parent(self) -> ContentPath:
        return ContentPath(self.segments[:-1])

    @property
    def is_root(self) -> bool:
        return not self.segments

    @property
    def is_hidden(self) -> bool:
        """Whether any name on the way starts with a dot, which Jupyter hides and never serves."""
        return any(name.startswith(".") for name in self.segments)

    def child(self, name: str) -> ContentPath:
        return ContentPath((*self.segments, checked_name(name)))

    def join(self, tail: ContentPath) -> ContentPath:
        return ContentPath(self.segments + tail.segments)

    def starts_with(self, other: ContentPath) -> bool:
        return self.segments[: len(other.segments)] == other.segments

    def relative_to(self, other: ContentPath) -> ContentPath:
        """What remains below ``other``; the caller guarantees ``starts_with``."""
        return ContentPath(self.segments[len(other.segments) :])

    def url(self) -> str:
        """The percent-encoded form, with ``/`` between names."""
        return "/".join(quote(name, safe="~") for name in self.segments)

    def __str__(self) -> str:
        return "/".join(self.segments)


ContentPath.ROOT = ContentPath()


def checked_name(name: str) -> str:
    """Return ``name`` when it is one plain path segment; INVALID otherwise."""
    if name in ("", ".", ".."):
        raise invalid("A path may not contain empty, '.' or '..' segments.")
    if _FORBIDDEN.search(name):
        raise invalid("A path may not contain backslashes, control characters, NUL or unpaired surrogates.")
    if len(name.encode()) > MAX_SEGMENT_BYTES:
        raise invalid(f"A name is longer than {MAX_SEGMENT_BYTES} bytes.")
    return name


def is_plain_name(name: str) -> bool:
    """Whether an upstream's name can be addressed through the gateway at all."""
    try:
        checked_name(name)
    except Problem:
        return False
    return True


def decode(raw: str) -> str:
    """Undo percent-encoding exactly once, strictly: INVALID for a broken escape or bytes that are not UTF-8."""
    if _ESCAPE.search(raw):
        raise invalid("The URL contains a broken percent escape.", reason=Reason.UNPARSABLE)
    try:
        return _HEX_PAIR.sub(lambda pair: bytes.fromhex(pair[1].decode()), raw.encode()).decode()
    except UnicodeError as error:
        raise invalid("The URL does not decode to UTF-8.", reason=Reason.UNPARSABLE) from error
