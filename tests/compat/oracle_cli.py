"""Oracle's command line, unmodified: one process a call, and what it printed."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from configparser import ConfigParser
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives import serialization
from multidict import CIMultiDict

from gateway.wire.signature import SigningKey
from tests.gateways import PLATFORM_ID, WORKSPACE_KEY

COMMAND = Path(sys.executable).with_name("aidp")
FORKS = "tests.compat.oracle_cli_forks"
START_SECONDS = 60.0
CALL_SECONDS = 60.0
POLL_SECONDS = 0.05

_PREFIX = "Response:\n"


@dataclass(frozen=True, slots=True)
class Printed:
    """What one call printed: the answer's parts to stdout, or its refusal to stderr."""

    exit_code: int
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Any = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None

    @property
    def etag(self) -> str:
        return self.headers["etag"]

    @property
    def refusal(self) -> tuple[int, str | None]:
        """Status and code of a refusal, whose exit code is the status as far as a process has room for it.

        Code and message are missing where the answer had no body.
        """
        assert self.exit_code == self.status % 256
        assert bool(self.message) is (self.code is not None)
        assert self.request_id
        return self.status, self.code

    def body(self) -> bytes:
        """The bytes of an object: the command line prints them as lists of numbers."""
        return b"".join(bytes(chunk) for chunk in self.data)


@dataclass(frozen=True, slots=True)
class OracleCli:
    """The command line with a profile of one user, who trusts the gateway's authority and nobody else.

    With ``forks``, the socket of a process that has imported it, a call is forked there; else it is the installed
    script, which takes most of a second.
    """

    endpoint: str
    profile: Path
    authority: Path
    forks: Path | None = None

    @classmethod
    def at_home(
        cls, folder: Path, endpoint: str, authority: Path, key: SigningKey, forks: Path | None = None
    ) -> OracleCli:
        """``folder`` becomes the home of every process."""
        pem = key.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key_file, profile = folder / "key.pem", folder / "config"
        key_file.write_bytes(pem)
        tenancy, user, fingerprint = key.key_id.split("/")
        named = {"tenancy": tenancy, "user": user, "fingerprint": fingerprint, "key_file": str(key_file)}
        parser = ConfigParser()
        parser["DEFAULT"] = {**named, "region": "us-ashburn-1"}
        with profile.open("w") as file:
            parser.write(file)
        for private in (key_file, profile):
            private.chmod(0o600)
        return cls(endpoint, profile, authority, forks)

    async def notebook(self, command: str, *arguments: str, body: object = None, **flags: object) -> Printed:
        """A command of the group ``notebook``; ``body`` is sent as JSON."""
        stdin = None if body is None else json.dumps(body).encode()
        return await self.call("notebook", command, *arguments, stdin=stdin, **flags)

    async def objects(self, command: str, *arguments: str, body: object = None, **flags: object) -> Printed:
        """A command of the group ``workspace-object``; ``body`` is sent as JSON unless it is bytes."""
        stdin = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return await self.call("workspace-object", command, *arguments, stdin=stdin, **flags)

    async def call(
        self, group: str, command: str, *arguments: str, stdin: bytes | None = None, **flags: object
    ) -> Printed:
        """``stdin`` is the body; ``if_match="x"`` becomes ``--if-match=x``. AssertionError when nothing is printed
        that looks like an answer."""
        named = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items() if value is not None]
        body = [] if stdin is None else ["--body", "-"]
        exit_code, stdout, stderr = await self.run(
            group, command, WORKSPACE_KEY, *arguments, *named, *body, stdin=stdin
        )
        return _printed(exit_code, stdout, stderr)

    async def run(self, *arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
        """Exit code and both outputs. TimeoutError when it takes longer than a minute."""
        options = ["--auth", "api_key", "--config-file", str(self.profile)]
        options += ["--endpoint", self.endpoint, "--instance-id", PLATFORM_ID]
        async with asyncio.timeout(CALL_SECONDS):
            if self.forks is None:
                return await self._script([*options, *arguments], stdin or b"")
            return await self._fork(self.forks, [*options, *arguments], stdin or b"")

    async def _script(self, arguments: list[str], stdin: bytes) -> tuple[int, str, str]:
        process = await create_subprocess_exec(
            COMMAND, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self._environment()
        )
        try:
            stdout, stderr = await process.communicate(stdin)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, stdout.decode(), stderr.decode()

    async def _fork(self, socket: Path, arguments: list[str], stdin: bytes) -> tuple[int, str, str]:
        asked = {"arguments": arguments, "environment": self._environment(), "stdin": base64.b64encode(stdin).decode()}
        reader, writer = await asyncio.open_unix_connection(str(socket))
        try:
            writer.write(json.dumps(asked).encode() + b"\n")
            answer = json.loads(await reader.read())
        finally:
            writer.close()
            await writer.wait_closed()
        return answer["exit_code"], answer["stdout"], answer["stderr"]

    def _environment(self) -> dict[str, str]:
        """Nothing of the user's own: no profile, no proxy, no other authority."""
        own = {"HOME": str(self.profile.parent), "REQUESTS_CA_BUNDLE": str(self.authority), "LANG": "C.UTF-8"}
        return {**own, "PATH": os.environ.get("PATH", os.defpath)}


def _printed(exit_code: int, stdout: str, stderr: str) -> Printed:
    if exit_code == 0:
        assert stdout.startswith(_PREFIX), stdout
        answer = json.loads(stdout.removeprefix(_PREFIX))
        return Printed(0, answer["status"], CIMultiDict(answer["headers"]), answer["data"])
    assert stderr.startswith(_PREFIX), stderr
    error = json.loads(stderr.removeprefix(_PREFIX))
    return Printed(
        exit_code,
        error["status"],
        code=error["code"],
        message=error["message"],
        request_id=error["opc-request-id"],
    )


@contextmanager
def running_forks() -> Iterator[Path]:
    """The socket of a process that forks the command line while the block runs; RuntimeError when it does not start."""
    with TemporaryDirectory(prefix="nbgw-cli-") as folder:
        socket = Path(folder) / "socket"
        with subprocess.Popen([sys.executable, "-m", FORKS, str(socket)], start_new_session=True) as process:
            try:
                _wait_for(socket, process)
                yield socket
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)


def _wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError("Oracle's command line was not imported.")
        time.sleep(POLL_SECONDS)


def statuses(logged: Iterable[MutableMapping[str, Any]]) -> list[int]:
    """What the gateway answered, one for each request that came, from its captured log.

    The command line's retries cannot be switched off, and what looks like a passing fault takes it ten minutes.
    """
    return sorted(entry["status"] for entry in logged if entry["event"] == "request")
