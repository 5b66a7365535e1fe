"""An emulated OCI AI Data Platform workspace on loopback, as strict as spec oci 13 and free of any gateway code."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from . import contents, objects
from .generations import PLATFORM_ID, PREFIX, WORKSPACE_KEY
from .habits import Habits
from .signatures import NotAuthenticatedError, signer_of
from .tree import Path, RefusalError, Tree, absent

TENANCY, USER = "ocid1.tenancy.oc1..emulated", "ocid1.user.oc1..emulated"

_REQUEST_ID = re.compile(r"[A-Za-z0-9_/-]{1,128}")


@dataclass(frozen=True)
class Call:
    """One verified request, as the operations see it."""

    method: str
    base: str
    headers: Any
    query: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        if not self.body:
            raise RefusalError(400, "InvalidParameter", "The request body must not be null")
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise RefusalError(400, "CannotParseRequest", "The request body is not JSON.") from error
        if not isinstance(value, dict):
            raise RefusalError(400, "InvalidParameter", "The request body must be an object.")
        return value


class WorkspaceEmulator:
    """One workspace in one platform; requests are served in the order in which their bodies are complete."""

    def __init__(self) -> None:
        self.url = ""
        self.tree = Tree()
        self.habits = Habits()
        self.requests: list[tuple[str, str]] = []
        self.keys = {key_id(): private_key().public_key()}
        self.strangers: set[str] = set()
        """Key ids that authenticate but may see nothing: 404, never 403."""
        self.page_tokens: dict[str, tuple[Path, int]] = {}
        self.retry_tokens: dict[tuple[str, str], tuple[str, web.Response, Path]] = {}

    def write_profile(self, folder: FilePath) -> FilePath:
        """A config file with the one profile this workspace knows."""
        key_file = folder / "oci_key.pem"
        form = serialization.PrivateFormat.PKCS8
        key_file.write_bytes(
            private_key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        )
        config = folder / "oci_config"
        lines = [f"user={USER}", f"tenancy={TENANCY}", f"fingerprint={_fingerprint()}", f"key_file={key_file}"]
        config.write_text("\n".join(["[DEFAULT]", *lines, "region=us-ashburn-1", ""]))
        return config

    def mount_options(self, folder: FilePath) -> dict[str, str]:
        """How a client is told of this workspace: its address and a profile, written into ``folder``."""
        profile = str(self.write_profile(folder))
        where = {"endpoint": self.url, "platform_id": PLATFORM_ID, "workspace_key": WORKSPACE_KEY}
        return where | {"config_file": profile}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One exchange; every answer carries an opc-request-id."""
        self.requests.append((request.method, request.raw_path))
        given = request.headers.get("opc-request-id", "")
        try:
            response = self.habits.fault(request) or await self._answer(request)
        except RefusalError as refusal:
            response = _error(refusal)
        except NotAuthenticatedError as error:
            response = _error(RefusalError(401, "NotAuthenticated", f"Not authenticated: {error}."))
        except web.HTTPRequestEntityTooLarge:
            response = _error(RefusalError(413, "PayloadTooLarge", "The body is too large."))
        client = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex.upper()
        response.headers["opc-request-id"] = f"{client.split('/')[0]}/{secrets.token_hex(16).upper()}"
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        caller = signer_of(request, body, self.keys)
        if not _REQUEST_ID.fullmatch(request.headers.get("opc-request-id", "x")):
            raise RefusalError(400, "InvalidParameter", "opc-request-id has characters that are not allowed.")
        target, _, query = request.raw_path.partition("?")
        if not target.startswith(PREFIX) or caller in self.strangers:
            raise absent()
        call = Call(request.method, self.url + PREFIX, request.headers, dict(parse_qsl(query, True)), body)
        return self._once(call, caller, target, lambda: self._route(call, target.removeprefix(PREFIX)))

    def _route(self, call: Call, tail: str) -> web.Response:
        if tail == "" and call.method == "GET":
            return web.json_response({"key": WORKSPACE_KEY, "displayName": "emulated", "lifecycleState": "ACTIVE"})
        if tail == "/objects":
            return objects.answer(self, call)
        head, slash, rest = tail[1:].partition("/")
        if head == "objects" and slash and call.method == "DELETE":
            return objects.delete(self, call, plain_path(rest))
        segment = tail.removeprefix("/notebook/api/contents/")
        if segment == tail or not segment or "/" in segment:
            raise absent()
        return contents.answer(self, call, plain_path(segment))

    def _once(self, call: Call, caller: str, target: str, act: Callable[[], web.Response]) -> web.Response:
        """Honour a retry token of a POST: the first answer again, without acting again (spec oci 3.3)."""
        token = call.headers.get("opc-retry-token")
        if call.method != "POST" or token is None:
            return act()
        if not 1 <= len(token) <= 64:
            raise RefusalError(400, "InvalidParameter", "opc-retry-token has 1 to 64 characters.")
        request = f"{target} {call.headers.get('path', '')} {hashlib.sha256(call.body).hexdigest()}"
        if (caller, token) in self.retry_tokens:
            known, response, path = self.retry_tokens[caller, token]
            if known != request or path not in self.tree.nodes:
                raise RefusalError(409, "InvalidatedRetryToken", "The retry token is no longer valid.")
            return _again(response)
        response = act()
        path = plain_path(response.headers["Location"].rpartition("/")[2])
        self.retry_tokens[caller, token] = (request, _again(response), path)
        return response


@asynccontextmanager
async def running_workspace(*, max_body_bytes: int = 64 << 20) -> AsyncIterator[WorkspaceEmulator]:
    """An empty workspace on an ephemeral loopback port."""
    emulator = WorkspaceEmulator()
    app = web.Application(client_max_size=max_body_bytes)
    app.router.add_route("*", "/{tail:.*}", emulator.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    emulator.url = f"http://{host}:{port}"
    try:
        yield emulator
    finally:
        await runner.cleanup()


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_id() -> str:
    return f"{TENANCY}/{USER}/{_fingerprint()}"


def plain_path(raw: str) -> Path:
    """Decode once and split; nothing is normalised but one slash at the beginning."""
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusalError(400, "CannotParseRequest", "The path is not UTF-8.") from error
    path = tuple(text.removeprefix("/").split("/"))
    if any(name in ("", ".", "..") or "\0" in name for name in path):
        raise RefusalError(400, "InvalidParameter", "The path is not plain.")
    return path


def _fingerprint() -> str:
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.md5(private_key().public_key().public_bytes(encoding, form)).digest().hex(":")


def _error(refusal: RefusalError) -> web.Response:
    body = {"code": refusal.code, "message": refusal.message}
    if refusal.reason is not None:
        body["reason"] = refusal.reason
    return web.json_response(body, status=refusal.status)


def _again(response: web.Response) -> web.Response:
    kept = {name: response.headers[name] for name in ("Location", "etag", "Content-Type") if name in response.headers}
    return web.Response(status=response.status, body=response.body, headers=kept)
