"""Signs requests as one profile, and takes the renewed session token when there is one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from structlog import get_logger
from yarl import URL

from adapters.oci.profile import Credential, load_credential
from gateway.contents.offload import LARGE_BYTES
from gateway.contents.problem import Problem
from gateway.wire.signature import sign

_QUICK_KEY_BITS = 2048
LOOK_SECONDS = 1.0
_log = get_logger(__name__)


class Signer:
    """The credential of one profile. A session token's file is looked at once a second, in a thread."""

    def __init__(self, config_file: str, profile: str) -> None:
        self._source = (config_file, profile)
        self._credential = load_credential(config_file, profile)
        self._seen: tuple[int, int, int] | None = None
        self._next_look = 0.0

    @property
    def uses_session_token(self) -> bool:
        return self._credential.token_file is not None

    async def sign(self, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """The headers that sign the request: in a thread where that takes long, as with long keys and bodies."""
        key = (await self._current()).key
        if key.private_key.key_size <= _QUICK_KEY_BITS and len(body) < LARGE_BYTES:
            return sign(key, method, url, headers, body)
        return await asyncio.to_thread(sign, key, method, url, headers, body)

    async def _current(self) -> Credential:
        if self.uses_session_token and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            self._credential = await asyncio.to_thread(self._renewed)
        return self._credential

    def _renewed(self) -> Credential:
        """The credential as the files have it now; the known one when they have not changed, or are being written."""
        assert self._credential.token_file is not None
        try:
            status = self._credential.token_file.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen == self._seen:
                return self._credential
            renewed = load_credential(*self._source)
        except (OSError, Problem) as error:
            _log.warning("a session token cannot be read again", error=str(error))
            return self._credential
        self._seen = seen
        return renewed
