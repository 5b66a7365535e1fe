"""Etags at the edge: quoted going out, parsed by ourselves coming in, as Oracle's client sends If-Match unquoted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from multidict import MultiMapping

from gateway.contents.model import Absent, Condition, Entry, ETag, Kind, Matches, MatchesAny
from gateway.contents.problem import invalid
from gateway.wire.dates import parse_http_date

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\ud7ff\ue000-\uffff]*)"\s*(?:,|$)')
_BARE = re.compile(r"[\x21\x23-\x2b\x2d-\x7e]+")
_RECEIVED = re.compile(r'(?:W/)?"?([\x21\x23-\x7e]+)"?')


def quoted(entry: Entry) -> str | None:
    """The entry's ETag header: strong for files, weak for directories, None where the store has none."""
    if entry.etag is None:
        return None
    return f'W/"{entry.etag}"' if entry.kind is Kind.DIRECTORY else f'"{entry.etag}"'


def write_condition(headers: Mapping[str, str]) -> Condition:
    """The condition of a write from If-Match and If-None-Match; INVALID when present but not understood."""
    if_match, if_none_match = _whole(headers, "If-Match"), _whole(headers, "If-None-Match")
    if if_match is not None and if_none_match is not None:
        raise invalid("If-Match and If-None-Match exclude each other.")
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise invalid("Writes support If-None-Match only as '*'.")
        return Absent()
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return MatchesAny()
    tags = parse_etags(if_match)
    return Matches(tags[0]) if len(tags) == 1 else MatchesAny(tags)


def is_not_modified(headers: Mapping[str, str], entry: Entry) -> bool:
    """Whether If-None-Match of a GET names what the caller already has (weak comparison, RFC 9110)."""
    header = _whole(headers, "If-None-Match")
    if header is None or entry.etag is None:
        return False
    return header.strip() == "*" or entry.etag in parse_etags(header)


def is_refused(headers: Mapping[str, str], entry: Entry) -> bool:
    """Whether a GET is to be answered 412: If-Match, or in its place If-Unmodified-Since, is not true of the entry."""
    header = _whole(headers, "If-Match")
    if header is not None:
        return header.strip() != "*" and entry.etag not in parse_etags(header)
    since = parse_http_date(headers.get("If-Unmodified-Since", ""))
    return since is not None and _seconds(entry.modified) > since


def is_unchanged(headers: Mapping[str, str], entry: Entry) -> bool:
    """Whether a GET is to be answered 304: by If-None-Match, or in its place by If-Modified-Since."""
    if "If-None-Match" in headers:
        return is_not_modified(headers, entry)
    since = parse_http_date(headers.get("If-Modified-Since", ""))
    return since is not None and _seconds(entry.modified) <= since


def parse_etags(header: str) -> tuple[ETag, ...]:
    """The etags of a header, unquoted. One bare value is accepted as it is; anything else unquoted is INVALID."""
    text = header.strip()
    if _BARE.fullmatch(text):
        return (ETag(text),)
    tags: list[ETag] = []
    position = 0
    while position < len(text):
        match = _TAG.match(text, position)
        if match is None:
            raise invalid("The etags of If-Match or If-None-Match cannot be parsed.")
        tags.append(ETag(match[2]))
        position = match.end()
    if not tags:
        raise invalid("If-Match or If-None-Match is empty.")
    return tuple(tags)


def received_etag(header: object) -> ETag | None:
    """An upstream's etag, unquoted and no longer weak; None when it is none, or none that a header could carry on."""
    match = _RECEIVED.fullmatch(header.strip()) if isinstance(header, str) else None
    return ETag(match[1]) if match else None


def _seconds(date: datetime) -> datetime:
    """Dates of headers have whole seconds."""
    return date.replace(microsecond=0)


def _whole(headers: Mapping[str, str], name: str) -> str | None:
    """The header's value; several lines of it are one list (RFC 9110, 5.3), of which none may be dropped."""
    if isinstance(headers, MultiMapping) and name in headers:
        return ", ".join(headers.getall(name))
    return headers.get(name)
