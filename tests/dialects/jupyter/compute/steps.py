"""A gateway whose compute half is asked, and what an answer has to be."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from gateway.app import create_app
from gateway.server.listening import listening
from gateway.settings import load_settings
from tests.dialects.jupyter.driving import Answer, Ask, Server
from tests.fakes.kernel_client import V1, KernelClient

ADA, AL = "ada-token", "al-token"
INTERNALS = re.compile(rb"Traceback|site-packages|/tmp|Errno|tornado|127\.0\.0\.1|<html|<!DOCTYPE")


@dataclass(frozen=True, slots=True)
class Compute:
    """Ada's gateway, which al may use as well."""

    session: aiohttp.ClientSession
    url: str

    async def ask(self, method: str, path: str, body: object = None, *, status: int = 200, token: str = ADA) -> Answer:
        """An API request whose answer has that status."""
        answer = await self.fetch(f"/api{path}", method, body, token=token)
        assert answer.status == status, (answer.status, answer.body)
        return answer

    async def refused(
        self, method: str, path: str, body: object, status: int, *, token: str = ADA
    ) -> Mapping[str, Any]:
        """What the refusal says: in JSON, with a message, and nothing of how things are made."""
        answer = await self.ask(method, path, body, status=status, token=token)
        said: Mapping[str, Any] = json.loads(answer.body)
        assert said["message"]
        assert "reason" in said
        assert not INTERNALS.search(answer.body), answer.body
        assert ("Retry-After" in answer.headers) is (status == 503)
        return said

    async def fetch(self, path: str, method: str = "GET", body: object = None, *, token: str = ADA) -> Answer:
        server = Server(self.session, self.url, {"Authorization": f"token {token}"})
        return await server.send(Ask(method, path, body))

    async def names(self, resource: str, key: str, *, token: str = ADA) -> list[str]:
        """One field of each that is listed, in order."""
        return sorted(each[key] for each in (await self.ask("GET", resource, token=token)).json())

    async def started(self, path: str, *, kernel: object = None, kind: str = "notebook", token: str = ADA) -> Any:
        """A session for the path."""
        body = {"path": path, "type": kind, "name": path.rpartition("/")[2], "kernel": kernel or {"name": "python3"}}
        return (await self.ask("POST", "/sessions", body, status=201, token=token)).json()

    async def cwd_of(self, kernel_id: str, *, token: str = ADA) -> str:
        """The folder where the kernel runs, as the kernel says it over its socket."""
        url = f"{self.url}/api/kernels/{kernel_id}/channels?session_id=x&token={token}"
        async with self.session.ws_connect(url, protocols=(V1,)) as socket:
            run = await KernelClient(socket).execute("__import__('os').getcwd()")
        return run.results[0].strip("'")

    async def terminal_finds(self, terminal: str, file: str) -> bool:
        """Whether a shell in the terminal finds the file where it stands."""
        async with self.session.ws_connect(f"{self.url}/terminals/websocket/{terminal}?token={ADA}") as socket:
            await socket.send_json(["stdin", f"test -e {file} && echo ye''s || echo n''o\r"])
            said = ""
            while (found := re.search(r"(yes|no)\r\n", said)) is None:
                kind, *content = await socket.receive_json(timeout=30)
                said += content[0] if kind == "stdout" else ""
            return found[1] == "yes"

    async def end_all(self, *, token: str = ADA) -> None:
        """End whatever the caller sees."""
        for each in (await self.ask("GET", "/sessions", token=token)).json():
            await self.fetch(f"/api/sessions/{each['id']}", "DELETE", token=token)
        for each in (await self.ask("GET", "/kernels", token=token)).json():
            await self.fetch(f"/api/kernels/{each['id']}", "DELETE", token=token)


@asynccontextmanager
async def computing(folder: Path, mounts: list[dict[str, Any]], *, base_path: str = "") -> AsyncIterator[Compute]:
    """A gateway over the mounts, its state in ``folder``."""
    values: dict[str, Any] = {
        "server": {"base_path": base_path},
        "state": {
            "url": f"sqlite+aiosqlite:///{folder / 'state.db'}",
            "uploads_folder": str(folder / "uploads"),
        },
        "mounts": mounts,
        "identity": {"tokens": [{"user": "ada", "token": ADA}, {"user": "al", "token": AL}]},
    }
    app = create_app(load_settings(None, values))
    async with listening(app, "127.0.0.1", 0) as url, aiohttp.ClientSession() as session:
        yield Compute(session, url + base_path)
