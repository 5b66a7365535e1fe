"""Changing a folder, in threads: atomic replacement, whole removal, and the locks that processes share."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import stat as modes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from adapters.local.errors import unusable
from adapters.local.files import PRIVATE_PREFIX, may_write
from gateway.contents.paths import ContentPath

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def replace_file(host: Path, body: bytes, *, must_be_absent: bool, modified_ns: int | None = None) -> os.stat_result:
    """Write aside, make durable, then put in place at once; the facts are of the bytes written.

    FileExistsError when the file must be absent and is not. A file that may not be written is not replaced either,
    though the folder would allow it.
    """
    temporary = host.parent / f"{PRIVATE_PREFIX}-{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            file.write(body)
            file.flush()
            if modified_ns is not None:
                os.utime(file.fileno(), ns=(modified_ns, modified_ns))
            os.fsync(file.fileno())
            facts = os.fstat(file.fileno())
        if must_be_absent:
            _put_where_nothing_stands(temporary, host)
        else:
            _take_over_mode(host, temporary)
            temporary.replace(host)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(host.parent)
    return facts


def remove(root: Path, host: Path) -> None:
    """A file or link, or a directory with all in it, which vanishes at once and is taken apart out of sight."""
    if host.is_symlink() or not host.is_dir():
        host.unlink()
    else:
        bin_ = _private_folder(root, "removed")
        grave = bin_ / secrets.token_hex(8)
        try:
            host.rename(grave)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.rmtree(host)
        # What cannot be taken apart now, or was left by a killed process, is tried again at the next removal.
        for left in bin_.iterdir():
            shutil.rmtree(left, ignore_errors=True)
    sync_folder(host.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def changing(root: Path, *paths: ContentPath) -> Iterator[None]:
    """Keep all other writers of these paths out, in this process and in others that serve the same folder.

    Each call opens its lock files anew, and flock tells open files apart, so threads exclude each other too. The set
    of lock files is fixed and taken in order: none is removed under another's feet, no two callers wait for each other.
    """
    folder = _private_folder(root, "locks")
    with ExitStack() as stack:
        for name in sorted({hashlib.sha256(str(path).encode()).hexdigest()[:2] for path in paths}):
            file = stack.enter_context((folder / name).open("ab"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _private_folder(root: Path, name: str) -> Path:
    folder = root / PRIVATE_PREFIX / name
    if folder.is_dir():
        if Path(os.path.realpath(folder)) != folder:
            raise unusable()
        return folder
    folder.parent.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    return folder


def _put_where_nothing_stands(temporary: Path, host: Path) -> None:
    try:
        os.link(temporary, host)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Where hard links do not exist, the lock that the caller holds is what keeps other gateways away.
        if os.path.lexists(host):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        temporary.replace(host)


def _take_over_mode(host: Path, temporary: Path) -> None:
    try:
        facts = host.stat()
    except FileNotFoundError:
        return
    if modes.S_ISREG(facts.st_mode):
        if not may_write(host):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        temporary.chmod(modes.S_IMODE(facts.st_mode))
