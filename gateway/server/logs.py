"""Structured logs for people or machines, with every secret blanked out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError
from structlog.typing import EventDict, Processor, WrappedLogger

BLANK = "***"

_SECRET_NAME = re.compile(
    r"authorization|token|xsrf|psk|secret|password|passwd|cookie|api.?key|access.?key", re.IGNORECASE
)
_SECRET_TEXT = (
    # ?token= in any spelling that decodes to it, also within an address that is itself a value
    re.compile(
        r"((?:[?&;]|%(?:25)*(?:3f|26|3b))(?:(?:t|%74)(?:o|%6f)(?:k|%6b)(?:e|%65)(?:n|%6e)|_xsrf)(?:=|%(?:25)*3d))"
        r"[^&;\s\"'<>]*",
        re.IGNORECASE,
    ),
    # a header as text: the rest of its line
    re.compile(
        r"(\b(?:authorization(?:-psk)?|(?:set-)?cookie|x-[xc]srf-?token)\b[\"']?\s*[:=,]\s*)[^\r\n]+", re.IGNORECASE
    ),
    # user:password@ of a URL
    re.compile(r"(://)[^/@\s\"']+(?=@)"),
)


def configure(format_: Literal["console", "json"], level: str) -> None:
    """Send everything, the standard library's loggers included, to standard error in one form."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(format_))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.access").disabled = True
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it introduces itself at every start
    server = logging.getLogger("aiohttp.server")
    server.removeFilter(quiet_parser)
    server.addFilter(quiet_parser)


def quiet_parser(record: logging.LogRecord) -> bool:
    """Take from the HTTP parser's complaint the offending line, which it quotes, credentials included."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | RequestPayloadError):
        record.msg, record.args = "malformed request: %s", (type(error).__name__,)
        record.exc_info, record.exc_text = None, None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def redacted(text: str) -> str:
    """The text without the secrets that are known by where they stand."""
    for pattern in _SECRET_TEXT:
        text = pattern.sub(rf"\g<1>{BLANK}", text)
    return text


def redact(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Blank out what is secret by its name, and what is secret inside any text; runs last before rendering."""
    return {key: _safe(key, value) for key, value in event.items()}


def _safe(key: str, value: object) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_NAME.search(key):
        return BLANK
    if isinstance(value, Mapping):
        return {str(name): _safe(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe("", item) for item in value]
    return redacted(value if isinstance(value, str) else repr(value))


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(format_: Literal["console", "json"]) -> logging.Formatter:
    """Exceptions become text before redaction; the console's own rendering would show local variables."""
    renderer: Processor = structlog.processors.JSONRenderer()
    if format_ == "console":
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
    )
