"""Which part of a file a GET asks for (RFC 9110, 14): single ranges of bytes, and If-Range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from gateway.contents.model import Entry, Span
from gateway.wire.conditions import quoted
from gateway.wire.dates import http_date

UNSATISFIABLE = Span(0, 0)
"""A range that the file has nothing of."""

_RANGE = re.compile(r"bytes=\s*([0-9]{0,19})-([0-9]{0,19})\s*", re.IGNORECASE)
_PART = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")
_DATE_IS_STRONG = timedelta(seconds=1)


def wanted_span(headers: Mapping[str, str], entry: Entry) -> Span | None:
    """The part of the file ``entry`` that is asked for; None for all of it.

    That is also what several ranges, other units, malformed ones, and those of another revision (If-Range) ask for.
    """
    found = _RANGE.fullmatch(headers.get("Range", "").strip())
    if found is None or entry.size is None or not _is_of_this_revision(headers.get("If-Range"), entry):
        return None
    first, last = found.groups()
    if first:
        return _from_first(int(first), int(last) if last else None, entry.size)
    return _suffix(int(last), entry.size) if last else None


def range_header(span: Span) -> str:
    """The ``Range`` of a request for these bytes, of which there is at least one."""
    return f"bytes={span.start}-{span.stop - 1}"


def content_range(span: Span, size_bytes: int) -> str:
    """The ``Content-Range`` of an answer with these bytes of a file."""
    if span == UNSATISFIABLE:
        return f"bytes */{size_bytes}"
    return f"bytes {span.start}-{span.stop - 1}/{size_bytes}"


def received_part(header: str | None) -> tuple[Span, int] | None:
    """The bytes that an upstream's ``Content-Range`` says it gives, and of how many; None when that makes no sense."""
    found = _PART.fullmatch((header or "").strip())
    return (Span(int(found[1]), int(found[2]) + 1), int(found[3])) if found else None


def _from_first(first: int, last: int | None, size_bytes: int) -> Span | None:
    if last is not None and last < first:
        return None
    if first >= size_bytes:
        return UNSATISFIABLE
    return Span(first, size_bytes if last is None else min(last + 1, size_bytes))


def _suffix(length: int, size_bytes: int) -> Span | None:
    if not length:
        return UNSATISFIABLE
    return Span(max(size_bytes - length, 0), size_bytes) if size_bytes else None


def _is_of_this_revision(condition: str | None, entry: Entry) -> bool:
    """Whether If-Range holds: the very etag, or the very date once nothing newer can bear it."""
    if condition is None:
        return True
    is_date = condition.strip() == http_date(entry.modified)
    is_settled = datetime.now(UTC) - entry.modified > _DATE_IS_STRONG
    return condition.strip() == quoted(entry) or (is_date and is_settled)
