"""The process that makes pages touches nothing of the machine, and ends when the gateway does, however that comes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from gateway.exporting.frames import Request, request_frame
from gateway.exporting.process import WORKER
from gateway.exporting.worker import to_html
from tests.exporting.browser import text
from tests.exporting.notebooks import code, display, html, markdown, notebook
from tests.exporting.processes import comes_true, is_running, workers_of
from tests.exporting.test_pool import ENDLESS, SMALL, running

GATEWAY = """
import asyncio, signal, sys
from gateway.exporting.pool import ExportPool

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start what it runs deaf to it

async def main():
    pool = ExportPool()
    await pool.html("x", sys.stdin.buffer.readline())
    print("one is made", flush=True)
    if len(sys.argv) > 1:
        await pool.html("x", sys.stdin.buffer.readline())
    await asyncio.Event().wait()

asyncio.run(main())
"""
"""Stands for a gateway with an export under way, if it has an argument, and else with one behind it."""


def test_no_file_is_read_that_a_notebook_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.png").write_bytes(b"the content of the file")
    monkeypatch.chdir(tmp_path)
    secret = f"{tmp_path}/secret.png"
    names = ["secret.png", "./secret.png", secret, f"file://{secret}", f"../../../../../../../..{secret}"]
    sources = [f"![x]({name}) <img src='{name}'>\n\n<img src='{name}'>" for name in names]
    pictures = [html(f"<img src='{name}'>") for name in names]
    files = display({"image/png": "AAAA"}, {"filenames": {"image/png": secret}})
    page = to_html("x", notebook(*map(markdown, sources), code(*pictures, files)))
    assert b64encode(b"the content of the file").decode() not in page
    assert "the content of the file" not in page


def test_nobody_is_called_whom_a_notebook_names() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/x.png"
        cells = [markdown(f"![x]({address}) <img src='{address}'> <link rel=stylesheet href={address}>")]
        outputs = [html(f"<img src='{address}'><style>@import url({address})</style>"), display({"image/png": address})]
        to_html("x", notebook(*cells, code(*outputs)))
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_the_folder_that_the_gateway_stands_in_has_no_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``nbgw serve`` stands in the folder that it serves: callers put files there."""
    for module in ("bleach", "mistune", "nh3", "nbconvert", "pygments", "sitecustomize", "struct"):
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'proof')!r}, 'w')")
    for place in ("lab", "lab/static", "custom"):
        (tmp_path / place).mkdir()
    (tmp_path / "lab" / "index.html.j2").write_text("planted")
    (tmp_path / "page.html.j2").write_text("planted")
    (tmp_path / "lab" / "static" / "index.css").write_text("planted")
    (tmp_path / "custom" / "custom.css").write_text("planted")
    monkeypatch.chdir(tmp_path)
    async with running() as pool:
        page = await pool.html("x", SMALL)
    assert (text(page), "planted" in page, (tmp_path / "proof").exists()) == ("hello", False, False)


async def test_a_worker_has_none_of_the_gateways_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("NBGW_IDENTITY__TOKENS", "[]")
    async with running() as pool:
        await pool.html("x", SMALL)
        (worker,) = workers_of()
        names = {line.partition("=")[0] for line in Path(f"/proc/{worker}/environ").read_text().split("\0")}
        assert ("PATH" in names, "AWS_SECRET_ACCESS_KEY" in names, "NBGW_IDENTITY__TOKENS" in names) == (
            "PATH" in os.environ,
            False,
            False,
        )


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd')",
        "open('/etc/../etc/passwd', 'rb')",
        "open(os.path.dirname(os.__file__) + '/../../../../../../../../etc/passwd')",
        "__import__('io').open('/etc/passwd')",
        "os.open('/etc/passwd', os.O_RDONLY)",
        "open(__import__('json').__file__, 'a')",
        "pathlib.Path('/tmp/x').write_text('x')",
        "socket.socket()",
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.getaddrinfo('localhost', 9)",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
    ],
)
def test_a_confined_process_gets_at_nothing(attempt: str) -> None:
    program = (
        "import os, pathlib, socket, subprocess, sys\n"
        "from gateway.exporting.confinement import confine\n"
        "confine()\n"
        f"try:\n    {attempt}\nexcept PermissionError as error:\n    print(error)\n"
        "import colorsys\nprint('still imports')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "is not for this process\nstill imports" in ended.stdout


def test_a_confined_process_cannot_take_all_memory() -> None:
    program = "from gateway.exporting.confinement import confine\nconfine()\nbytearray(2 << 30)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert ended.stderr.strip().endswith("MemoryError")


def test_the_gateway_itself_has_none_of_what_makes_pages() -> None:
    program = "import sys, json, gateway.app, gateway.exporting.pool\nprint(json.dumps(sorted(sys.modules)))"
    listed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(listed.stdout)}
    assert "aiohttp" in loaded
    assert loaded.isdisjoint({"nbconvert", "jinja2", "bleach", "mistune", "nh3", "bs4", "nbclient", "zmq"})


def test_a_worker_has_little_of_the_gateway() -> None:
    program = "import sys, json, gateway.exporting.worker\nprint(json.dumps(sorted(sys.modules)))"
    listed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(json.loads(listed.stdout))
    assert "nbconvert" in loaded
    assert loaded.isdisjoint({"gateway.app", "gateway.dialects", "gateway.server", "gateway.state", "adapters"})
    assert loaded.isdisjoint({"aiohttp", "sqlalchemy", "cryptography", "structlog", "pydantic"})


async def test_a_worker_is_deaf_to_an_interrupt() -> None:
    async with running() as pool:
        await pool.html("x", SMALL)
        (worker,) = workers_of()
        os.kill(worker, signal.SIGINT)
        await asyncio.sleep(0.1)
        assert text(await pool.html("x", SMALL)) == "hello"
        assert workers_of() == [worker]
        assert os.getpgid(worker) != os.getpgid(0)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("is_busy", [False, True])
def test_no_worker_outlives_the_gateway(ending: signal.Signals, is_busy: bool) -> None:
    command = [sys.executable, "-c", GATEWAY, *["busy"] * is_busy]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as gateway:
        assert gateway.stdin is not None
        assert gateway.stdout is not None
        gateway.stdin.write(SMALL + b"\n")
        gateway.stdin.flush()
        assert gateway.stdout.readline() == b"one is made\n"
        if is_busy:
            gateway.stdin.write(ENDLESS + b"\n")
            gateway.stdin.flush()
            assert comes_true(lambda: workers_of(gateway.pid) != [])
        (worker,) = workers_of(gateway.pid)
        gateway.send_signal(ending)
        gateway.wait(30)
    assert comes_true(lambda: not is_running(worker), seconds=40)


def test_a_page_that_nobody_waits_for_ends_itself() -> None:
    command = [sys.executable, "-P", "-m", WORKER, "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as worker:
        assert worker.stdin is not None
        worker.stdin.write(b"".join(request_frame(Request("x", ENDLESS))))
        worker.stdin.flush()
        assert worker.wait(30) == -signal.SIGALRM
