"""Jupyter servers behind mounts, as far as they do more than hold contents, asked in their own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from gateway.contents.backend import Backend
from gateway.contents.paths import ContentPath


@dataclass(frozen=True, slots=True)
class Upstream:
    """A Jupyter server: its ``url`` (with its base path, no slash at the end), and the ``headers`` that prove the
    gateway to it."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a request goes that is carried through as it comes.

    ``target`` is path and query below the server's url; it begins with a slash, is percent-encoded, and holds no
    credential. ``headers`` are the caller's own, where the server is to see them. Where the server's own login is in
    charge (``signs_in``), it hears of no other credential, and the cookies that it sets are the caller's.
    """

    upstream: Upstream
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    signs_in: bool = False


@dataclass(frozen=True, slots=True)
class Forward:
    """One request of the server's REST API; ``target`` as in ``Destination``, such as ``/api/kernels``.

    ``body`` is JSON. ``seconds`` is how long the server may take where that is not the usual.
    """

    method: str
    target: str
    body: bytes | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The server's answer, whatever its status; ``headers`` by whatever case they are asked for."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_missing(self) -> bool:
        """Whether the API says that there is no such thing; a page that says so is of a proxy before a server that is
        away."""
        return self.status == 404 and self.headers.get("Content-Type", "").startswith("application/json")


@runtime_checkable
class SupportsForwarding(Protocol):
    """The store is a Jupyter server: kernels, terminals, settings and pages are there, too."""

    @property
    def upstream(self) -> Upstream:
        """Where it is."""
        ...

    def address(self, path: ContentPath) -> str:
        """An inner path as the server counts it, from its own root."""
        ...

    def inner(self, address: str) -> ContentPath | None:
        """The way back; None for what lies outside the mount, or is no path."""
        ...

    async def forward(self, request: Forward) -> Forwarded:
        """One exchange. UNAVAILABLE or TIMEOUT when there is no answer; a refused credential is UPSTREAM."""
        ...


@runtime_checkable
class SupportsUsers(Protocol):
    """The store is another one for each user, as the servers behind a hub are."""

    def of(self, username: str | None) -> Backend:
        """The store of that user: cheap, holds nothing open. FORBIDDEN for who is no user, or has an unfit name."""
        ...
