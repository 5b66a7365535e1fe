"""Files that are read again when they change, while the gateway runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

T = TypeVar("T")

_Stamp = tuple[int, int, int, int] | None

_log = structlog.get_logger()


class WatchedFile(Generic[T]):
    """What a file says, by a look at the file's dates for each question; asked in threads, never in the event loop.

    ``read`` raises OSError or ValueError for what it cannot read. Then the answer is ``otherwise``, or with
    ``keeps_last`` what the file said last, and one line of the log for each change says so in the words of ``lament``.
    """

    def __init__(
        self, file: Path, read: Callable[[Path], T], otherwise: T, *, lament: str, keeps_last: bool = False
    ) -> None:
        self._file = file
        self._read = read
        self._otherwise = otherwise
        self._lament = lament
        self._keeps_last = keeps_last
        self._said = otherwise
        self._seen: _Stamp = None
        self._lamented: _Stamp | str = "nothing"
        self._looking = Lock()

    def current(self) -> T:
        with self._looking:
            stamp = _stamp(self._file)
            if stamp is None or stamp != self._seen:
                self._look(stamp)
            return self._said

    def _look(self, stamp: _Stamp) -> None:
        """A file that could not be opened is tried again each time, as what was in the way leaves no trace in it."""
        try:
            self._said = self._read(self._file)
        except (OSError, ValueError) as error:
            if not self._keeps_last:
                self._said = self._otherwise
            self._seen = None if isinstance(error, OSError) else stamp
            self._complain(stamp, error)
        else:
            self._seen = stamp
            self._lamented = "nothing"

    def _complain(self, stamp: _Stamp, error: OSError | ValueError) -> None:
        if self._lamented != stamp:
            detail = error.strerror if isinstance(error, OSError) else str(error)
            _log.error(self._lament, file=self._file.name, detail=detail)
        self._lamented = stamp


def public_key_file(file: Path) -> WatchedFile[RSAPublicKey | None]:
    """The RSA key in a PEM file, None as long as there is none."""
    return WatchedFile(file, load_public_key, None, lament="public key cannot be read")


def load_public_key(file: Path) -> RSAPublicKey:
    """The RSA key in a PEM file; OSError, or ValueError that says what the file is not."""
    try:
        key = load_pem_public_key(file.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("not a public key in PEM") from error
    match key:
        case RSAPublicKey():
            return key
    raise ValueError("not an RSA key, the only kind that is accepted")


def _stamp(file: Path) -> _Stamp:
    """What changes with the file; not its date alone, which is coarse and can be set. None without a file."""
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino
