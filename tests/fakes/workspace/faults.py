"""What goes wrong on demand: counted or drawn by a seed, before a call has acted or after (spec oci 13.19, 13.20)."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from enum import Enum

from aiohttp import web

from .habits import Habits
from .refusals import RefusalError, busy

_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_READING_POSTS = ("/actions/export/", "/actions/downloadFileMeta")


class Fault(Enum):
    """Each is named after the habit that counts it."""

    RESET_BEFORE = "reset_before_calls"
    HTML = "html_calls"
    UNAVAILABLE = "unavailable_calls"
    INTERNAL_ERROR = "internal_error_calls"
    THROTTLED = "throttled_calls"
    BUSY = "busy_calls"
    TRUNCATED = "truncated_calls"
    RESET_AFTER = "reset_after_calls"


_AFTER = (Fault.TRUNCATED, Fault.RESET_AFTER)


class Faults:
    """Decides which fault a call meets."""

    def __init__(self) -> None:
        self._seeded: tuple[int, float] | None = None
        self._drawn = 0

    def before(self, habits: Habits, request: web.Request, *, is_api: bool) -> Fault | None:
        """The fault of a call that has just come. One that strikes after acting comes from here only when drawn."""
        if request.method not in habits.faults_on:
            return None
        possible = [each for each in Fault if each is not Fault.BUSY or (is_api and _is_change(request))]
        for fault in possible:
            if fault not in _AFTER and _counted(habits, fault):
                return fault
        return self._draw(habits, possible)

    def after(self, habits: Habits, request: web.Request, response: web.Response) -> Fault | None:
        """The fault of a call that has acted."""
        if request.method not in habits.faults_on:
            return None
        for fault in _AFTER:
            if (fault is not Fault.TRUNCATED or _can_be_cut(response)) and _counted(habits, fault):
                return fault
        return None

    def _draw(self, habits: Habits, possible: list[Fault]) -> Fault | None:
        if habits.random_faults != self._seeded:
            self._seeded, self._drawn = habits.random_faults, 0
        if self._seeded is None:
            return None
        seed, probability = self._seeded
        self._drawn += 1
        lot = hashlib.sha256(f"{seed} {self._drawn}".encode()).digest()
        if int.from_bytes(lot[:8], "big") >= probability * 2**64:
            return None
        return possible[lot[8] % len(possible)]


def answer_of(fault: Fault | None, habits: Habits) -> web.Response | None:
    """What is answered instead of acting."""
    if fault is Fault.HTML:
        return web.Response(status=502, text=_HTML, content_type="text/html")
    if fault is Fault.UNAVAILABLE:
        return RefusalError(503, "ServiceUnavailable", "The service is currently unavailable.").response()
    if fault is Fault.INTERNAL_ERROR:
        return RefusalError(500, "InternalError", "Internal error occurred.").response()
    if fault is Fault.BUSY:
        return busy().response()
    if fault is not Fault.THROTTLED:
        return None
    response = RefusalError(429, "TooManyRequests", "Too many requests. Please try again later.").response()
    if habits.throttle_retry_after is not None:
        response.headers["Retry-After"] = str(habits.throttle_retry_after)
    return response


async def sent(request: web.Request, response: web.Response, fault: Fault | None, habits: Habits) -> web.StreamResponse:
    """The answer as it travels: whole, in two halves, cut, or not at all."""
    if fault is Fault.RESET_AFTER:
        return reset(request)
    body = response.body if isinstance(response.body, bytes) else b""
    is_cut = fault is Fault.TRUNCATED and _can_be_cut(response)
    if is_cut and habits.truncation == "short body":
        return _copy(response, body[: len(body) // 2])
    if not (is_cut or habits.slow_seconds) or request.method == "HEAD" or not body:
        return response
    stream = web.StreamResponse(status=response.status, headers=response.headers)
    stream.content_length = len(body)
    await stream.prepare(request)
    await stream.write(body[: len(body) // 2])
    if is_cut:
        return reset(request)
    await asyncio.sleep(habits.slow_seconds)
    await stream.write(body[len(body) // 2 :])
    return stream


def reset(request: web.Request) -> web.Response:
    """Lose the connection, so that the client sees a reset; what is returned goes nowhere."""
    if request.transport is not None:
        held: socket.socket = request.transport.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


def _counted(habits: Habits, fault: Fault) -> bool:
    left: int = getattr(habits, fault.value)
    if left > 0:
        setattr(habits, fault.value, left - 1)
    return left > 0


def _is_change(request: web.Request) -> bool:
    if request.method == "POST":
        return not any(part in request.raw_path for part in _READING_POSTS)
    return request.method in ("PUT", "PATCH", "DELETE")


def _can_be_cut(response: web.Response) -> bool:
    return response.content_type == "application/json" and isinstance(response.body, bytes) and bool(response.body)


def _copy(response: web.Response, body: bytes) -> web.Response:
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    return web.Response(status=response.status, body=body, headers=headers)
