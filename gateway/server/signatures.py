"""Callers who sign their requests as OCI clients do: proven over the target, headers and body as they travelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from aiohttp import hdrs, web

from gateway.contents.model import Caller
from gateway.contents.offload import offloaded
from gateway.contents.problem import Code, Problem
from gateway.server.auth import authorization
from gateway.server.registered_keys import RegisteredKeys, Signer
from gateway.server.road import BODY_SECONDS, received
from gateway.wire.signature import (
    MAX_SKEW_SECONDS,
    Authorization,
    SignatureVerifier,
    SignedHead,
    parse_authorization,
    refused,
)

SESSION_PREFIX = "ST$"
"""What a keyId begins with that is a session token."""

CLOCKS_APART_SECONDS = 60
REMEMBERED = timedelta(seconds=2 * MAX_SKEW_SECONDS + BODY_SECONDS + CLOCKS_APART_SECONDS)
"""How long a signature is remembered: from five minutes before its date to five after it, then its body may be slow,
and the clocks of replicas differ. Nobody accepts it later anyway."""

_REPEATABLE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


class SessionSigners(Protocol):
    """Knows session tokens."""

    async def signer(self, token: str) -> Signer:
        """Who holds the session; UNAUTHENTICATED for a token that is not good."""
        ...


class SeenSignatures(Protocol):
    """Remembers, for all replicas, which signatures were used."""

    async def claim(self, fingerprint: str, lifetime: timedelta) -> bool:
        """Whether this is its first use: of any number that claim at once exactly one hears so."""
        ...


class SignatureAuthenticator:
    """Verifies the signature of a request (spec oci 9.4).

    With ``seen`` a signature is good for one change only (spec oci 9.4, point 10). Reading is left out, as reading
    again harms nobody and a client that reads the same thing twice within a second signs the same twice. So does a
    client that repeats a change within the second, and it is refused, though its ``opc-retry-token`` would get it the
    first answer: that header is not signed, so who captured a request could put any token into it, act a second time
    under a new one, or be told the answer under the old one. That is the price of the defence; a client that waits for
    the next second signs anew and gets its answer.
    """

    def __init__(
        self,
        keys: RegisteredKeys,
        *,
        sessions: SessionSigners | None = None,
        seen: SeenSignatures | None = None,
        hosts: frozenset[str] = frozenset(),
        min_key_bits: int = 2048,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._seen = seen
        self._verifier = SignatureVerifier(hosts=hosts, min_key_bits=min_key_bits, now=now)

    async def authenticate(self, request: web.Request) -> Caller | None:
        """The head is proven before the body is received: a stranger cannot make the gateway hold a large body.

        In threads: key files are looked at, and a large body takes long to hash.
        """
        if authorization(request)[0] != "signature":
            return None
        signed = parse_authorization(request.headers[hdrs.AUTHORIZATION])
        session = await self._session(signed.key_id)
        head, caller = await asyncio.to_thread(self._proven, request, signed, session)
        if (request.content_length or 0) > request.client_max_size:
            raise Problem(Code.TOO_LARGE, f"At most {request.client_max_size} bytes are accepted here.")
        body = await received(request.read())
        await offloaded(len(body), head.check_body, body)
        await self._use(head)
        return caller

    async def _session(self, key_id: str) -> Signer | None:
        """Who holds the session that the keyId is a token of; None when it is none."""
        if not key_id.startswith(SESSION_PREFIX):
            return None
        if self._sessions is None:
            raise refused("session tokens are not accepted here")
        return await self._sessions.signer(key_id.removeprefix(SESSION_PREFIX))

    def _proven(self, request: web.Request, signed: Authorization, session: Signer | None) -> tuple[SignedHead, Caller]:
        signer = session or self._keys.find(signed.key_id)
        key = signer.key if signer else None
        head = self._verifier.verify_head(signed, key, request.method, request.raw_path, request.headers)
        assert signer is not None  # else it would have been refused
        return head, signer.caller

    async def _use(self, head: SignedHead) -> None:
        """Last of all, so that nobody but the signer can use a signature up."""
        if self._seen is None or head.method in _REPEATABLE:
            return
        if not await self._seen.claim(head.fingerprint, REMEMBERED):
            raise refused("it was used before; each change is signed anew")
