"""The process that makes pages: requests come on standard input, replies go to standard output, until there are none.

Started by the pool as ``python -P -m gateway.exporting.worker SECONDS``; it ends itself when a page takes longer.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings

from jinja2 import TemplateError
from jsonschema import ValidationError
from nbconvert.filters.markdown_mistune import InvalidNotebook
from nbconvert.utils.exceptions import ConversionException

from gateway.contents.problem import Code, Problem
from gateway.exporting.confinement import confine
from gateway.exporting.frames import Outcome, Reply, Request, read_request, reply_frame
from gateway.exporting.page import page

_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ConversionException,
    InvalidNotebook,
    LookupError,
    OSError,
    RuntimeError,
    TemplateError,
    TypeError,
    ValidationError,
    ValueError,
)
"""What libraries that nobody wrote for hostile input make of it."""


def to_html(title: str, notebook: bytes) -> str:
    """The stored notebook as a page that runs nothing and loads nothing.

    UNPROCESSABLE when the bytes are no notebook, or one that cannot be shown.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return page(title, notebook)
    except _FAILURES as error:
        raise Problem(Code.UNPROCESSABLE, "The notebook cannot be shown as HTML.") from error


def answer(request: Request) -> bytes:
    """The page, or why there is none, as it is sent."""
    try:
        return reply_frame(Reply(Outcome.SHOWN, to_html(request.title, request.notebook)))
    except Problem as problem:
        return reply_frame(Reply(Outcome.REFUSED, problem.detail))
    except MemoryError:
        return reply_frame(Reply(Outcome.REFUSED, "The notebook is too large to be shown as HTML."))


def serve(seconds: int) -> None:
    """Answer requests until there are no more. A page that takes longer ends the process, whoever may still wait."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no reply
    confine()
    while (request := read_request(sys.stdin.buffer)) is not None:
        signal.alarm(seconds)
        replies.write(answer(request))
        replies.flush()
        signal.alarm(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
