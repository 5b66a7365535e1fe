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
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from adapters.local.errors import not_empty, unusable
from adapters.local.files import CHECKPOINTS_FOLDER, PRIVATE_PREFIX, may_write, opened_folder
from gateway.contents.paths import ContentPath

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def replace_file(
    host: Path, body: bytes, *, bounds: Path, must_be_absent: bool, modified_ns: int | None = None
) -> os.stat_result:
    """Write aside, make durable, then put in place at once; the facts are of the bytes written.

    FileExistsError when the file must be absent and is not. A file that may not be written is not replaced either,
    though the folder would allow it. NOT_FOUND when the folder turns out to lie out of bounds.
    """
    temporary = f"{PRIVATE_PREFIX}-{secrets.token_hex(8)}"
    with opened_folder(host.parent, bounds) as folder:
        try:
            facts = _write_aside(folder, temporary, body, modified_ns)
            if must_be_absent:
                _put_where_nothing_stands(folder, temporary, host.name)
            else:
                _take_over_mode(folder, host.name, temporary)
                os.replace(temporary, host.name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
        os.fsync(folder)
    return facts


def _write_aside(folder: int, name: str, body: bytes, modified_ns: int | None) -> os.stat_result:
    with open(name, "xb", opener=partial(os.open, mode=0o666, dir_fd=folder)) as file:
        file.write(body)
        file.flush()
        if modified_ns is not None:
            os.utime(file.fileno(), ns=(modified_ns, modified_ns))
        os.fsync(file.fileno())
        return os.fstat(file.fileno())


def remove(root: Path, host: Path, *, bounds: Path) -> None:
    """A file or link, or a directory with all in it, which vanishes at once and is taken apart out of sight."""
    with opened_folder(host.parent, bounds) as folder:
        facts = _stands(folder, host.name)
        if facts is None or not modes.S_ISDIR(facts.st_mode):
            os.unlink(host.name, dir_fd=folder)
        else:
            _remove_directory(_private_folder(root, "removed"), folder, host.name)
        os.fsync(folder)


def _remove_directory(bin_: Path, folder: int, name: str) -> None:
    try:
        os.rename(name, bin_ / secrets.token_hex(8), src_dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.rmtree(name, dir_fd=folder)
    # What cannot be taken apart now, or was left by a killed process, is tried again at the next removal.
    for left in bin_.iterdir():
        shutil.rmtree(left, ignore_errors=True)


def rename(origin: Path, goal: Path, *, bounds: tuple[Path, Path]) -> None:
    """FileExistsError when something stands at the goal."""
    with opened_folder(origin.parent, bounds[0]) as source, opened_folder(goal.parent, bounds[1]) as target:
        if _stands(target, goal.name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.rename(origin.name, goal.name, src_dir_fd=source, dst_dir_fd=target)
        for folder in (source, target):
            os.fsync(folder)


def make_directory(host: Path, *, bounds: Path) -> None:
    with opened_folder(host.parent, bounds) as folder:
        os.mkdir(host.name, dir_fd=folder)
        os.fsync(folder)


def remove_empty(host: Path, *, bounds: Path) -> None:
    """A directory that holds nothing but the checkpoints of files long gone, or a link to one. CONFLICT otherwise."""
    with opened_folder(host.parent, bounds) as folder:
        facts = _stands(folder, host.name)
        if facts is not None and modes.S_ISLNK(facts.st_mode):
            os.unlink(host.name, dir_fd=folder)
        else:
            _remove_emptied(folder, host.name)
        os.fsync(folder)


def _remove_emptied(folder: int, name: str) -> None:
    directory = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if any(each != CHECKPOINTS_FOLDER for each in os.listdir(directory)):  # noqa: PTH208  a descriptor is no path
            raise not_empty()
        shutil.rmtree(CHECKPOINTS_FOLDER, ignore_errors=True, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise not_empty() from error


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


def _put_where_nothing_stands(folder: int, temporary: str, name: str) -> None:
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # Where hard links do not exist, the lock that the caller holds is what keeps other gateways away.
        if _stands(folder, name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def _stands(folder: int, name: str) -> os.stat_result | None:
    """What stands under the name itself: a symlink is not followed."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _take_over_mode(folder: int, name: str, temporary: str) -> None:
    facts = _stands(folder, name)
    if facts is not None and modes.S_ISREG(facts.st_mode):
        if not may_write(name, folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        os.chmod(temporary, modes.S_IMODE(facts.st_mode), dir_fd=folder)
