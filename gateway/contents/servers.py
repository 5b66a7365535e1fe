"""The Jupyter servers behind mounts whose kernels and pages a caller may use, and which of them is meant."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.contents.model import Caller
from gateway.contents.mounts import Action, Mount, Mounts
from gateway.contents.problem import Code, Problem, Reason
from gateway.contents.upstream import SupportsForwarding


@dataclass(frozen=True, slots=True)
class Server:
    """One server as one caller reaches it; ``is_home`` is the one whose pages the gateway shows."""

    mount: Mount
    backend: SupportsForwarding
    is_home: bool


class Servers:
    """Finds servers; ``home`` names the mount of the one whose pages are shown, None where there is none."""

    def __init__(self, mounts: Mounts, home: str | None) -> None:
        self._mounts = mounts
        self._home = home

    def of(self, caller: Caller) -> tuple[Server, ...]:
        """All that the caller may use, home first; none for who may run nothing."""
        usable = [mount for mount in self._mounts.all() if mount.permits(caller, Action.RUN)]
        found = [self._server(mount.of(caller)) for mount in usable]
        return tuple(sorted((server for server in found if server is not None), key=lambda server: not server.is_home))

    def home(self, caller: Caller) -> Server:
        """The server whose pages the caller sees. NOT_FOUND (no route) where there is none for this caller."""
        for server in self.of(caller):
            if server.is_home:
                return server
        raise Problem(Code.NOT_FOUND, "There is nothing at this URL.", reason=Reason.NO_ROUTE)

    def _server(self, mount: Mount) -> Server | None:
        if not isinstance(mount.backend, SupportsForwarding):
            return None
        return Server(mount, mount.backend, is_home=mount.name == self._home)
