"""What the operating system refuses, as Problems; host paths never reach a caller."""

from __future__ import annotations

import errno

from gateway.contents.problem import Code, Problem, Reason, Source, already_exists, invalid, not_found

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_GONE = frozenset({errno.ENOENT, errno.ELOOP, errno.ESTALE})
_BUSY = frozenset({errno.EBUSY, errno.ETXTBSY})
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})


def problem_from(error: OSError) -> Problem:
    """The Problem that an ``OSError`` of a file operation means."""
    number = error.errno or 0
    if number in _GONE:
        return not_found()
    if number in _REFUSED:
        return Problem(Code.FORBIDDEN, "The folder behind this mount does not permit this.")
    if number in _FULL:
        return Problem(Code.UNAVAILABLE, "The folder behind this mount is full.", source=Source.UPSTREAM)
    if number in _EXHAUSTED:
        return Problem(Code.UNAVAILABLE, "The gateway has too many files open.", retry_after_seconds=1)
    return _clash(number) or unusable()


def missing_root() -> Problem:
    """The folder itself is gone: nothing in it can be said to be missing."""
    return Problem(Code.UNAVAILABLE, "The folder behind this mount does not exist.", source=Source.UPSTREAM)


def unusable() -> Problem:
    """The file system failed in a way that says nothing about the request."""
    return Problem(Code.UPSTREAM, "The folder behind this mount cannot be used.", source=Source.UPSTREAM)


def busy() -> Problem:
    """Another program keeps changing the file while it is read."""
    return Problem(Code.CONFLICT, "The file is being changed by another program.", reason=Reason.BUSY)


def _clash(number: int) -> Problem | None:
    """What stands in the way of the request."""
    match number:
        case errno.EEXIST | errno.ENOTEMPTY:
            return already_exists()
        case errno.ENOTDIR:
            return Problem(Code.CONFLICT, "A file stands where a directory is needed.")
        case errno.EISDIR:
            return Problem(Code.CONFLICT, "A directory stands there.")
        case errno.ENAMETOOLONG:
            return invalid("The name is too long for the folder behind this mount.")
    return busy() if number in _BUSY else None


def not_empty() -> Problem:
    """Something is left in a directory that was to be removed only when nothing is."""
    return Problem(Code.CONFLICT, "The directory is not empty.")


def silent() -> Problem:
    """The file system does not answer, as a network drive may not."""
    return Problem(Code.TIMEOUT, "The folder behind this mount does not answer in time.", source=Source.UPSTREAM)
