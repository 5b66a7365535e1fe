"""Dates on the wire, in and out: always UTC, never an exception for a date that no calendar has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.wire.dates import http_date, iso, parse_http_date, parse_wire_date

DATE = datetime(2026, 11, 21, 2, 42, 25, 683618, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (DATE, "2026-11-21T02:42:25.683618Z"),
        (DATE.replace(microsecond=0), "2026-11-21T02:42:25.000000Z"),
        (DATE.astimezone(timezone(timedelta(hours=-5))), "2026-11-21T02:42:25.683618Z"),
        (datetime(800, 1, 2, tzinfo=UTC), "0800-01-02T00:00:00.000000Z"),
    ],
)
def test_a_date_has_six_digits_and_a_z(date: datetime, text: str) -> None:
    assert iso(date) == text
    assert parse_wire_date(text) == date


def test_a_date_of_http_has_whole_seconds() -> None:
    assert http_date(DATE) == "Sat, 21 Nov 2026 02:42:25 GMT"
    assert parse_http_date(http_date(DATE)) == DATE.replace(microsecond=0)


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000"])
def test_a_date_of_http_is_aware(zone: str) -> None:
    assert parse_http_date(f"Sat, 21 Nov 2026 02:42:25 {zone}") == DATE.replace(microsecond=0)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "Sat, 99 Nov 2026 02:42:25 GMT", "Sat, 21 Nov 2026 02:42:25 +99999999999999999999", "1", "\x00"],
)
def test_what_is_no_date_of_http_is_none(text: str) -> None:
    assert parse_http_date(text) is None


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2026-11-21T02:42:25.683618+00:00", DATE),
        ("2026-11-21T03:42:25.683618+01:00", DATE),
        ("2026-11-21T02:42:25.683618", DATE),
        (1795228945, DATE.replace(microsecond=0)),
        (1795228945000, DATE.replace(microsecond=0)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_upstreams_date_may_be_text_or_a_number(value: str | float, date: datetime) -> None:
    assert parse_wire_date(value) == date


@pytest.mark.parametrize("value", [None, "", "soon", "0001-01-01T00:00:00+14:00", 1e300, float("inf"), float("nan")])
def test_what_is_no_date_of_an_upstream_is_none(value: str | float | None) -> None:
    assert parse_wire_date(value) is None
