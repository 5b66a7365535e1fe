"""The proof, step by step: three dialects, three stores, each claim checked on the real answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from gateway.demo.kernel import run_code
from gateway.demo.stack import Stack, contents_url, demo_notebook
from gateway.wire.signature import sign

NAME = "churn.ipynb"
MOVED_NAME = "forecast.ipynb"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as they went over the wire."""

    method: str
    url: URL
    sent: Mapping[str, str]
    status: int
    received: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body's JSON object; empty when it is none, so that a failed step is shown instead of breaking off."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Step:
    """What a step claims, the exchange that shows it, and whether each part of the claim held."""

    claim: str
    exchange: Exchange
    held: Mapping[str, bool]


@dataclass(slots=True)
class Proof:
    """Runs the steps in order; later steps use what earlier ones learned."""

    stack: Stack
    session: aiohttp.ClientSession
    _etags: list[str] = field(default_factory=list)
    _sha256: str = ""

    async def steps(self) -> AsyncIterator[Step]:
        for step in (
            self._upload_through_nx1,
            self._read_through_jupyter,
            self._update_through_oci,
            self._stale_update_is_refused,
            self._copy_to_the_jupyter_server,
            self._attach_to_an_app_version,
            self._move_to_the_workspace,
            self._open_in_the_workspace,
            self._run_on_the_jupyter_server,
            self._show_jupyterlab,
        ):
            yield await step()

    async def _upload_through_nx1(self) -> Step:
        exchange = await self._upload(NAME, "Churn")
        return Step(
            "curl uploads a notebook to the Nx1 API; it lands in the S3 bucket",
            exchange,
            {"201 Created": exchange.status == 201, "home key": exchange.json().get("s3_key") == f"home/ada/{NAME}"},
        )

    async def _read_through_jupyter(self) -> Step:
        exchange = await self._send("GET", f"/api/contents/s3/{NAME}?hash=1", self._token())
        self._etags.append(_etag(exchange))
        cells = (exchange.json().get("content") or {}).get("cells", [])
        return Step(
            "a Jupyter client opens the same notebook",
            exchange,
            {"200 OK": exchange.status == 200, "two cells": len(cells) == 2, "an etag": bool(self._etags[-1])},
        )

    async def _update_through_oci(self) -> Step:
        exchange = await self._save_through_oci("Churn, updated through OCI")
        changed = _etag(exchange)
        held = {"200 OK": exchange.status == 200, "a new etag": changed not in ("", self._etags[-1])}
        seen = await self._send("GET", f"/api/contents/s3/{NAME}?content=0&hash=1", self._token())
        self._sha256 = str(seen.json().get("hash"))
        held["the same etag in Jupyter"] = _etag(seen) == changed
        return Step("Oracle's client saves it, signed, with If-Match set to that etag", exchange, held)

    async def _stale_update_is_refused(self) -> Step:
        exchange = await self._save_through_oci("This must not be stored")
        return Step(
            "the same If-Match again is stale now, and refused in OCI's own words",
            exchange,
            {"412": exchange.status == 412, "NoEtagMatch": exchange.json().get("code") == "NoEtagMatch"},
        )

    async def _copy_to_the_jupyter_server(self) -> Step:
        body = json.dumps({"copy_from": f"s3/{NAME}"}).encode()
        exchange = await self._send("POST", "/api/contents/jupyter", self._token(), body=body)
        its_own = {"Authorization": f"token {self.stack.jupyter_token}"}
        upstream = await self._send("GET", f"{self.stack.jupyter_url}/api/contents/{NAME}?hash=1", its_own)
        return Step(
            "Jupyter copies it from the S3 mount to the Jupyter server, which now has the same bytes",
            exchange,
            {"201 Created": exchange.status == 201, "same sha256": upstream.json().get("hash") == self._sha256},
        )

    async def _attach_to_an_app_version(self) -> Step:
        app = await self._post("/api/app", {"app_name": "churn", "app_type": "notebook_pipeline"})
        version = await self._post(f"/api/app/{app.get('id')}/versions", {"version_name": "1.0"})
        body = json.dumps({"s3_key": f"home/ada/{NAME}"}).encode()
        exchange = await self._send("PUT", f"/api/app/versions/{version.get('id')}/notebook", self._psk(), body=body)
        attached = json.loads(exchange.json().get("properties_json") or "{}")
        return Step(
            "Nx1 attaches it to an app version, by key and sha256",
            exchange,
            {"200 OK": exchange.status == 200, "same sha256": attached.get("sha256") == self._sha256},
        )

    async def _move_to_the_workspace(self) -> Step:
        uploaded = await self._upload(MOVED_NAME, "Forecast")
        body = json.dumps({"path": f"workspace/{MOVED_NAME}"}).encode()
        exchange = await self._send("PATCH", f"/api/contents/s3/{MOVED_NAME}", self._token(), body=body)
        left = await self._send("GET", f"/api/contents/s3/{MOVED_NAME}", self._token())
        return Step(
            "another upload through Nx1 is moved by Jupyter from the S3 bucket to the OCI workspace",
            exchange,
            {
                "201 Created": uploaded.status == 201,
                "200 OK": exchange.status == 200,
                "gone from S3": left.status == 404,
            },
        )

    async def _open_in_the_workspace(self) -> Step:
        exchange = await self._send("GET", f"/api/contents/workspace/{MOVED_NAME}", self._token())
        cells = (exchange.json().get("content") or {}).get("cells", [])
        workspace = self.stack.workspace
        url = URL(workspace.contents_url(f"/Workspace/{MOVED_NAME}"), encoded=True)
        itself = await self._send("GET", url, sign(workspace.key, "GET", url, {}, b""))
        return Step(
            "it opens through Jupyter, and the workspace itself has it under the same etag",
            exchange,
            {
                "200 OK": exchange.status == 200,
                "two cells": len(cells) == 2,
                "the workspace's own etag": itself.status == 200 and _etag(itself) == _etag(exchange) != "",
            },
        )

    async def _run_on_the_jupyter_server(self) -> Step:
        wanted = {"path": f"s3/{NAME}", "name": NAME, "type": "notebook", "kernel": {"name": "python3"}}
        exchange = await self._send("POST", "/api/sessions", self._token(), body=json.dumps(wanted).encode())
        kernel = (exchange.json().get("kernel") or {}).get("id", "")
        result = await run_code(self.session, self.stack.url, self.stack.token, kernel, "1 + 1")
        return Step(
            "the notebook in the S3 bucket gets a kernel of the Jupyter server, and its cell runs over a WebSocket",
            exchange,
            {"201 Created": exchange.status == 201, "1 + 1 is 2": result == "2"},
        )

    async def _show_jupyterlab(self) -> Step:
        exchange = await self._send("GET", "/lab", self._token())
        page = exchange.body.decode(errors="replace")
        return Step(
            "the Jupyter server's own JupyterLab opens at the gateway, with all three stores in its file browser",
            exchange,
            {
                "200 OK": exchange.status == 200,
                "JupyterLab": "jupyter-config-data" in page,
                "not the server's token": self.stack.jupyter_token not in page,
            },
        )

    async def _upload(self, name: str, title: str) -> Exchange:
        form = aiohttp.FormData()
        form.add_field("file", demo_notebook(title), filename=name, content_type="application/x-ipynb+json")
        return await self._send("POST", "/api/notebooks", self._psk(), form=form)

    async def _save_through_oci(self, title: str) -> Exchange:
        url = URL(f"{contents_url(self.stack.url)}/%2FWorkspace%2F{NAME}", encoded=True)
        notebook = json.loads(demo_notebook(title))
        body = json.dumps({"type": "notebook", "format": "json", "content": notebook}).encode()
        headers = {"content-type": "application/json", "if-match": self._etags[-1]}
        headers |= sign(self.stack.key, "PUT", url, headers, body)
        return await self._send("PUT", url, headers, body=body)

    async def _post(self, path: str, value: object) -> dict[str, Any]:
        exchange = await self._send("POST", path, self._psk(), body=json.dumps(value).encode())
        return exchange.json()

    async def _send(
        self,
        method: str,
        target: str | URL,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        form: aiohttp.FormData | None = None,
    ) -> Exchange:
        url = target if isinstance(target, URL) else URL(self.stack.url).join(URL(target))
        async with self.session.request(method, url, headers=headers, data=form or body) as response:
            return Exchange(method, url, headers, response.status, response.headers, await response.read())

    def _psk(self) -> dict[str, str]:
        return {"Authorization-PSK": self.stack.psk}

    def _token(self) -> dict[str, str]:
        return {"Authorization": f"token {self.stack.token}"}


def _etag(exchange: Exchange) -> str:
    return exchange.received.get("ETag", "").strip('"')
