"""The Jupyter servers behind mounts whose kernels and pages a caller may use, and which of them is meant."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.contents.fleet import Fleet, Whereabouts, new_whereabouts
from gateway.contents.locks import Locks
from gateway.contents.model import Caller
from gateway.contents.mounts import Action, Mount, Mounts
from gateway.contents.problem import Code, Problem, Reason
from gateway.contents.server import Server
from gateway.contents.upstream import SupportsForwarding


class Servers:
    """Finds servers; ``home`` names the mount of the one whose pages are shown, None where there is none.

    With ``home_signs_in`` its own login is in charge.
    """

    def __init__(self, mounts: Mounts, home: str | None, locks: Locks, *, home_signs_in: bool = False) -> None:
        self._mounts = mounts
        self._home = home
        self._home_signs_in = home_signs_in
        self._locks = locks
        self._whereabouts: Whereabouts = new_whereabouts()

    def of(self, caller: Caller) -> tuple[Server, ...]:
        """All that the caller may use, home first, each once however many mounts stand on it; none for who may run
        nothing."""
        by_url: dict[str, Server] = {}
        for server in sorted(self._usable(caller), key=lambda server: not server.is_home):
            by_url.setdefault(server.backend.upstream.url, server)
        return tuple(by_url.values())

    def home(self, caller: Caller) -> Server:
        """The server whose pages the caller sees. NOT_FOUND (no route) where there is none for this caller.

        Where people sign in there, who is nobody yet sees what it shows to everybody.
        """
        is_nobody = self._home_signs_in and caller.username is None
        for server in self._at_home(caller):
            if is_nobody or server.mount.permits(caller, Action.RUN):
                return server
        raise Problem(Code.NOT_FOUND, "There is nothing at this URL.", reason=Reason.NO_ROUTE)

    def fleet(self, caller: Caller) -> Fleet:
        """The same servers, taken as one."""
        are_any = any(isinstance(mount.backend, SupportsForwarding) for mount in self._mounts.all())
        return Fleet(caller, self.of(caller), are_any, self._whereabouts, self._locks)

    def _at_home(self, caller: Caller) -> Iterator[Server]:
        for mount in self._mounts.all():
            if mount.name == self._home and (server := self._server(caller, mount)) is not None:
                yield server

    def _usable(self, caller: Caller) -> Iterator[Server]:
        for mount in self._mounts.all():
            if mount.permits(caller, Action.RUN) and (server := self._server(caller, mount)) is not None:
                yield server

    def _server(self, caller: Caller, mount: Mount) -> Server | None:
        try:
            mount = mount.of(caller)
        except Problem:  # a user whose name cannot be that of a server
            return None
        if not isinstance(mount.backend, SupportsForwarding):
            return None
        return Server(caller, mount, mount.backend, mount.name == self._home, self._mounts)
