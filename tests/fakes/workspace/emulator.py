"""One emulated workspace: its state, and the way of a request through signature, retry token, faults and resource."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as FilePath

from aiohttp import web

from . import faults, par, routes
from .calls import Call, parse_query
from .faults import Fault, Faults
from .generations import CURRENT, PLATFORM_ID, WORKSPACE_KEY, Generation
from .habits import Habits
from .identities import Identity, new_session, owner
from .operations import Operations
from .pages import Pages
from .paths import Path
from .refusals import RefusalError, absent, invalid
from .retries import Retries
from .sessions import Session
from .sight import Sight
from .signatures import WITH_BODY, NotAuthenticatedError, signer_of
from .tree import Tree
from .uploads import Upload

_REQUEST_ID = re.compile(r"[A-Za-z0-9_/-]+")


@dataclass(frozen=True)
class Address:
    """A request's target in parts: what stands before the generation's prefix, and what follows it."""

    front: str
    tail: str
    query: str


class WorkspaceEmulator:
    """One workspace in one platform; requests are served in the order in which their bodies are complete."""

    def __init__(self, generation: Generation = CURRENT) -> None:
        self.url = ""
        self.generation = generation
        self.habits = Habits(
            lists_directories=generation.lists_directories, sessions_as_array=generation.sessions_as_array
        )
        self.begun = datetime.now(UTC)
        self.tree = Tree(lambda: self.habits.lag_reads)
        self.sessions: dict[str, Session] = {}
        self.uploads: dict[tuple[str, str, Path, str], Upload] = {}
        self.store = par.Store()
        self.pages = Pages()
        self.operations = Operations()
        self.requests: list[tuple[str, str]] = []
        """Method and raw target of every call of the API."""
        self.par_requests: list[tuple[str, str]] = []
        self.keys = {owner().key_id: owner().private_key.public_key()}
        self.strangers: set[str] = set()
        """Key ids that authenticate but may see nothing: 404, never 403."""
        self.hidden: dict[str, set[Path]] = {}
        """What a key id may not see, with everything below it."""
        self._retries = Retries()
        self._faults = Faults()

    @property
    def prefix(self) -> str:
        return self.generation.prefix

    def admit(self, identity: Identity) -> None:
        self.keys[identity.key_id] = identity.private_key.public_key()

    def write_profile(self, folder: FilePath) -> FilePath:
        """A config file with the one profile this workspace knows."""
        return owner().write_profile(folder)

    def write_session_profile(self, folder: FilePath) -> FilePath:
        """A config file whose profile has a fresh session token, which this workspace knows from now on."""
        session = new_session(self.habits.clock())
        self.admit(session)
        return session.write_profile(folder)

    def mount_options(self, folder: FilePath) -> dict[str, str]:
        """How a client is told of this workspace: its address and a profile, written into ``folder``."""
        profile = str(self.write_profile(folder))
        where = {"endpoint": self.url, "platform_id": PLATFORM_ID, "workspace_key": WORKSPACE_KEY}
        return where | {"config_file": profile}

    def sight(self, call: Call) -> Sight:
        """What the caller sees."""
        return Sight(self.tree, self.habits, frozenset(self.hidden.get(call.caller, ())))

    def check_changeable(self, call: Call, path: Path, *, whole: bool = True) -> None:
        """404 for what the caller may not see, 409 IncorrectState for what an operation works on."""
        self.sight(call).check_changeable(path, whole=whole)
        self.operations.check_idle(path)

    def names_etag(self, wanted: str, etag: str) -> bool:
        """Whether an if-match names an etag as it was handed out (spec oci 3.4)."""
        known = {etag, f'"{etag}"'} if self.habits.quoted_if_match and '"' not in etag else {etag}
        return wanted.strip() in known

    def work_request(self) -> dict[str, str]:
        """The header of a change that may not be complete yet."""
        return (
            {"opc-work-request-id": f"ocid1.workrequest.oc1..{uuid.uuid4().hex}"} if self.habits.work_requests else {}
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One exchange; every answer carries an opc-request-id."""
        is_par = request.raw_path.startswith(par.PREFIX)
        (self.par_requests if is_par else self.requests).append((request.method, request.raw_path))
        fault = self._faults.before(self.habits, request, is_api=not is_par)
        if fault is Fault.RESET_BEFORE:
            return faults.reset(request)
        response = self.habits.fault(request) or faults.answer_of(fault, self.habits)
        response = response or await self._response(request, is_par=is_par)
        given = request.headers.get("opc-request-id", "")
        client = given.split("/")[0] if self._is_request_id(given) else uuid.uuid4().hex.upper()
        response.headers["opc-request-id"] = f"{client}/{secrets.token_hex(16).upper()}"
        return await faults.sent(request, response, fault or self._late_fault(request, response), self.habits)

    def _late_fault(self, request: web.Request, response: web.Response) -> Fault | None:
        return self._faults.after(self.habits, request, response)

    async def _response(self, request: web.Request, *, is_par: bool) -> web.Response:
        try:
            return await (par.answer(self, request) if is_par else self._answer(request))
        except RefusalError as refusal:
            return refusal.response(reason_alone=self.habits.reason_alone)
        except NotAuthenticatedError as error:
            return RefusalError(401, "NotAuthenticated", f"Not authenticated: {error}.").response()
        except web.HTTPRequestEntityTooLarge:
            return RefusalError(413, "PayloadTooLarge", "The body is too large.").response()

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method in WITH_BODY and request.content_length is None:
            raise RefusalError(411, "MissingParameter", "The request has no content-length.")
        body = await request.read()
        caller = signer_of(request, body, self.keys, self.habits)
        if not self._is_request_id(request.headers.get("opc-request-id", "x")):
            raise invalid("opc-request-id has characters that are not allowed.")
        address = self._address_of(request.raw_path)
        if caller in self.strangers:
            raise absent()
        platform = f"{self.url}{address.front}{self.generation.platform_prefix}"
        base = f"{self.url}{address.front}{self.prefix}"
        query = parse_query(address.query)
        call = Call(request.method, request.raw_path, caller, platform, base, request.headers, query, body)
        act = self._action_of(call, address)
        return self._retries.once(self, call, address.tail.removeprefix(self.prefix), act)

    def _action_of(self, call: Call, address: Address) -> Callable[[], web.Response]:
        operations = f"{self.generation.platform_prefix}/asyncOperations"
        if address.tail == operations or address.tail.startswith(f"{operations}/"):
            return lambda: self.operations.answer(self, call, address.tail.removeprefix(operations))
        if address.tail != self.prefix and not address.tail.startswith(f"{self.prefix}/"):
            raise absent()
        return lambda: routes.answer(self, call, address.tail.removeprefix(self.prefix))

    def _address_of(self, target: str) -> Address:
        path, _, query = target.partition("?")
        front = "/api" if self.habits.api_prefix and path.startswith("/api/") else ""
        return Address(front, path.removeprefix(front), query)

    def _is_request_id(self, text: str) -> bool:
        return len(text) <= self.habits.longest_request_id and _REQUEST_ID.fullmatch(text) is not None
