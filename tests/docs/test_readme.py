"""The README's own configuration and commands, carried out: every curl is answered with the status it is said to be."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import environment, serving
from tests.docs.reading import ROOT, fenced

README = ROOT / "README.md"
ADDRESS = "http://127.0.0.1:8888"
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}

_STATUS = re.compile(r"# (\d{3})$", re.MULTILINE)
_CURL = re.compile(r"^curl ", re.MULTILINE)

# Every command as it stands, but curl says only the status.
_PRELUDE = """set -eu
PATH={bin}:$PATH
curl() {{ command curl -sS --output /dev/null --write-out '%{{http_code}}\\n' "$@"; }}
"""

needs_programs = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("openssl")), reason="curl and openssl are not installed here"
)


def carried_out(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-c", _PRELUDE.format(bin=Path(sys.executable).parent) + script],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_curl_says_what_it_is_answered() -> None:
    blocks = [block for block in fenced(README, "bash") if _CURL.search(block)]
    assert sum(len(_CURL.findall(block)) for block in blocks) >= 7
    for block in blocks:
        assert len(_CURL.findall(block)) == len(_STATUS.findall(block))
        assert ADDRESS in block


@needs_programs
def test_the_readme_works_as_it_is_written(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (configuration,) = fenced(README, "toml")
    (here / "gateway.toml").write_text(configuration)
    (here / "churn.ipynb").write_text(json.dumps(NOTEBOOK))
    preparing, *talking = fenced(README, "bash")
    assert "  ok    team (local)" in carried_out(preparing, here)
    with serving(here, "--config", "gateway.toml") as gateway:
        for block in talking:
            statuses = carried_out(block.replace(ADDRESS, gateway.url), here).split()
            assert statuses == _STATUS.findall(block), block
