"""What the operating system refuses, as Problems; host paths never reach a caller."""

from __future__ import annotations

import errno

from gateway.contents.problem import Code, Problem, Source, already_exists, invalid, not_found

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def problem_from(error: OSError) -> Problem:
    """The Problem that an ``OSError`` of a file operation means."""
    match error:
        case FileNotFoundError():
            return not_found()
        case FileExistsError():
            return already_exists()
        case NotADirectoryError():
            return Problem(Code.CONFLICT, "A file stands where a directory is needed.")
        case IsADirectoryError():
            return Problem(Code.CONFLICT, "A directory stands there.")
    if error.errno in _FULL:
        return Problem(Code.UNAVAILABLE, "The folder behind this mount is full.", source=Source.UPSTREAM)
    if error.errno in _REFUSED:
        return Problem(Code.FORBIDDEN, "The folder behind this mount does not permit this.")
    if error.errno == errno.ENAMETOOLONG:
        return invalid("The name is too long for the folder behind this mount.")
    return Problem(Code.UPSTREAM, "The folder behind this mount cannot be used.", source=Source.UPSTREAM)
