"""An unmodified JupyterLab behind the gateway, with a base path on either side, on both, and on neither."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from yarl import URL

from tests.fakes.jupyter import JupyterServer, running_jupyter
from tests.server.carriage import AUTHORIZED, BROWSER, Gateway, gateway_before

ASSETS = re.compile(r'(?:src|href)="([^"]+)"')
CONFIG = re.compile(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', re.DOTALL)
BASES = ["", "/notebooks"]


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["", "/user/ada"])
async def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[JupyterServer]:
    root = tmp_path_factory.mktemp("lab")
    async with running_jupyter(
        root, f"--ServerApp.base_url={request.param}/", "--LabApp.core_mode=True", with_pages=True
    ) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session", params=BASES)
async def gateway(request: pytest.FixtureRequest, lab: JupyterServer, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway_before(tmp_path, lab.url, lab.token, base_path=request.param) as running:
        yield running


def config_of(page: bytes) -> dict[str, Any]:
    found = CONFIG.search(page.decode())
    assert found is not None
    config: dict[str, Any] = json.loads(found[1])
    return config


@pytest.mark.asyncio(loop_scope="session")
async def test_each_asset_of_the_page_is_there(gateway: Gateway) -> None:
    page = await gateway.send("GET", "/lab", BROWSER)
    assert page.status == 200
    assert int(page.headers["Content-Length"]) == len(page.body)
    config = config_of(page.body)
    base = URL(gateway.url).path.rstrip("/") + "/"
    assert (config["baseUrl"], config["token"], config["wsUrl"], config["quitButton"]) == (base, "", "", False)
    addresses = ASSETS.findall(page.body.decode())
    assert len(addresses) >= 3
    addresses += [f"{config['fullStaticUrl']}/third-party-licenses.json", f"{config['fullSettingsUrl']}?ids_only=true"]
    addresses += [config["fullTranslationsApiUrl"], config["fullLicensesUrl"] + "/", config["fullAppUrl"]]
    addresses += [f"{config['fullThemesUrl']}/@jupyterlab/theme-light-extension/index.css"]
    origin = URL(gateway.url).origin()
    for address in addresses:
        assert address.startswith(base), address
        async with gateway.session.get(origin.join(URL(address, encoded=True)), headers=AUTHORIZED) as answer:
            assert answer.status == 200, address


@pytest.mark.asyncio(loop_scope="session")
async def test_no_page_gives_the_upstreams_token_away(gateway: Gateway, lab: JupyterServer) -> None:
    for path in ("/lab", "/", "/lab/tree/a", "/nope", "/custom/custom.css", "/lab/manifest.webmanifest", "/doc"):
        for headers in (AUTHORIZED, BROWSER):
            answer = await gateway.send("GET", path, headers)
            assert lab.token.encode() not in answer.body, path
            assert lab.token not in str(answer.headers), path


@pytest.mark.asyncio(loop_scope="session")
async def test_the_servers_redirects_lead_to_the_gateway(gateway: Gateway) -> None:
    base = URL(gateway.url).path.rstrip("/")
    for path, target in (("/lab/", "/lab"), ("/lab/tree/a%20b/", "/lab/tree/a%20b")):
        answer = await gateway.send("GET", path, BROWSER)
        assert (answer.status, answer.headers["Location"]) == (301, base + target)


@pytest.mark.asyncio(loop_scope="session")
async def test_settings_are_saved_through_the_gateway(gateway: Gateway) -> None:
    path = "/lab/api/settings/@jupyterlab/apputils-extension:themes"
    raw = json.dumps({"theme": gateway.url})
    saved = await gateway.send("PUT", path, AUTHORIZED, json.dumps({"raw": json.dumps({"theme": gateway.url})}))
    assert saved.status == 204
    assert json.loads((await gateway.send("GET", path)).body)["raw"] == raw


@pytest.mark.asyncio(loop_scope="session")
async def test_an_asset_that_the_browser_has_is_not_sent_again(gateway: Gateway) -> None:
    script = config_of((await gateway.send("GET", "/lab", BROWSER)).body)["fullStaticUrl"]
    path = script.removeprefix(URL(gateway.url).path.rstrip("/")) + "/third-party-licenses.json"
    first = await gateway.send("GET", path)
    again = await gateway.send("GET", path, AUTHORIZED | {"If-Modified-Since": first.headers["Last-Modified"]})
    assert (again.status, again.body) == (304, b"")
