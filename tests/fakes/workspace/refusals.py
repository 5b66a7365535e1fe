"""The error answers of the emulated service (spec oci 3.5, 7)."""

from __future__ import annotations

from aiohttp import web


class RefusalError(Exception):
    """An error answer: a status, a code of Oracle's table, words, and ``bad type`` or ``bad format`` for contents."""

    def __init__(self, status: int, code: str, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.reason = status, code, message, reason

    def response(self, *, reason_alone: bool = False) -> web.Response:
        if self.reason is None:
            return web.json_response({"code": self.code, "message": self.message}, status=self.status)
        body = {"message": self.message, "reason": self.reason}
        return web.json_response(body if reason_alone else {"code": self.code, **body}, status=self.status)


def absent() -> RefusalError:
    """What is missing and what one may not see are answered alike."""
    return RefusalError(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")


def invalid(message: str, reason: str | None = None) -> RefusalError:
    return RefusalError(400, "InvalidParameter", message, reason)


def missing(parameter: str) -> RefusalError:
    return invalid(f"{parameter} must not be null")


def conflict(message: str) -> RefusalError:
    return RefusalError(409, "Conflict", message)


def busy() -> RefusalError:
    return RefusalError(409, "IncorrectState", "The resource is busy. Please try again later.")


def stale() -> RefusalError:
    return RefusalError(412, "NoEtagMatch", "The etag does not match.")


def not_allowed() -> RefusalError:
    return RefusalError(405, "MethodNotAllowed", "The method is not allowed.")


def not_implemented(operation: str) -> RefusalError:
    return RefusalError(501, "MethodNotImplemented", f"The emulated workspace has no {operation}.")


def unseen_notebook() -> RefusalError:
    """How the live service has been seen to word an absent notebook."""
    return RefusalError(500, "InternalError", "Error occurred while getting notebook content.")
