"""One function for every date on the wire, in each direction (spec jupyter A2, spec oci 3.6)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

_MILLISECONDS_FROM = 100_000_000_000


def iso(date: datetime) -> str:
    """``2026-11-21T02:42:25.683618Z``: UTC, always six fractional digits, always ``Z``."""
    return date.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def http_date(date: datetime) -> str:
    """``Sat, 21 Nov 2026 02:42:25 GMT``."""
    return format_datetime(date.astimezone(UTC).replace(microsecond=0), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """The date of an HTTP header, None when it is not one."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def parse_wire_date(value: str | float | None) -> datetime | None:
    """An upstream's date: RFC 3339 text, or epoch seconds or milliseconds. None when it is absent or not a date."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            date = datetime.fromisoformat(value)
            return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
        return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
