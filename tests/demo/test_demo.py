"""``nbgw demo``: its proof holds, a step that does not hold is told, its lines can be copied and pasted."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.demo.processes import run_module
from gateway.demo.proof import MOVED_NAME, NAME, Proof, Step
from gateway.demo.stack import run_stack

START_SECONDS = 60


async def steps_of(proof: Proof) -> list[Step]:
    return [step async for step in proof.steps()]


async def test_every_step_holds_and_without_its_credential_none_does(tmp_path: Path) -> None:
    async with run_stack(tmp_path, port=0) as stack, aiohttp.ClientSession() as session:
        steps = await steps_of(Proof(stack, session))
        assert len(steps) == 10
        assert all(held for step in steps for held in step.held.values())
        refused = await steps_of(Proof(replace(stack, psk="wrong", token="wrong"), session))
        assert not any(all(step.held.values()) for step in refused if "stale" not in step.claim)


async def test_the_lines_that_it_ends_with_can_be_pasted_and_interrupting_ends_it_well() -> None:
    arguments = (sys.executable, "-m", "gateway.cli", "demo")
    pipe = asyncio.subprocess.PIPE
    demo = await asyncio.create_subprocess_exec(*arguments, stdout=pipe, stderr=pipe)
    assert demo.stdout
    printed = ""
    async with asyncio.timeout(START_SECONDS):
        while "--target-uri" not in printed:
            printed += (await demo.stdout.readline()).decode()
    assert "Every step held." in printed
    assert re.search(rf"--target-uri '\S+/%2FWorkspace%2F{re.escape(NAME)}'", printed), "it is there without an upload"
    uploaded, listed, moved = [await pasted(line) for line in re.findall(r"^  (curl .*)$", printed, re.MULTILINE)]
    assert uploaded["s3_key"] == "home/ada/sample.ipynb"
    assert "sample.ipynb" in [entry["name"] for entry in listed["content"]]
    assert [entry["name"] for entry in moved["content"]] == [MOVED_NAME]
    demo.send_signal(signal.SIGINT)
    _, complaints = await demo.communicate()
    assert (demo.returncode, complaints) == (0, b"")


async def test_a_port_in_use_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        arguments = (sys.executable, "-m", "gateway.cli", "demo", "--once", "--port", str(taken.getsockname()[1]))
        demo = await asyncio.create_subprocess_exec(*arguments)
        assert await demo.wait() == 1
    assert "Address already in use" in capfd.readouterr().err


async def pasted(line: str) -> dict[str, Any]:
    shell = await asyncio.create_subprocess_shell(f"{line} -sS", stdout=asyncio.subprocess.PIPE)
    answer, _ = await shell.communicate()
    value: dict[str, Any] = json.loads(answer)
    return value


async def test_a_server_that_does_not_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with exit code 1"):
        async with run_module(["gateway.no_such_module"], tmp_path, {}):
            pass
